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
import { equalBytes, fromUtf8 } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { DocSet } from '../core/doc-set.ts';
import { uuidText } from '../core/ids.ts';
import { HeddleError } from '../core/errors.ts';
import { InvertedIndex } from '../inverted/inverted-index.ts';
import type { FlushJob, ShardStore } from '../lsm/shard-store.ts';
import { decodeObject, encodeObject, millisecondsOf, uuidOfRecord } from '../protocol/object-record.ts';
import { PageBuilder } from './page-builder.ts';
import type { NamedVector, WriteEntry } from '../protocol/write-batch.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { mergeResults } from '../query/merge.ts';
import { planShardSearch } from '../query/plan.ts';
import { replyOf } from '../query/reply.ts';
import { ShardQuery } from '../query/shard-query.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import type { VectorIndex, VectorIndexHealth } from '../vector/vector-index.ts';
import type { ObjectPage, PendingVector, Projection, ShardStats } from './host-api.ts';
import { KEY_BYTES, ObjectStore, readDocID } from './object-store.ts';
import { Projector } from './projector.ts';
import { resolveBatch, type Resolution, type ShardView } from './resolve.ts';
import { encodeShardMeta, type ShardMeta } from './shard-meta.ts';
import { VectorField, type OpenIndex } from './vector-field.ts';
import { OperationKind, type Operation, type PutOperation, type WriteRecord } from './write-record.ts';

