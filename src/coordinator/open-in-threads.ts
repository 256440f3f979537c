/**
 * A database in Node whose engines run in worker threads, one each, so that several shards use several cores. The coordinator
 * stays in the program's own thread, as without threads.
 */
import { systemClock, systemRandom, silentLogger, type Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { FramePort } from '../protocol/frames.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { Coordinator } from './coordinator.ts';
import { engineCountOf } from './engine-directories.ts';
import type { EngineThreadMessage, EngineThreadOptions } from './engine-thread.ts';
import { engineLost, type EngineProcess } from './engine.ts';
import { remoteHost } from './host-port.ts';

/** A thread that runs `runEngineThread`. */
export interface EngineThread {
  /** The end of the channel whose other end the thread serves. */
  readonly port: FramePort;
  onMessage(listener: (message: EngineThreadMessage) => void): void;
  /** Called once, with the reason, when the thread has ended. */
  onEnd(listener: (reason: string) => void): void;
  /** Resolves when it has ended. */
  terminate(): Promise<unknown>;
}

export interface ThreadsOptions {
  /** The database's directory; null: in memory, which an engine that ends takes with it. */
  readonly vfs: Vfs | null;
  /** Threads of a new database; one that exists keeps its number. */
  readonly engines: number;
  readonly durability?: 'strict' | 'relaxed';
  readonly salvage?: boolean;
  readonly logger?: Logger;
  readonly startThread: (index: number, options: EngineThreadOptions) => EngineThread;
}

export async function openInThreads(options: ThreadsOptions): Promise<Coordinator> {
  const { vfs, engines, durability = 'strict', salvage, logger = silentLogger, startThread } = options;
  const engineCount = vfs === null ? engines : await engineCountOf(vfs, engines);
  // Only the first start may find nothing; an engine that is started again must find what it left.
  const made = new Set<number>();
  const startEngine = async (index: number): Promise<EngineProcess> => {
    const process = await boot(startThread(index, { durability, mustExist: made.has(index), salvage }), index, logger);
    if (vfs !== null) made.add(index);
    return process;
  };
  return Coordinator.open({ startEngine, engineCount, durability, evicted: false, clock: systemClock, random: systemRandom, logger });
}

async function boot(thread: EngineThread, index: number, logger: Logger): Promise<EngineProcess> {
  const died = new Promise<HeddleError>((resolve) =>
    thread.onEnd((reason) => resolve(new HeddleError('StorageUnavailable', `engine thread ${index} ended: ${reason}`))),
  );
  const booted = new Promise<HeddleError | null>((resolve) =>
    thread.onMessage((message) => {
      if (message.kind === 'log') logger.log(message.level as 'warn', message.message, message.fields as Record<string, unknown>);
      else resolve(message.error && HeddleError.fromPlain(message.error));
    }),
  );
  const failed = await Promise.race([booted, died]);
  if (failed !== null) {
    await thread.terminate();
    throw failed;
  }
  const remote = remoteHost(thread.port);
  void died.then((reason) => remote.close(engineLost(index, reason)));
  return { host: remote.host, died, ping: remote.ping, kill: async () => void (await thread.terminate()) };
}
