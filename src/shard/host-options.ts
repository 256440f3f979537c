/** What a host of shards is opened with. */
import type { Clock, Logger, Random } from '../core/clock.ts';
import type { GpuBackend } from '../gpu/gpu-backend.ts';
import type { StorageLimits } from '../lsm/storage-limits.ts';
import type { Mirror, Vfs } from '../vfs/vfs.ts';

export interface HostLimits {
  /** A shard whose memtables hold more is flushed. */
  readonly memtableBytesMax: number;
  /** All memtables of the host together; beyond it the largest is flushed. */
  readonly hostMemtableBytesMax: number;
  /** Rows not yet in a graph, per shard; beyond it writers wait for graph insertion. */
  readonly backlogRowsMax: number;
  /** Rows that wait, at least, for a graph to be built in bulk on the GPU. */
  readonly bulkRowsMin: number;
  /** Bytes of one commit; what waits beyond it goes into the next. */
  readonly commitBytesMax: number;
  /** Of each vector index. */
  readonly vectorMemoryBytesMax: number;
}

export const DEFAULT_HOST_LIMITS: HostLimits = {
  memtableBytesMax: 8 * 1024 * 1024,
  hostMemtableBytesMax: 32 * 1024 * 1024,
  backlogRowsMax: 8_192,
  bulkRowsMin: 1_024,
  commitBytesMax: 2 * 1024 * 1024,
  vectorMemoryBytesMax: 2 * 1024 * 1024 * 1024,
};

export interface HostOptions {
  /** The host's own directory. */
  readonly vfs: Vfs;
  readonly mirror: Mirror | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly durability: 'strict' | 'relaxed';
  /** The database was made before: finding nothing is `Evicted`, not a new one. */
  readonly mustExist?: boolean;
  /** A damaged log is passed over: of each shard there is what came before the damage, to be read only. */
  readonly salvage?: boolean;
  readonly limits?: Partial<HostLimits>;
  readonly storageLimits?: Partial<StorageLimits>;
  /** Takes batches of vector searches when it is faster; absent: everything runs here. */
  readonly gpu?: GpuBackend | null;
  /** Runs a function once the messages that wait have been read: a macrotask in workers, a microtask in tests. */
  readonly defer: (run: () => void) => void;
}