/** A flush this small may use the emergency reserve, so that deletes get through when the device is full. */
const EMERGENCY_FLUSH_BYTES_MAX = 512 * 1024;

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
  readonly store: ShardStore;
  private readonly fields = new Map<number, VectorField>();
  private readonly indexesByName = new Map<string, VectorIndex>();
  /** As of the last freeze. */
  private meta: ShardMeta;
  private flushJob: FlushJob | null = null;
  private flushingSequence = 0;
  private readonly clock: Clock;
  private readonly openIndex: OpenIndex;
  private opened = false;

  constructor({ id, store, meta, flushedSequence, openIndex, clock }: ShardOptions) {
    this.id = id;
    this.store = store;
    this.meta = meta;
    this.openIndex = openIndex;
    this.clock = clock;
    this.schema = meta.schema;
    this.hlc = meta.hlc;
    this.sequence = flushedSequence;
    this.flushedSequence = flushedSequence;
    this.objects = new ObjectStore((options) => store.bucket(options), meta.nextDocID);
    this.inverted = new InvertedIndex({ schema: this.schema, bucket: (options) => store.bucket(options), live: this.objects.live, kept: this.objects.kept, find: (uuid) => this.objects.find(uuid) });
    this.query = new ShardQuery({
      schema: this.schema,
      inverted: this.inverted,
      live: this.objects.live,
      vectors: this.indexesByName,
      readValues: (docID) => this.values(docID),
    });
    this.openFields();
  }

  /** After the log was replayed: the vector indexes are opened and reconciled with the rows. */
  open(): void {
    this.opened = true;
    for (const field of this.fields.values()) this.openFieldIndex(field);
  }

  setSchema(schema: CollectionSchema): void {
    if (schema.version <= this.schema.version) return;
    this.schema = schema;
    this.inverted.setSchema(schema);
    this.openFields();
  }

  private openFields(): void {
    const wanted = new Map(this.schema.vectors.map((vector) => [vector.ordinal, vector]));
    for (const [ordinal, field] of this.fields) {
      if (wanted.has(ordinal)) continue;
      field.index?.close();
      this.fields.delete(ordinal);
    }
    for (const [ordinal, schema] of wanted) {
      const known = this.fields.get(ordinal);
      if (known) known.schema = schema;
      else this.fields.set(ordinal, this.newField(ordinal, schema.dimensions, schema));
    }
    this.nameIndexes();
    if (this.opened) for (const field of this.fields.values()) this.openFieldIndex(field);
  }

  private newField(ordinal: number, dimensions: number, schema: CollectionSchema['vectors'][number]): VectorField {
    return new VectorField(schema, this.meta.vectors[ordinal]?.dimensions || dimensions, this.store.columns, this.objects.live, this.objects.kept);
  }

  private openFieldIndex(field: VectorField): void {
    field.openIndex(this.openIndex, this.meta.vectors[field.schema.ordinal]?.index ?? null, this.sequence);
    this.nameIndexes();
  }

  private nameIndexes(): void {
    this.indexesByName.clear();
    for (const field of this.fields.values()) if (field.index) this.indexesByName.set(field.schema.name, field.index);
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
  checkVector({ ordinal, values }: NamedVector): void {
    const field = this.fields.get(ordinal);
    if (!field)
      throw new HeddleError('InvalidInput', `collection "${this.schema.name}" has no vector with ordinal ${ordinal}`, {
        hint: 'Open the collection again: its schema has changed.',
      });
    field.check(values);
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
    this.objects.put(uuid, docID, encodeObject({ uuid, hlc, createdMs, sequence, properties }));
    this.inverted.add(docID, uuid, createdMs, millisecondsOf(hlc), JSON.parse(fromUtf8(properties)) as unknown[]);
    for (const vector of operation.vectors) this.addVector(docID, vector, sequence);
  }

  /** Takes a dying version out of the indexes. */
  private forget(docID: number, carried: ReadonlySet<number>, sequence: number): void {
    const old = decodeObject(this.objects.record(docID));
    this.inverted.remove(docID, old.uuid, old.createdMs, old.updatedMs, JSON.parse(fromUtf8(old.properties)) as unknown[]);
    for (const [ordinal, field] of this.fields) if (!carried.has(ordinal)) field.remove(docID, sequence);
  }

  private addVector(docID: number, { ordinal, values }: NamedVector, sequence: number): void {
    const field = this.fields.get(ordinal);
    if (!field || !this.isLive(docID)) return;
    field.add(docID, values, sequence);
    if (this.opened && !field.index) this.openFieldIndex(field);
  }

  // --- flush and background work

  get memtableBytes(): number {
    let bytes = this.objects.memtableBytes + this.inverted.memtableBytes;
    for (const field of this.fields.values()) bytes += field.memtableBytes;
    return bytes;
  }

  /** Rows over all vectors that are not yet in a graph. */
  get backlog(): number {
    let rows = 0;
    for (const field of this.fields.values()) rows += field.index?.backlog ?? 0;
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
      const index = field.index && (finishing || !field.index.snapshotting) ? field.index.checkpoint(this.sequence) : known;
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
    this.meta = { ...this.meta, schema: this.schema, nextDocID: this.objects.nextDocID, hlc: this.hlc };
    this.flushJob = this.store.startFlush({
      sections: [...this.objects.freeze(), ...this.inverted.freeze()],
      columns: [...this.fields.values()].map((field) => field.freeze()),
      uptoSequence,
      meta: () => this.encodeMeta(finishing),
      bytesExpected,
      emergency: bytesExpected < EMERGENCY_FLUSH_BYTES_MAX,
      blob: hostMeta,
    });
    this.flushingSequence = uptoSequence;
  }

  /** One slice of the flush under way; true when it is done (or none was under way). On an error the memtables stay as they are. */
  stepFlush(budgetMs: number): boolean {
    if (!this.flushJob) return true;
    try {
      if (!this.flushJob.step(this.clock.monotonic() + budgetMs)) return false;
    } catch (thrown) {
      this.flushJob = null;
      this.objects.thaw();
      for (const field of this.fields.values()) field.thaw();
      throw thrown;
    }
    this.flushJob = null;
    this.flushedSequence = this.flushingSequence;
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
    for (const field of this.fields.values()) if (field.index?.step(budgetMs, durableSequence)) return true;
    return false;
  }

  close(): void {
    for (const field of this.fields.values()) field.index?.close();
  }

  // --- reads

  private values(docID: number): unknown[] {
    return JSON.parse(fromUtf8(decodeObject(this.objects.record(docID)).properties)) as unknown[];
  }

  /** Adds one object to a page. */
  private addToPage(page: PageBuilder, docID: number, projector: Projector, projection: Projection): void {
    const vectors: NamedVector[] = [];
    for (const ordinal of projection.vectors) {
      const values = this.fields.get(ordinal)?.row(docID);
      if (values) vectors.push({ ordinal, values });
    }
    page.add(docID, projector.project(this.objects.record(docID)), vectors);
  }

  get(uuids: Uint8Array, projection: Projection): ObjectPage {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    for (let at = 0; at < uuids.length; at += 16) {
      const docID = this.find(uuids.subarray(at, at + 16));
      if (docID !== null) this.addToPage(page, docID, projector, projection);
    }
    return page.finish();
  }

  fetch(docIDs: Uint32Array, projection: Projection): ObjectPage {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    for (const docID of docIDs) if (this.isLive(docID)) this.addToPage(page, docID, projector, projection);
    return page.finish();
  }

  /** A whole query on this shard alone: search, merge, fetch. */
  answer(request: SearchRequest, projection: Projection): SearchReply {
    const results = [this.query.search(planShardSearch(request))];
    const merged = mergeResults(request, results);
    const docIDs = new Set(merged.hits.map(({ docID }) => docID));
    return replyOf(request, merged, results, docIDs.size === 0 ? [] : [this.fetch(Uint32Array.from(docIDs), projection).bytes]);
  }

  scan(after: Uint8Array | null, limit: number, projection: Projection): ObjectPage & { last: Uint8Array | null } {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    const cursor = this.objects.scan(after && successor(after));
    let last: Uint8Array | null = null;
    try {
      while (page.count < limit) {
        const entry = cursor.next();
        if (!entry) break;
        if (!entry.value) continue;
        this.addToPage(page, readDocID(entry.value), projector, projection);
        last = entry.key.slice();
      }
    } finally {
      cursor.close();
    }
    return { ...page.finish(), last };
  }

  pendingVectors(ordinal: number, limit: number): PendingVector[] {
    const field = this.fields.get(ordinal);
    if (!field) return [];
    const out: PendingVector[] = [];
    for (const docID of field.pending()) {
      if (out.length === limit) break;
      const { uuid, properties } = decodeObject(this.objects.record(docID));
      out.push({ uuid: uuid.slice(), docID, properties: properties.slice() });
    }
    return out;
  }

  /** UUIDs of live objects that match, in UUID order, 16 bytes each. */
  match(filter: FilterNode | null, limit: number): Uint8Array<ArrayBuffer> {
    const docIDs = this.query.match(filter, limit);
    const uuids = new Uint8Array(docIDs.length * 16);
    docIDs.forEach((docID, i) => uuids.set(uuidOfRecord(this.objects.record(docID)), i * 16));
    return uuids;
  }

  vectorHealth(ordinal: number): VectorIndexHealth | null {
    return this.fields.get(ordinal)?.index?.health() ?? null;
  }

  /** Findings about objects and indexes that disagree; empty when all is well. */
  verify(): string[] {
    const findings: string[] = [];
    const say = (what: string): void => void findings.push(`shard ${this.id}: ${what}`);
    const seen = new DocSet(this.objects.nextDocID);
    const cursor = this.objects.scan(null);
    for (let entry = cursor.next(); entry; entry = cursor.next()) {
      if (!entry.value) continue;
      const docID = readDocID(entry.value);
      const uuid = entry.key.slice(2);
      if (!this.isLive(docID)) say(`object ${uuidText(uuid)} points to docID ${docID}, which is not live`);
      else if (!equalBytes(uuidOfRecord(this.objects.record(docID)), uuid)) say(`docID ${docID} holds another object than ${uuidText(uuid)}`);
      seen.add(docID);
    }
    cursor.close();
    for (const docID of this.objects.live.clone().andNot(seen)) say(`docID ${docID} is live but no object points to it`);
    for (const field of this.fields.values()) {
      const held = field.index?.docIDs() ?? field.present;
      for (const docID of held.clone().andNot(field.present)) say(`vector "${field.schema.name}" answers docID ${docID}, which has no row`);
      for (const docID of field.present.clone().andNot(held)) say(`vector "${field.schema.name}" lacks docID ${docID}`);
    }
    return findings;
  }

  stats(): ShardStats {
    return {
      shard: this.id,
      objects: this.objects.count,
      sequence: this.sequence,
      memtableBytes: this.memtableBytes,
      segments: this.store.segments,
      segmentBytes: this.store.bytes,
      vectors: [...this.fields].map(([ordinal, field]) => {
        return {
          ordinal,
          rows: field.present.count(),
          pending: field.pending().count(),
          backlog: field.index?.backlog ?? 0,
          memoryBytes: field.index?.memoryBytes ?? 0,
          diskBytes: field.index?.diskBytes ?? 0,
        };
      }),
    };
  }
}

/** The smallest key after `key`. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(Math.max(key.length, KEY_BYTES) + 1);
  next.set(key);
  return next;
}
