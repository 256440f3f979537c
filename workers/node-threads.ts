/** Starts engine threads in Node. */
import { join } from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { engineDirectory } from '../src/coordinator/engine-directories.ts';
import type { EngineThreadOptions } from '../src/coordinator/engine-thread.ts';
import type { EngineThread } from '../src/coordinator/open-in-threads.ts';
import type { FramePort } from '../src/protocol/frames.ts';

/** What an engine thread is started with. */
export interface EngineThreadData {
  /** Null: in memory. */
  readonly directory: string | null;
  readonly port: FramePort;
  readonly options: EngineThreadOptions;
}

/** `root`: the database's folder; null: in memory. */
export function startEngineThread(root: string | null, index: number, options: EngineThreadOptions): EngineThread {
  const { port1, port2 } = new MessageChannel();
  const workerData = { directory: root === null ? null : join(root, engineDirectory(index)), port: port2, options };
  const worker = new Worker(new URL('./engine-thread.worker.ts', import.meta.url), { workerData, transferList: [port2] });
  return {
    port: framePort(port1),
    onMessage: (listener) => void worker.on('message', listener),
    onEnd: (listener) => {
      worker.once('error', (error) => listener(String(error)));
      worker.once('exit', (code) => listener(`exit code ${code}`));
    },
    terminate: () => worker.terminate().finally(() => port1.close()),
  };
}

/** Node's ports are those of the browser by other types. */
const framePort = (port: MessagePort): FramePort => port as unknown as FramePort;
