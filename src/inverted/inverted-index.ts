/**
 * The inverted index of one shard: every field's buckets, BM25's statistics and the doc column, with their memtables.
 *
 * Invariants:
 * - docIDs rise and are never reused; a new version of an object has a new docID. So postings are only ever appended, the
 *   segments of a bucket have disjoint rising docID ranges, and a dead docID is simply one that is not in `live`.
 * - `remove` gets the values that `add` got for that docID, so that net counts are exact before any merge.
 * - `freeze` hands out everything since the last flush; it stays readable, and a failed flush is frozen again with what came
 *   since. `flushed` drops it once the segments hold it.
 * Called by the shard, single-threaded.
 */
import type { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import type { BucketOptions, BucketReader, MergeOperator } from '../lsm/bucket.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import { allowListOf } from './allow-list.ts';
import { DocColumn, docColumnMerge } from './doc-column.ts';
import { DocBits } from './doc-bits.ts';
import { FieldIndex, type Section } from './field-index.ts';
import { BucketKind, CREATED_BUCKET, DOCS_BUCKET, STATISTICS_BUCKET, UPDATED_BUCKET, bucketOf, fieldsOf } from './fields.ts';
import { RangePlanes, planesMerge } from './range-planes.ts';
import { Statistics, statisticsMerge } from './statistics.ts';

export interface InvertedIndexOptions {
  readonly schema: CollectionSchema;
  /** Opens a bucket of the shard's store; called once a bucket, also for buckets of dropped properties (their merges drop everything). */
  readonly bucket: (options: BucketOptions) => BucketReader;
  /** Live docIDs; shared, changed by the shard. */
  readonly live: DocSet;
  /** docIDs that merges must keep: `live` and what died since the last finished flush. Default: `live`. */
  readonly kept?: DocSet;
  /** docID of a live object by UUID. */
  readonly find: (uuid: Uint8Array) => number | null | undefined;
}

export class InvertedIndex {
  schema: CollectionSchema;
  readonly live: DocSet;
  private readonly kept: DocSet;
  readonly find: InvertedIndexOptions['find'];
  readonly docs: DocColumn;
  readonly statistics: Statistics;
  /** By creation and update time; when time stamps are indexed. */
  readonly created: RangePlanes | null;
  readonly updated: RangePlanes | null;
  private readonly open: (options: BucketOptions) => BucketReader;
  /** Ordinals without a field: dropped properties, and objects, which have no bucket of their own. */
  private readonly dropped = new Set<number>();
  private byOrdinal = new Map<number, FieldIndex>();
  private byPath = new Map<string, FieldIndex>();
  private docEnd = 0;

  constructor({ schema, bucket, live, kept = live, find }: InvertedIndexOptions) {
    this.schema = schema;
    this.live = live;
    this.kept = kept;
    this.find = find;
    this.open = bucket;
    this.statistics = new Statistics(this.open(statisticsOptions));
    this.docs = new DocColumn(this.open(docsOptions(kept)));
    const timestamps = schema.invertedIndex.indexTimestamps;
    this.created = timestamps ? new RangePlanes(this.open(timesOptions(CREATED_BUCKET, kept))) : null;
    this.updated = timestamps ? new RangePlanes(this.open(timesOptions(UPDATED_BUCKET, kept))) : null;
    this.setSchema(schema);
  }

  /** Properties added, dropped or renamed. Fields go on by ordinal; a field that was added begins empty. */
  setSchema(schema: CollectionSchema): void {
    this.schema = schema;
    const byOrdinal = new Map<number, FieldIndex>();
    for (const field of fieldsOf(schema)) {
      const known = this.byOrdinal.get(field.ordinal);
      if (known) known.field = field;
      const { live, kept, statistics, open } = this;
      byOrdinal.set(field.ordinal, known ?? new FieldIndex({ field, config: schema.invertedIndex, live, kept, statistics, open }));
    }
    this.byOrdinal = byOrdinal;
    this.byPath = new Map([...byOrdinal.values()].map((index) => [index.field.path, index]));
    this.openDropped(schema);
  }

  /** Buckets that no field has any more vanish with the next merge. */
  private openDropped(schema: CollectionSchema): void {
    const vectors = new Set(schema.vectors.map((vector) => vector.ordinal));
    for (let ordinal = 0; ordinal < schema.nextOrdinal; ordinal++) {
      if (this.byOrdinal.has(ordinal) || vectors.has(ordinal) || this.dropped.has(ordinal)) continue;
      this.dropped.add(ordinal);
      for (const kind of Object.values(BucketKind)) this.open({ id: bucketOf(ordinal, kind), bloom: false, operator: DROP });
    }
  }

  /** Fields of the schema, in its order. */
  fields(): Iterable<FieldIndex> {
    return this.byOrdinal.values();
  }
  /** The field at a dotted path; `InvalidInput` when there is none. */
  field(path: string): FieldIndex {
    const found = this.byPath.get(path);
    if (found) return found;
    throw new HeddleError('InvalidInput', `property "${path}" is not in collection "${this.schema.name}"`, { details: { property: path } });
  }
  fieldAt(ordinal: number): FieldIndex | undefined {
    return this.byOrdinal.get(ordinal);
  }

  add(docID: number, uuid: Uint8Array, createdMs: number, updatedMs: number, values: readonly unknown[]): void {
    this.docEnd = docID + 1;
    this.docs.add(docID, uuid, createdMs, updatedMs);
    this.created?.add(docID, createdMs);
    this.updated?.add(docID, updatedMs);
    this.statistics.countObject(1);
    for (const index of this.byOrdinal.values()) index.add(docID, values);
  }

  /** The version that dies, with the values it was added with. */
  remove(_docID: number, _uuid: Uint8Array, _createdMs: number, _updatedMs: number, values: readonly unknown[]): void {
    this.statistics.countObject(-1);
    for (const index of this.byOrdinal.values()) index.remove(values);
  }

  get memtableBytes(): number {
    let bytes = this.docs.bytes + (this.created?.bytes ?? 0) + (this.updated?.bytes ?? 0);
    for (const index of this.byOrdinal.values()) bytes += index.bytes;
    return bytes;
  }

  /** Sorted sections of everything since the last flush, by bucket. */
  freeze(): readonly Section[] {
    const sections: Section[] = [];
    const push = (bucket: BucketOptions, entries: Section['entries'] | null | undefined): void => {
      if (entries) sections.push({ bucket, entries });
    };
    push(statisticsOptions, this.statistics.freeze());
    push(docsOptions(this.kept), this.docs.freeze(this.live));
    push(timesOptions(CREATED_BUCKET, this.kept), this.created?.freeze(this.live));
    push(timesOptions(UPDATED_BUCKET, this.kept), this.updated?.freeze(this.live));
    for (const index of this.byOrdinal.values()) index.freeze(sections);
    return sections;
  }

  /** The sections of the last `freeze` are in a segment. */
  flushed(): void {
    this.statistics.flushed();
    this.docs.flushed();
    this.created?.flushed();
    this.updated?.flushed();
    for (const index of this.byOrdinal.values()) index.flushed();
  }

  /** Live objects that match; all of them for null. The caller owns the set. */
  allowList(filter: FilterNode | null): DocSet {
    return filter === null ? this.live.clone() : allowListOf(this, filter);
  }

  /** An empty bitmap with room for every docID. */
  bits(): DocBits {
    return new DocBits(Math.max(this.docEnd, this.live.capacity));
  }

  /** Ordinals of fields whose buckets do not hold every object. A new property is empty and a rename moves nothing, so there are none. */
  needsReindex(): readonly number[] {
    return [];
  }
}

const DROP: MergeOperator = { kind: 'merge', merge: () => null };
const statisticsOptions: BucketOptions = { id: STATISTICS_BUCKET, bloom: false, operator: statisticsMerge() };
const docsOptions = (kept: DocSet): BucketOptions => ({ id: DOCS_BUCKET, bloom: false, operator: docColumnMerge(kept) });
const timesOptions = (id: number, kept: DocSet): BucketOptions => ({ id, bloom: false, operator: planesMerge(kept) });
