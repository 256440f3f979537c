/** Creation and update times by docID, for filters. Called by the inverted index only. */
import type { DocSet } from '../core/doc-set.ts';
import type { BucketOptions, BucketReader } from '../lsm/bucket.ts';
import { BucketKind, CREATED_BUCKET, UPDATED_BUCKET, bucketOf } from './fields.ts';
import type { IndexPart, Section } from './index-part.ts';
import { RangePlanes, planesMerge } from './range-planes.ts';

interface TimeIndexOptions {
  /** Names its buckets; null: those of a collection that was created with time stamps. */
  readonly ordinal: number | null;
  readonly live: DocSet;
  /** docIDs that merges must keep. */
  readonly kept: DocSet;
  readonly open: (options: BucketOptions) => BucketReader;
}

export class TimeIndex implements IndexPart {
  readonly created: RangePlanes;
  readonly updated: RangePlanes;
  private readonly createdOptions: BucketOptions;
  private readonly updatedOptions: BucketOptions;
  private readonly live: DocSet;

  constructor({ ordinal, live, kept, open }: TimeIndexOptions) {
    const options = (id: number): BucketOptions => ({ id, bloom: false, operator: planesMerge(kept) });
    this.createdOptions = options(ordinal === null ? CREATED_BUCKET : bucketOf(ordinal, BucketKind.created));
    this.updatedOptions = options(ordinal === null ? UPDATED_BUCKET : bucketOf(ordinal, BucketKind.updated));
    this.created = new RangePlanes(open(this.createdOptions));
    this.updated = new RangePlanes(open(this.updatedOptions));
    this.live = live;
  }

  get bytes(): number {
    return this.created.bytes + this.updated.bytes;
  }

  readonly readsValues = false;

  add(docID: number, _values: readonly unknown[], createdMs: number, updatedMs: number): void {
    this.created.add(docID, createdMs);
    this.updated.add(docID, updatedMs);
  }

  /** A dead docID is not in `live`; nothing is counted. */
  remove(): void {
    return undefined;
  }

  freeze(into: Section[]): void {
    const created = this.created.freeze(this.live);
    if (created) into.push({ bucket: this.createdOptions, entries: created });
    const updated = this.updated.freeze(this.live);
    if (updated) into.push({ bucket: this.updatedOptions, entries: updated });
  }

  flushed(): void {
    this.created.flushed();
    this.updated.flushed();
  }
}
