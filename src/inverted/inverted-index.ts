/**
 * The inverted index of one shard: every field's buckets, BM25's statistics and the doc column, with their memtables.
 *
 * Invariants:
 * - docIDs rise and are never reused; a new version of an object has a new docID. So postings are only ever appended, the
 *   segments of a bucket have disjoint rising docID ranges, and a dead docID is simply one that is not in `live`.
 * - `remove` gets the values that `add` got for that docID, so that net counts are exact before any merge.
 * - `freeze` hands out everything since the last flush; it stays readable, and a failed flush is frozen again with what came
 *   since. `flushed` drops it once the segments hold it.
 * - An index that is being built (`schema/reindex.ts`) holds the live docIDs below its position and follows in docID order;
 *   once it has caught up, new objects go to it as they come.
 * Called by the shard, single-threaded.
 */
import type { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import type { BucketOptions, BucketReader } from '../lsm/bucket.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import { reindexed, TIMES_INDEX } from '../schema/reindex.ts';
import { allowListOf } from './allow-list.ts';
import { DocColumn, docColumnMerge } from './doc-column.ts';
import { DocBits } from './doc-bits.ts';
import { FieldIndex } from './field-index.ts';
import { BucketKind, CREATED_BUCKET, DOCS_BUCKET, STATISTICS_BUCKET, UPDATED_BUCKET, bucketOf, fieldsOf } from './fields.ts';
import type { IndexPart, Section } from './index-part.ts';
import { Statistics, statisticsMerge } from './statistics.ts';
import { TimeIndex } from './time-index.ts';

/** How far each index has come that is being built, by its ordinal: docIDs below are in it. */
export type Positions = Readonly<Record<number, number>>;

/** An index that is being built. */
interface Growing {
  readonly part: IndexPart;
  position: number;
}

export interface InvertedIndexOptions {
  readonly schema: CollectionSchema;
  /** Opens a bucket of the shard's store; called once a bucket. */
  readonly bucket: (options: BucketOptions) => BucketReader;
  /** Nothing reads the bucket any more: merges may leave it out. */
  readonly drop: (bucket: number) => void;
  /** Live docIDs; shared, changed by the shard. */
  readonly live: DocSet;
  /** docIDs that merges must keep: `live` and what died since the last finished flush. Default: `live`. */
  readonly kept?: DocSet;
  /** docID of a live object by UUID. */
  readonly find: (uuid: Uint8Array) => number | null | undefined;
  /** As of the last flush; default: nothing has been built. */
  readonly positions?: Positions;
}

export class InvertedIndex {
  schema: CollectionSchema;
  readonly live: DocSet;
  private readonly kept: DocSet;
  readonly find: InvertedIndexOptions['find'];
  readonly docs: DocColumn;
  readonly statistics: Statistics;
  private readonly open: (options: BucketOptions) => BucketReader;
  private readonly drop: (bucket: number) => void;
  private readonly positionsAtOpen: Positions;
  /** Ordinals without an index: dropped properties, replaced indexes, and objects, which have no bucket of their own. */
  private readonly dropped = new Set<number>();
  private fieldsByOrdinal = new Map<number, FieldIndex>();
  private fieldsByPath = new Map<string, FieldIndex>();
  /** Filters by time read it; null when time stamps are not indexed. */
  times: TimeIndex | null = null;
  private timesOrdinal = TIMES_INDEX;
  private growing = new Map<number, Growing>();
  /** Some property has an index, in use or being built; otherwise `add` and `remove` look at no values. */
  readsValues = false;
  private docEnd = 0;

  constructor({ schema, bucket, drop, live, kept = live, find, positions = {} }: InvertedIndexOptions) {
    this.schema = schema;
    this.live = live;
    this.kept = kept;
    this.find = find;
    this.open = bucket;
    this.drop = drop;
    this.positionsAtOpen = positions;
    this.statistics = new Statistics(this.open(statisticsOptions));
    this.docs = new DocColumn(this.open(docsOptions(kept)));
    this.setSchema(schema);
  }

  /**
   * Properties added, dropped or renamed, indexes to build or to use. Parts go on by ordinal; a field that was added begins
   * empty, and so does an index that is to be built. One that is to be used has caught up (`positions`).
   */
  setSchema(schema: CollectionSchema): void {
    this.schema = schema;
    const later = reindexed(schema);
    const known = new Map<number, IndexPart>(this.fieldsByOrdinal);
    for (const [ordinal, { part }] of this.growing) known.set(ordinal, part);
    if (this.times) known.set(this.timesOrdinal, this.times);

    const inUse = this.partsFor(schema, known);
    const toBuild = this.partsFor(later, known, inUse);
    const positions = { ...this.positionsAtOpen, ...this.positions };
    this.growing = new Map([...toBuild].map(([ordinal, part]) => [ordinal, { part, position: positions[ordinal] ?? 0 }]));
    this.timesOrdinal = schema.timesIndex ?? TIMES_INDEX;
    this.times = (inUse.get(this.timesOrdinal) as TimeIndex | undefined) ?? null;
    inUse.delete(this.timesOrdinal);
    this.fieldsByOrdinal = inUse as Map<number, FieldIndex>;
    this.fieldsByPath = new Map([...this.fieldsByOrdinal.values()].map((index) => [index.field.path, index]));
    this.readsValues = [...this.parts()].some((part) => part.readsValues);
    this.openDropped(schema);
  }

  /** The parts that `schema` asks for, those of `except` left out; known ones go on. */
  private partsFor(
    schema: CollectionSchema,
    known: ReadonlyMap<number, IndexPart>,
    except?: ReadonlyMap<number, IndexPart>,
  ): Map<number, IndexPart> {
    const { live, kept, statistics, open } = this;
    const parts = new Map<number, IndexPart>();
    for (const field of fieldsOf(schema)) {
      const { ordinal } = field;
      if (except?.has(ordinal) === true) continue;
      const index = known.get(ordinal) as FieldIndex | undefined;
      if (index) index.field = field;
      parts.set(ordinal, index ?? new FieldIndex({ field, config: schema.invertedIndex, live, kept, statistics, open }));
    }
    const ordinal = schema.timesIndex ?? null;
    const at = ordinal ?? TIMES_INDEX;
    if (schema.invertedIndex.indexTimestamps && except?.has(at) !== true)
      parts.set(at, known.get(at) ?? new TimeIndex({ ordinal, live, kept, open }));
    return parts;
  }

  /** Buckets that nothing reads any more vanish with the next merge. */
  private openDropped(schema: CollectionSchema): void {
    const others = new Set([...schema.vectors.map((vector) => vector.ordinal), this.times && schema.timesIndex]);
    for (let ordinal = 0; ordinal < schema.nextOrdinal; ordinal++) {
      const isUsed = this.fieldsByOrdinal.has(ordinal) || this.growing.has(ordinal) || others.has(ordinal);
      if (isUsed || this.dropped.has(ordinal)) continue;
      this.dropped.add(ordinal);
      for (const kind of Object.values(BucketKind)) this.drop(bucketOf(ordinal, kind));
    }
    if ((this.times && schema.timesIndex === undefined) || this.dropped.has(TIMES_INDEX)) return;
    this.dropped.add(TIMES_INDEX);
    for (const id of [CREATED_BUCKET, UPDATED_BUCKET]) this.drop(id);
  }

  /** Fields of the schema, in its order. */
  fields(): Iterable<FieldIndex> {
    return this.fieldsByOrdinal.values();
  }
  /** The field at a dotted path; `InvalidInput` when there is none. */
  field(path: string): FieldIndex {
    const found = this.fieldsByPath.get(path);
    if (found) return found;
    throw new HeddleError('InvalidInput', `property "${path}" is not in collection "${this.schema.name}"`, { details: { property: path } });
  }

  /** Everything that has memtables of fields or times, in use or being built. */
  private *parts(): Iterable<IndexPart> {
    yield* this.fieldsByOrdinal.values();
    if (this.times) yield this.times;
    for (const { part } of this.growing.values()) yield part;
  }

  add(docID: number, uuid: Uint8Array, createdMs: number, updatedMs: number, values: readonly unknown[]): void {
    this.docEnd = docID + 1;
    this.docs.add(docID, uuid, createdMs, updatedMs);
    this.statistics.countObject(1);
    for (const index of this.fieldsByOrdinal.values()) index.add(docID, values);
    this.times?.add(docID, values, createdMs, updatedMs);
    this.grow(docID, values, createdMs, updatedMs);
  }

  /** The version that dies, with the values it was added with. */
  remove(docID: number, values: readonly unknown[]): void {
    this.statistics.countObject(-1);
    for (const index of this.fieldsByOrdinal.values()) index.remove(values);
    for (const { part, position } of this.growing.values()) if (docID < position) part.remove(values);
  }

  // --- indexes that are being built

  /** How far each has come. */
  get positions(): Positions {
    return Object.fromEntries([...this.growing].map(([ordinal, { position }]) => [ordinal, position]));
  }

  /** Adds an object to those that wait for this docID. */
  grow(docID: number, values: readonly unknown[], createdMs: number, updatedMs: number): void {
    for (const growing of this.growing.values()) {
      if (growing.position !== docID) continue;
      growing.part.add(docID, values, createdMs, updatedMs);
      growing.position = docID + 1;
    }
  }

  /** There is nothing to index in `[from, to)`. */
  growPast(from: number, to: number): void {
    for (const growing of this.growing.values()) if (growing.position === from) growing.position = to;
  }

  // --- flushes

  get memtableBytes(): number {
    let { bytes } = this.docs;
    for (const part of this.parts()) bytes += part.bytes;
    return bytes;
  }

  /** Sorted sections of everything since the last flush, by bucket. */
  freeze(): readonly Section[] {
    const sections: Section[] = [];
    const push = (bucket: BucketOptions, entries: Section['entries'] | null): void => {
      if (entries) sections.push({ bucket, entries });
    };
    push(statisticsOptions, this.statistics.freeze());
    push(docsOptions(this.kept), this.docs.freeze(this.live));
    for (const part of this.parts()) part.freeze(sections);
    return sections;
  }

  /** The sections of the last `freeze` are in a segment. */
  flushed(): void {
    this.statistics.flushed();
    this.docs.flushed();
    for (const part of this.parts()) part.flushed();
  }

  /** Live objects that match; all of them for null. The caller owns the set. */
  allowList(filter: FilterNode | null): DocSet {
    return filter === null ? this.live.clone() : allowListOf(this, filter);
  }

  /** An empty bitmap with room for every docID. */
  bits(): DocBits {
    return new DocBits(Math.max(this.docEnd, this.live.capacity));
  }
}

const statisticsOptions: BucketOptions = { id: STATISTICS_BUCKET, bloom: false, operator: statisticsMerge() };
const docsOptions = (kept: DocSet): BucketOptions => ({ id: DOCS_BUCKET, bloom: false, operator: docColumnMerge(kept) });
