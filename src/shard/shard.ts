/**
 * One shard: objects, inverted index and vector indexes, all derived from the write records of its log.
 *
 * Invariants:
 * - `apply` is the only way in; live writes and replay go through it alike, so a recovered shard equals the one that crashed.
 * - A flush freezes every memtable at one sequence number and hands all sections to the store in one edit; it works in slices,
 *   while writes go to new memtables.
 * - Reads run in one turn and see every record applied before.
 * Single-threaded; called by the host only. A record must be durable before its effects are told to anyone.
 */
import { fromUtf8 } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { indexOf } from '../inverted/fields.ts';
import { InvertedIndex } from '../inverted/inverted-index.ts';
import type { FlushJob, ShardStore } from '../lsm/shard-store.ts';
import { decodeObject, encodeObject, millisecondsOf } from '../protocol/object-record.ts';
import type { NamedVector, WriteEntry } from '../protocol/write-batch.ts';
import { ShardQuery } from '../query/shard-query.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { isReindexing } from '../schema/reindex.ts';
import type { ShardStats } from './host-api.ts';
import { ObjectStore } from './object-store.ts';
import { Reindexer } from './reindexer.ts';
import { resolveBatch, type Resolution, type ShardView } from './resolve.ts';
import { ShardReads } from './shard-reads.ts';
import { encodeShardMeta, type ShardMeta } from './shard-meta.ts';
import { VectorField, type OpenIndex } from './vector-field.ts';
import { OperationKind, type Operation, type PutOperation, type WriteRecord } from './write-record.ts';

export interface ShardOptions {
  readonly id: number;
  readonly store: ShardStore;
  readonly meta: ShardMeta;
  /** Everything up to this record is in the store's segments. */
  readonly flushedSequence: number;
  readonly openIndex: OpenIndex;
  readonly clock: Clock;
}

export class Shard implements ShardView {
  readonly id: number;
  schema: CollectionSchema;
  /** Sequence number of the last record applied. */
  sequence: number;
  /** Sequence number up to which everything is in segments. */
  flushedSequence: number;
  hlc: number;
  readonly objects: ObjectStore;
  readonly inverted: InvertedIndex;
  readonly query: ShardQuery;
  readonly reads = new ShardReads(this);
  readonly store: ShardStore;
  /** By vector ordinal. */
  readonly fields = new Map<number, VectorField>();
  private readonly reindexer: Reindexer;
  /** As of the last freeze. */
  private meta: ShardMeta;
  /** As of the last finished flush. */
  private flushedMeta: ShardMeta;
  private flushJob: FlushJob | null = null;
  private flushingSequence = 0;
  private readonly clock: Clock;
  private readonly openIndex: OpenIndex;
  private opened = false;

  constructor({ id, store, meta, flushedSequence, openIndex, clock }: ShardOptions) {
    this.id = id;
    this.store = store;
    this.meta = meta;
    this.flushedMeta = meta;
    this.openIndex = openIndex;
    this.clock = clock;
    this.schema = meta.schema;
    this.hlc = meta.hlc;
    this.sequence = flushedSequence;
    this.flushedSequence = flushedSequence;
    this.objects = new ObjectStore((options) => store.bucket(options), meta.nextDocID);
    this.inverted = new InvertedIndex({
      schema: this.schema,
      bucket: (options) => store.bucket(options),
      drop: (bucket) => store.dropBucket(bucket),
      live: this.objects.live,
      kept: this.objects.kept,
      find: (uuid) => this.objects.find(uuid),
      positions: meta.reindex,
    });
    this.reindexer = new Reindexer(this.inverted, this.objects);
    this.query = new ShardQuery({
      schema: this.schema,
      inverted: this.inverted,
      live: this.objects.live,
      vectors: { get: (name) => this.fieldNamed(name)?.index ?? undefined },
      readValues: (docID) => this.values(docID),
    });
    this.openFields();
  }

  /** After the log was replayed: from now on the vector indexes can be opened. */
  open(): void {
    this.opened = true;
    for (const field of this.fields.values()) this.bindIndex(field);
  }

  setSchema(schema: CollectionSchema): void {
    if (schema.version <= this.schema.version) return;
    this.reindexer.finishFor(schema, this.clock);
    this.schema = schema;
    this.inverted.setSchema(schema);
    this.openFields();
  }

  private openFields(): void {
    const wanted = new Map(this.schema.vectors.map((vector) => [vector.ordinal, vector]));
    for (const [ordinal, field] of this.fields) {
      if (wanted.has(ordinal)) continue;
      field.openedIndex?.close();
      this.fields.delete(ordinal);
    }
    for (const [ordinal, schema] of wanted) {
      const known = this.fields.get(ordinal);
      if (known) known.setSchema(schema);
      else this.fields.set(ordinal, this.newField(ordinal, schema.dimensions, schema));
    }
    if (this.opened) for (const field of this.fields.values()) this.bindIndex(field);
  }

