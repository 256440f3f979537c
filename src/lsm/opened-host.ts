/** What opening a host's storage is given, and what it finds or makes. */
import type { Clock, Logger, Random } from '../core/clock.ts';
import type { Mirror, Vfs } from '../vfs/vfs.ts';
import type { FirstMinute } from './first-minute.ts';
import type { HostFiles } from './host-files.ts';
import type { LogRecord } from './log-frame.ts';
import type { Log } from './log.ts';
import type { Manifest } from './manifest.ts';
import type { Space } from './space.ts';
import type { StorageLimits } from './storage-limits.ts';

export interface HostStorageOptions {
  /** The host's own directory. */
  readonly vfs: Vfs;
  /** The host's own mirror; null where names are safe at once, or nothing better is there. */
  readonly mirror: Mirror | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: Partial<StorageLimits>;
  /** The caller knows that this database was made before: finding nothing is `Evicted`, not a new one. */
  readonly mustExist?: boolean;
  /** Where acknowledged parts of the log can't be read: opens all the same, with what can, and writes nothing. */
  readonly salvage?: boolean;
}

export interface OpenedHost {
  readonly files: HostFiles;
  readonly limits: StorageLimits;
  readonly manifest: Manifest;
  /** The generation before; null when there is none to fall back to. */
  readonly fallback: Manifest | null;
  readonly space: Space;
  readonly log: Log;
  readonly hostSeed: number;
  readonly records: readonly LogRecord[];
  /** Acknowledged parts of the log are lost: nothing may be written. */
  readonly isReadOnly: boolean;
  readonly firstMinute: FirstMinute | null;
  readonly settleMs: number;
  readonly notes: readonly string[];
}
