/** The package's entry in Node: the same API, the engines in this thread or in threads of their own, over the file system or in memory. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { connectOver } from '../src/client/connect-over.ts';
import type { Database } from '../src/client/database.ts';
import type { ConnectOptions } from '../src/client/options.ts';
import type { Coordinator } from '../src/coordinator/coordinator.ts';
import { defaultEngines } from '../src/coordinator/engine-directories.ts';
import { openInProcess } from '../src/coordinator/open-in-process.ts';
import { openInThreads } from '../src/coordinator/open-in-threads.ts';
import { HeddleError } from '../src/core/errors.ts';
import { localChannel } from '../src/protocol/local-port.ts';
import { memoryVfs } from '../src/vfs/memory.ts';
import { nameOf } from '../src/vfs/names.ts';
import { nodeVfs } from '../src/vfs/node.ts';
import { startEngineThread } from './node-threads.ts';

export * from '../src/client/api.ts';

/** Folders of the databases that are open in this process: threads can't see each other's files. */
const openRoots = new Set<string>();

/** Opens the database `name`, making it where there is none: in the folder `storage.path`, or in memory. */
export async function connect(name: string, options: ConnectOptions = {}): Promise<Database> {
  const { storage = { path: '.' } } = options;
  if (storage === 'opfs')
    throw new HeddleError('StorageUnavailable', 'Node has no OPFS', { hint: 'Pass storage: { path: "folder" }, or "memory".' });
  const root = storage === 'memory' ? null : resolve(join(storage.path, nameOf(name)));
  if (root !== null && openRoots.has(root))
    throw new HeddleError('StorageUnavailable', `database "${name}" is open in this process already`, {
      hint: 'Share the Database object, or close it first.',
      details: { path: root },
    });
  if (root !== null) openRoots.add(root);
  try {
    const coordinator = await open(root, options);
    const [here, there] = localChannel();
    coordinator.connect(there);
    return await connectOver(name, options, (attach) => {
      attach(here);
      return () => coordinator.close().finally(() => forget(root));
    });
  } catch (thrown) {
    forget(root);
    throw thrown;
  }
}

function open(root: string | null, { durability, engines, threads, salvage, logger: log }: ConnectOptions): Promise<Coordinator> {
  const logger = log && { log };
  if (threads !== true) return openInProcess({ vfs: root === null ? memoryVfs() : nodeVfs(root), durability, engines, salvage, logger });
  return openInThreads({
    vfs: root === null ? null : nodeVfs(root),
    engines: engines ?? defaultEngines(availableParallelism()),
    durability,
    salvage,
    logger,
    startThread: (index, threadOptions) => startEngineThread(root, index, threadOptions),
  });
}

function forget(root: string | null): void {
  if (root !== null) openRoots.delete(root);
}