  private newField(ordinal: number, dimensions: number, schema: CollectionSchema['vectors'][number]): VectorField {
    return new VectorField(
      schema,
      this.meta.vectors[ordinal]?.dimensions || dimensions,
      this.store.columns,
      this.objects.live,
      this.objects.kept,
    );
  }

  private bindIndex(field: VectorField): void {
    field.bindIndex(this.openIndex, this.meta.vectors[field.schema.ordinal]?.index ?? null, this.sequence);
  }

  private fieldNamed(name: string): VectorField | undefined {
    for (const field of this.fields.values()) if (field.schema.name === name) return field;
    return undefined;
  }

  // --- what resolving sees

  find(uuid: Uint8Array): number | null {
    return this.objects.find(uuid);
  }
  record(docID: number): Uint8Array {
    return this.objects.record(docID);
  }
  isLive(docID: number): boolean {
    return this.objects.live.has(docID);
  }
  hasVector(ordinal: number, docID: number): boolean {
    return this.fields.get(ordinal)?.present.has(docID) ?? false;
  }
  checkVector({ ordinal, values }: NamedVector, ahead: number): void {
    const field = this.fields.get(ordinal);
    if (!field)
      throw new HeddleError('InvalidInput', `collection "${this.schema.name}" has no vector with ordinal ${ordinal}`, {
        hint: 'Open the collection again: its schema has changed.',
      });
    field.check(values, ahead);
  }

  resolve(entries: Iterable<WriteEntry>, nowMs: number, atomic: boolean): Resolution {
    return resolveBatch(this, entries, this.objects.nextDocID, nowMs, atomic);
  }

  // --- the write path

  /** Applies a logged record. Deterministic: the same records in the same order give the same shard. */
  apply(record: WriteRecord, sequence: number): void {
    this.sequence = sequence;
    this.hlc = Math.max(this.hlc, record.hlc);
    for (const operation of record.operations) this.applyOperation(operation, record.hlc, sequence);
  }

  private applyOperation(operation: Operation, hlc: number, sequence: number): void {
    switch (operation.kind) {
      case OperationKind.put:
        this.put(operation, hlc, sequence);
        return;
      case OperationKind.delete:
        this.forget(operation.docID, new Set(), sequence);
        this.objects.delete(operation.uuid, operation.docID);
        return;
      case OperationKind.attach:
        for (const vector of operation.vectors) this.addVector(operation.docID, vector, sequence);
    }
  }

  private put(operation: PutOperation, hlc: number, sequence: number): void {
    const { docID, previous, uuid, properties } = operation;
    if (previous !== null) {
      for (const ordinal of operation.carried) this.fields.get(ordinal)?.carry(previous, docID, sequence);
      this.forget(previous, new Set(operation.carried), sequence);
      this.objects.kill(previous);
    }
    const createdMs = millisecondsOf(hlc) - operation.ageMs;
    this.objects.put(uuid, docID, encodeObject({ uuid, hlc, createdMs, sequence, properties }, this.objects.allocate));
    const values = this.inverted.readsValues ? (JSON.parse(fromUtf8(properties)) as unknown[]) : [];
    this.inverted.add(docID, uuid, createdMs, millisecondsOf(hlc), values);
    for (const vector of operation.vectors) this.addVector(docID, vector, sequence);
  }

  /** Takes a dying version out of the indexes. */
  private forget(docID: number, carried: ReadonlySet<number>, sequence: number): void {
    this.inverted.remove(docID, this.inverted.readsValues ? this.values(docID) : []);
    for (const [ordinal, field] of this.fields) if (!carried.has(ordinal)) field.remove(docID, sequence);
  }

  private addVector(docID: number, { ordinal, values }: NamedVector, sequence: number): void {
    const field = this.fields.get(ordinal);
    if (!field || !this.isLive(docID)) return;
    field.add(docID, values, sequence);
    if (this.opened) this.bindIndex(field);
  }

  // --- flush and background work

  get memtableBytes(): number {
    let bytes = this.objects.memtableBytes + this.inverted.memtableBytes;
    for (const field of this.fields.values()) bytes += field.memtableBytes;
    return bytes;
  }

  /** There is something that no segment holds. */
  get isDirty(): boolean {
    return this.sequence > this.flushedSequence || this.memtableBytes > 0;
  }

  /** Rows over all vectors that are not yet in a graph. */
  get backlog(): number {
    let rows = 0;
    for (const field of this.fields.values()) rows += field.openedIndex?.backlog ?? 0;
    return rows;
  }

  /**
   * What the manifest keeps of this shard, as of the last freeze; the log's records go on from there. An index in the middle of a
   * snapshot keeps its former state unless `finishing`: what came since is then added again at the next open.
   */
  encodeMeta(finishing = false): Uint8Array {
    const vectors: ShardMeta['vectors'] = {};
    for (const [ordinal, field] of this.fields) {
      const known = this.meta.vectors[ordinal]?.index ?? null;
      const { openedIndex } = field;
      const index = openedIndex && (finishing || !openedIndex.snapshotting) ? openedIndex.checkpoint(this.sequence) : known;
      if (index !== known) field.changes = 0;
      vectors[ordinal] = { dimensions: field.dimensions, index };
    }
    this.meta = { ...this.meta, vectors };
    return encodeShardMeta(this.meta);
  }

