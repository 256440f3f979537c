/**
 * The file system as the engine sees it: one directory a database, opened asynchronously, then read and written
 * synchronously. Implementations: OPFS (dedicated workers only), Node, memory, and simulated (faults).
 *
 * What every implementation guarantees, and the conformance suite checks:
 * - `write` writes all bytes or throws; on a throw the file's length has not grown past a whole prefix of the call.
 * - Bytes written are readable at once by the same handle; they survive a power cut only after `flush` returned, and only
 *   if the file's *name* has settled (a file is settled some time after creation; see `docs/adr/what-survives-a-crash.md`).
 * - A gap left by writing past the end reads as zeros.
 * - One handle a file: opening a file that is open elsewhere is retried, then fails with `StorageUnavailable`.
 * - Errors are `HeddleError`s: `StorageFull` for quota, `StorageUnavailable` for anything else the platform throws,
 *   `NotFound` for a missing file that was not to be created. `Evicted` when the storage was cleared beneath us.
 */

export interface VfsFile {
  readonly name: string;
  /** Reads up to `into.length` bytes at byte offset `at`; returns how many were there. */
  read(into: Uint8Array, at: number): number;
  /** Writes all of `bytes` (borrowed) at byte offset `at`, extending the file where needed. */
  write(bytes: Uint8Array, at: number): void;
  /** Returns when everything written before is on the device. */
  flush(): void;
  /** Length in bytes; cached, free of system calls. */
  size(): number;
  /** Shrinks, or extends with zeros. */
  truncate(sizeBytes: number): void;
  /** Releases the handle; does not flush. Calling it twice is allowed. */
  close(): void;
}

export interface Vfs {
  readonly kind: 'opfs' | 'node' | 'memory' | 'simulated';
  /** Names of the files (not directories) in this directory. */
  list(): Promise<string[]>;
  /** Names of the sub-directories. */
  directories(): Promise<string[]>;
  open(name: string, options: { readonly create: boolean }): Promise<VfsFile>;
  /** Deletes a file; missing is not an error. Never used in the commit path. */
  remove(name: string): Promise<void>;
  /** A sub-directory as a Vfs of its own, created when first written to. */
  directory(name: string): Vfs;
  /** Deletes this directory and all in it, for `delete database` and for recovery from the mirror. */
  destroy(): Promise<void>;
  /** Whether the directory still is the one that was opened: false once site data was cleared beneath open handles. */
  alive(): Promise<boolean>;
}

/**
 * A durable place outside the file system for a database's first minute, when file names are not yet power-safe:
 * IndexedDB with `durability: 'strict'`. Records are opaque and kept in order, per `stream`.
 */
export interface Mirror {
  /** Resolves when the records are power-safe. */
  append(stream: string, records: readonly Uint8Array[]): Promise<void>;
  /** All records of a stream in the order of appending. */
  read(stream: string): Promise<Uint8Array[]>;
  /** Streams that hold records. */
  streams(): Promise<string[]>;
  /** Drops every stream of this database. */
  clear(): Promise<void>;
  close(): void;
}
