/**
 * Every size and bound of a host's storage in one place. `logFiles`, `logFileBytes`, `dataFiles` and `extentBytes` are
 * fixed when a database is created and read back from its manifest; the rest may change with every open.
 */
import { SETTLE_MS } from '../vfs/settle.ts';

export interface StorageLimits {
  /** Log files a host has; they are recycled in turn. */
  readonly logFiles: number;
  /** Bytes of a log file, written with zeros at creation, so that a commit grows no file. */
  readonly logFileBytes: number;
  /** A log file may grow to this when one commit is larger than a file, or no file can be recycled yet. */
  readonly logFileBytesMax: number;
  /** Data files a host has; handles a host needs = 2 + logFiles + dataFiles. */
  readonly dataFiles: number;
  /** Allocation unit of the data files. */
  readonly extentBytes: number;
  /** A data file beyond this grows no further; the last one has no limit. */
  readonly dataFileBytesMax: number;
  /** Space at the start of the last data file that only deletes and merges that shrink may use. */
  readonly reserveBytes: number;
  /** Bytes of each manifest file written at creation. */
  readonly manifestBytes: number;
  /** Data blocks kept in memory. */
  readonly blockCacheBytes: number;
  /** Bytes a segment writer collects before it calls the file system. */
  readonly writeBufferBytes: number;
  /** A segment writer flushes after this many bytes, so that no single flush takes long. */
  readonly syncBytes: number;
  /** Target size of a data block. */
  readonly blockBytes: number;
  /** Values above this are kept apart from their block. */
  readonly inlineValueBytesMax: number;
  /** Segments of like size that are merged into one. */
  readonly mergeFanout: number;
  /** Merges leave segments above this alone, except a full compaction. */
  readonly mergeBytesMax: number;
  /** Containers are moved down, so that files shrink, when at least this much and a quarter of the disk space lies free between them. */
  readonly shrinkBytesMin: number;
  /** A new file's name is trusted after this many milliseconds of the creating worker's monotonic clock. */
  readonly settleMs: number;
  /** Everything is read and checked in the background this often in a session. */
  readonly scrubEveryMs: number;
  /** Bytes the first minute's mirror may hold. */
  readonly mirrorBytesMax: number;
  /** While writing, the directory is checked for cleared site data this often. */
  readonly aliveCheckMs: number;
}

export const DEFAULT_LIMITS: StorageLimits = {
  logFiles: 3,
  logFileBytes: 4 << 20,
  logFileBytesMax: 96 << 20,
  dataFiles: 4,
  extentBytes: 16 << 10,
  dataFileBytesMax: 1 << 30,
  reserveBytes: 2 << 20,
  manifestBytes: 128 << 10,
  blockCacheBytes: 16 << 20,
  writeBufferBytes: 256 << 10,
  syncBytes: 1 << 20,
  blockBytes: 4096,
  inlineValueBytesMax: 2048,
  mergeFanout: 4,
  mergeBytesMax: 1 << 30,
  shrinkBytesMin: 1 << 20,
  settleMs: SETTLE_MS,
  scrubEveryMs: 3_600_000,
  mirrorBytesMax: 64 << 20,
  aliveCheckMs: 5_000,
};
