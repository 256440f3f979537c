/**
 * A database in this thread: the coordinator and its engines over any vfs. What Node and the tests use; in browsers the same parts
 * run in workers.
 */
import { systemClock, systemRandom, silentLogger, type Clock, type Logger, type Random } from '../core/clock.ts';
import { ShardHost, type HostLimits } from '../shard/engine-host.ts';
import type { StorageLimits } from '../lsm/storage-limits.ts';
import type { Mirror, Vfs } from '../vfs/vfs.ts';
import { Coordinator } from './coordinator.ts';
import { engineCountOf, engineDirectory } from './engine-directories.ts';
import { localEngine } from './local-engine.ts';

export interface InProcessOptions {
  /** The database's directory. */
  readonly vfs: Vfs;
  readonly mirrorOf?: (engine: number) => Mirror | null;
  /** Engines of a new database; one that exists keeps its number. */
  readonly engines?: number;
  readonly durability?: 'strict' | 'relaxed';
  readonly salvage?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly limits?: Partial<HostLimits>;
  readonly storageLimits?: Partial<StorageLimits>;
}

export async function openInProcess(options: InProcessOptions): Promise<Coordinator> {
  const {
    vfs,
    mirrorOf = () => null,
    durability = 'strict',
    salvage,
    clock = systemClock,
    random = systemRandom,
    logger = silentLogger,
    limits,
    storageLimits,
  } = options;
  const engineCount = await engineCountOf(vfs, options.engines ?? 1);
  const startEngine = (index: number) =>
    localEngine(async () => {
      const host = await ShardHost.open({
        vfs: vfs.directory(engineDirectory(index)),
        mirror: mirrorOf(index),
        clock,
        random,
        logger,
        durability,
        salvage,
        defer: (run) => setImmediate(run),
        limits,
        storageLimits,
      });
      return { host, release: () => host.close().catch(() => undefined) };
    });
  return Coordinator.open({ startEngine, engineCount, durability, evicted: false, clock, random, logger });
}
