/** A shard without a log or a store, for tests: objects in a map, the real inverted index over a `SegmentStack`. */
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import { DocSet } from '../../core/doc-set.ts';
import { uuidBytes, uuidText } from '../../core/ids.ts';
import { InvertedIndex } from '../../inverted/inverted-index.ts';
import type { CollectionSchema } from '../../schema/collection-schema.ts';
import { ExactVectors } from './exact-vectors.ts';
import { ShardQuery } from '../shard-query.ts';
import { SegmentStack, type Stack } from './segment-stack.ts';

export interface StoredObject {
  readonly docID: number;
  readonly uuid: string;
  readonly values: readonly unknown[];
  readonly createdMs: number;
  readonly updatedMs: number;
}

export class TestShard {
  schema: CollectionSchema;
  readonly stack: Stack;
  readonly objects = new Map<string, StoredObject>();
  readonly vectors = new Map<string, ExactVectors>();
  live = new DocSet();
  inverted: InvertedIndex;
  query: ShardQuery;
  private readonly byDocID = new Map<number, StoredObject>();
  private nextDocID = 0;

  constructor(schema: CollectionSchema, stack: Stack = new SegmentStack()) {
    this.schema = schema;
    this.stack = stack;
    [this.inverted, this.query] = this.open();
  }

  private open(): [InvertedIndex, ShardQuery] {
    const { schema, live, stack, vectors } = this;
    const inverted = new InvertedIndex({
      schema,
      live,
      bucket: (options) => stack.bucket(options),
      drop: (bucket) => stack.drop(bucket),
      find: (uuid) => this.objects.get(uuidText(uuid))?.docID,
    });
    const query = new ShardQuery({ schema, inverted, live, vectors, readValues: (docID) => this.byDocID.get(docID)!.values });
    return [inverted, query];
  }

  /** Inserts or replaces; values go through JSON as stored ones do. */
  put(uuid: string, given: readonly unknown[], nowMs = 1_700_000_000_000, vectors: Readonly<Record<string, Float32Array>> = {}): number {
    const before = this.objects.get(uuid);
    if (before) this.forget(before);
    const values = JSON.parse(fromUtf8(utf8(JSON.stringify(given)))) as unknown[];
    const object = { docID: this.nextDocID++, uuid, values, createdMs: before?.createdMs ?? nowMs, updatedMs: nowMs };
    this.objects.set(uuid, object);
    this.byDocID.set(object.docID, object);
    this.live.add(object.docID);
    this.inverted.add(object.docID, uuidBytes(uuid), object.createdMs, object.updatedMs, object.values);
    for (const [name, row] of Object.entries(vectors)) {
      const index = this.vectors.get(name) ?? new ExactVectors(row.length);
      this.vectors.set(name, index);
      index.add(object.docID, row);
    }
    return object.docID;
  }

  delete(uuid: string): void {
    const before = this.objects.get(uuid);
    if (before) this.forget(before);
    this.objects.delete(uuid);
  }

  private forget(object: StoredObject): void {
    this.live.delete(object.docID);
    for (const index of this.vectors.values()) index.remove(object.docID);
    this.byDocID.delete(object.docID);
    this.inverted.remove(object.docID, object.values);
  }

  flush(): void {
    this.stack.flush(this.inverted.freeze());
    this.inverted.flushed();
  }

  /** A flush whose write fails. */
  failFlush(): void {
    for (const { entries } of this.inverted.freeze()) entries.next();
  }

  /** Flushes, then forgets everything in memory. */
  reopen(): void {
    this.flush();
    this.live = DocSet.of([...this.objects.values()].map(({ docID }) => docID));
    [this.inverted, this.query] = this.open();
  }

  idsOf(docs: Iterable<number>): string[] {
    return [...docs].map((docID) => this.byDocID.get(docID)!.uuid).sort();
  }
}
