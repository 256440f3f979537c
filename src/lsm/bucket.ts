/**
 * What the LSM store knows of a bucket: a number, sorted byte keys, opaque byte values and how values of one key merge.
 *
 * A shard's store is a stack of immutable segments, newest first, shared by all of its buckets: one flush freezes every
 * memtable of the shard at one sequence number and writes one container with a section for each bucket, which enters the
 * manifest in one edit. Layers above (objects, inverted index) bring their own memtables and hand the store sorted entries.
 */

/** Keys rise strictly in unsigned byte order. `next` returns null at the end; key and value are borrowed until the next call. */
export interface SortedEntries {
  next(): Entry | null;
}

export interface Entry {
  readonly key: Uint8Array;
  /** Null is a tombstone: the key is deleted as of this segment. */
  readonly value: Uint8Array | null;
}

/**
 * How the values of one key in several segments become one.
 * - `replace`: the newest wins; a tombstone deletes. `keep` must answer as of the last finished flush: records after it are
 *   replayed after a crash, and may need what they are about to kill.
 * - otherwise `merge` gets the values newest first and returns the merged value, or null where these values add nothing.
 *   Such buckets hold no tombstones. `isOldest`: no older segment can hold the key.
 */
export type MergeOperator =
  | {
      readonly kind: 'replace';
      /** Says during a merge whether an entry is still wanted; absent: always. */ keep?(key: Uint8Array, value: Uint8Array): boolean;
    }
  | { readonly kind: 'merge'; merge(key: Uint8Array, newestFirst: readonly Uint8Array[], isOldest: boolean): Uint8Array | null };

export interface BucketOptions {
  /** Stable for the life of the shard; reaches the disk. */
  readonly id: number;
  readonly operator: MergeOperator;
  /** Bloom filter over whole keys; off for buckets that are only scanned or whose keys are dense. */
  readonly bloom: boolean;
  /** How many entries merges keep, where the owner knows: when more than a quarter are others, everything is merged. */
  keptEntries?(): number;
}

/** Reading one bucket of a shard's segments (memtables excluded; their owners merge those in). */
export interface BucketReader {
  /** `replace` buckets: the newest value, null where a tombstone is newest, undefined where no segment knows the key. Borrowed: valid in this turn. */
  get(key: Uint8Array): Uint8Array | null | undefined;
  /** The values of a key in every segment that has it, newest first. Borrowed: valid in this turn. */
  getAll(key: Uint8Array): Uint8Array[];
  /**
   * Entries with `from <= key < to` over all segments, in key order, merged by the operator (the bucket's own, unless another is
   * given); pins the segments until `close`. `cached`: blocks go through the block cache instead of being read ahead, for many
   * short ranges.
   */
  scan(from: Uint8Array | null, to: Uint8Array | null, operator?: MergeOperator, cached?: boolean): BucketCursor;
}

export interface BucketCursor extends SortedEntries {
  close(): void;
}

/**
 * An append-only byte stream in extents of the host's data files, named by the manifest; for graph logs and snapshots.
 * Bytes are durable after `flush`. Its content frames itself (length, checksum), so a torn tail is the reader's to find.
 */
export interface ExtentStream {
  /** Names the stream in the manifest. */
  readonly id: number;
  /** Bytes appended so far; after a crash, the capacity that was allocated (read until frames end). */
  readonly length: number;
  append(bytes: Uint8Array): void;
  read(into: Uint8Array, at: number): number;
  /** For a stream opened again: appending goes on at `length`, where the reader found the valid frames to end. */
  resumeAt(length: number): void;
  flush(): void;
}

export interface StreamSpace {
  /** A new empty stream, named in the next manifest edit; it is freed at open if no edit ever named it. */
  create(): ExtentStream;
  /** `NotFound` when no manifest names it (its owner rebuilds what it held). */
  open(id: number): ExtentStream;
  /** Streams that there are; owners free those that nothing refers to after a crash. */
  ids(): number[];
  /** Gives its extents back once the manifest edit that forgot it is durable. */
  free(id: number): void;
}
