/** What runs in an engine worker: opens its host of shards and serves it on the port it was given. */
import { systemClock, systemRandom, type Logger } from '../core/clock.ts';
import { HeddleError, type PlainError } from '../core/errors.ts';
import { connectGpu } from '../gpu/gpu-port.ts';
import type { EngineBootOptions, EngineWorkerApi } from '../protocol/owner-api.ts';
import { ShardHost } from '../shard/engine-host.ts';
import { databaseVfs } from '../vfs/database-files.ts';
import { memoryVfs } from '../vfs/memory.ts';
import { openIdbMirror } from '../vfs/mirror-idb.ts';
import { engineDirectory } from './engine-directories.ts';
import { serveHost } from './host-port.ts';

export interface EngineEnvironment {
  readonly locks: LockManager;
  /** Ends this worker. */
  end(): void;
}

export class EngineWorker implements EngineWorkerApi {
  private readonly environment: EngineEnvironment;

  constructor(environment: EngineEnvironment) {
    this.environment = environment;
  }

  async boot(
    { name, index, storage, durability, mustExist, salvage, lifeLock }: EngineBootOptions,
    port: MessagePort,
    gpu: MessagePort | null,
  ): Promise<PlainError | null> {
    try {
      const stored = storage === 'opfs';
      const directory = engineDirectory(index);
      const [mirror] = await Promise.all([stored ? openIdbMirror(name, directory) : null, this.holdForLife(lifeLock)]);
      const host = await ShardHost.open({
        vfs: stored ? databaseVfs(name).directory(directory) : memoryVfs(),
        mirror,
        clock: systemClock,
        random: systemRandom,
        logger,
        durability,
        mustExist: stored && mustExist,
        salvage,
        gpu: gpu && connectGpu(gpu).backend,
        defer: afterMessages(),
      });
      const onFault = (): void => {
        server.flush();
        this.environment.end();
      };
      const server = serveHost(port, host, onFault, () => !host.gathers);
      return null;
    } catch (thrown) {
      return HeddleError.from(thrown).toPlain();
    }
  }

  /** Resolves when the lock is held; it is let go only with the worker. */
  private holdForLife(lock: string): Promise<void> {
    return new Promise((held, failed) => {
      this.environment.locks
        .request(lock, () => {
          held();
          return new Promise(() => undefined);
        })
        .catch(failed);
    });
  }
}

const logger: Logger = {
  log: (level, message, fields) => {
    if (level === 'warn' || level === 'error') console[level](`heddle: ${message}`, fields ?? '');
  },
};

/** Runs a function once the messages that have arrived were read: all writes among them then share one flush. */
function afterMessages(): (run: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const queue: (() => void)[] = [];
  port1.onmessage = () => queue.shift()?.();
  return (run) => {
    queue.push(run);
    port2.postMessage(null);
  };
}
