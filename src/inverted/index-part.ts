/** What an inverted index is made of: one field's buckets, or the times'. */
import type { BucketOptions, SortedEntries } from '../lsm/bucket.ts';

/** One bucket of a flush. */
export interface Section {
  readonly bucket: BucketOptions;
  readonly entries: SortedEntries;
}

export interface IndexPart {
  /** Bytes of its memtables. */
  readonly bytes: number;
  /** Whether `add` and `remove` look at the values. */
  readonly readsValues: boolean;
  /** docIDs rise. */
  add(docID: number, values: readonly unknown[], createdMs: number, updatedMs: number): void;
  /** Takes back what `add` counted for these values. */
  remove(values: readonly unknown[]): void;
  /** Appends the sections of everything since the last flush. */
  freeze(into: Section[]): void;
  /** They are in a segment. */
  flushed(): void;
}