  get flushing(): boolean {
    return this.flushJob !== null;
  }

  /**
   * Begins moving the memtables to segments: they freeze now, at this sequence number, and enter the manifest in one edit when
   * `stepFlush` returned true. `hostMeta` is the host's own part of that edit.
   */
  startFlush(hostMeta: () => Uint8Array, finishing = false): void {
    const uptoSequence = this.sequence;
    const bytesExpected = this.memtableBytes;
    const emergency = this.objects.shrinks;
    const { schema, hlc, inverted } = this;
    const { nextDocID } = this.objects;
    const { reindex: _, ...before } = this.meta;
    const reindex = isReindexing(schema) ? { reindex: inverted.positions } : {};
    this.meta = { ...before, schema, nextDocID, hlc, ...reindex };
    this.flushJob = this.store.startFlush({
      sections: [...this.objects.freeze(), ...this.inverted.freeze()],
      columns: [...this.fields.values()].map((field) => field.freeze()),
      uptoSequence,
      meta: () => this.encodeMeta(finishing),
      bytesExpected,
      emergency,
      blob: hostMeta,
    });
    this.flushingSequence = uptoSequence;
  }

  /** How much of the flush under way is written, 0 to 1. */
  get flushProgress(): number {
    return this.flushJob?.progress ?? 1;
  }

  /** One slice of the flush under way; true when it is done (or none was under way). On an error the memtables stay as they are. */
  stepFlush(budgetMs: number): boolean {
    if (!this.flushJob) return true;
    try {
      if (!this.flushJob.step(this.clock.monotonic() + budgetMs)) return false;
    } catch (thrown) {
      this.flushJob = null;
      this.meta = { ...this.flushedMeta, vectors: this.meta.vectors };
      this.objects.thaw();
      for (const field of this.fields.values()) field.thaw();
      throw thrown;
    }
    this.flushJob = null;
    this.flushedSequence = this.flushingSequence;
    this.flushedMeta = this.meta;
    this.objects.flushed();
    this.inverted.flushed();
    for (const field of this.fields.values()) field.flushed();
    return true;
  }

  /** Rows changed since the indexes' states were last put into the manifest, the busiest vector's. */
  get indexChanges(): number {
    let most = 0;
    for (const field of this.fields.values()) most = Math.max(most, field.changes);
    return most;
  }

  /** One slice of graph work; false when there is none. */
  stepIndexes(budgetMs: number, durableSequence: number): boolean {
    for (const field of this.fields.values()) {
      const { openedIndex } = field;
      // Opening is a slice of its own.
      if (openedIndex ? openedIndex.step(budgetMs, durableSequence) : field.openAhead()) return true;
    }
    return false;
  }

  /** One slice of building the next indexes; false when there is none to build, or when they have caught up. */
  stepReindex(budgetMs: number): boolean {
    return isReindexing(this.schema) && this.reindexer.step(this.clock, this.clock.monotonic() + budgetMs);
  }

  /** The next indexes have caught up and only wait to be whole in the segments. */
  get awaitsFlush(): boolean {
    const reindex = this.reindexer.stats(this.flushedMeta);
    return reindex !== null && !reindex.ready && reindex.done === reindex.total;
  }

  close(): void {
    for (const field of this.fields.values()) field.openedIndex?.close();
  }

  /** The stored property array of a live object. */
  values(docID: number): unknown[] {
    return JSON.parse(fromUtf8(decodeObject(this.objects.record(docID)).properties)) as unknown[];
  }

  /** Empty also where anything else of the shard is damaged: an index that is built of what is left would miss objects silently. */
  private get damagedIndexes(): number[] {
    const ordinals = this.store.damagedBuckets().map(indexOf);
    return ordinals.includes(null) ? [] : [...new Set(ordinals as number[])];
  }

  stats(): ShardStats {
    return {
      shard: this.id,
      objects: this.objects.count,
      sequence: this.sequence,
      memtableBytes: this.memtableBytes,
      segments: this.store.segments,
      segmentBytes: this.store.bytes,
      reindex: this.reindexer.stats(this.flushedMeta),
      damagedIndexes: this.damagedIndexes,
      vectors: [...this.fields].map(([ordinal, field]) => {
        const { openedIndex } = field;
        return {
          ordinal,
          rows: field.present.count(),
          pending: field.pending().count(),
          backlog: openedIndex?.backlog ?? 0,
          memoryBytes: openedIndex?.memoryBytes ?? 0,
          diskBytes: openedIndex?.diskBytes ?? 0,
        };
      }),
    };
  }
}
