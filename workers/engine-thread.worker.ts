/** Doorway of an engine thread in Node: hosts shards of one database, in a directory of their own. */
import { parentPort, workerData } from 'node:worker_threads';
import { runEngineThread } from '../src/coordinator/engine-thread.ts';
import { memoryVfs } from '../src/vfs/memory.ts';
import { nodeVfs } from '../src/vfs/node.ts';
import type { EngineThreadData } from './node-threads.ts';

const { directory, port, options } = workerData as EngineThreadData;
void runEngineThread(options, {
  vfs: directory === null ? memoryVfs() : nodeVfs(directory),
  port,
  tell: (message) => parentPort?.postMessage(message),
  end: () => process.exit(),
});
