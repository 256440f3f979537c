/**
 * One shard as the text benches need it: the real store, the real inverted index, objects in a docID bucket, no vectors and no
 * log in the way. The same code runs in Node and in a worker on OPFS.
 */
import { systemClock, systemRandom, silentLogger } from '../../../src/core/clock.ts';
import { DocSet } from '../../../src/core/doc-set.ts';
import { fromUtf8, keyOfU32, u32OfKey, utf8 } from '../../../src/core/bytes.ts';
import { InvertedIndex } from '../../../src/inverted/inverted-index.ts';
import type { BucketOptions, BucketReader } from '../../../src/lsm/bucket.ts';
import { HostStorage } from '../../../src/lsm/host-storage.ts';
import type { ShardStore } from '../../../src/lsm/shard-store.ts';
import { ShardQuery } from '../../../src/query/shard-query.ts';
import type { CollectionSchema } from '../../../src/schema/collection-schema.ts';
import type { Vfs } from '../../../src/vfs/vfs.ts';

const SHARD = 1;
const OBJECTS: BucketOptions = { id: 2, bloom: false, operator: { kind: 'replace' } };

/** The manifest keeps the number of documents: all of them are live. */
const metaOf = keyOfU32;

/** UUID of the n-th document. */
export function uuidOfNumber(n: number): Uint8Array {
  const words = new Uint32Array(4);
  words[0] = Math.imul(n, 0x9e3779b1);
  words[3] = n;
  return new Uint8Array(words.buffer);
}

export class TextShard {
  readonly storage: HostStorage;
  readonly store: ShardStore;
  readonly inverted: InvertedIndex;
  readonly query: ShardQuery;
  private readonly live = new DocSet();
  private readonly objects: BucketReader;
  private pending: { docID: number; bytes: Uint8Array }[] = [];
  private count = 0;

  private constructor(storage: HostStorage, store: ShardStore, schema: CollectionSchema, stored: number) {
    this.storage = storage;
    this.store = store;
    this.objects = store.bucket(OBJECTS);
    this.count = stored;
    for (let docID = 0; docID < stored; docID++) this.live.add(docID);
    const { live } = this;
    this.inverted = new InvertedIndex({
      schema,
      live,
      bucket: (options) => store.bucket(options),
      drop: () => undefined,
      find: () => null,
    });
    this.query = new ShardQuery({ schema, inverted: this.inverted, live, vectors: new Map(), readValues: (docID) => this.read(docID) });
  }

  static async open(vfs: Vfs, schema: CollectionSchema): Promise<TextShard> {
    const storage = await HostStorage.open({ vfs, mirror: null, clock: systemClock, random: systemRandom, logger: silentLogger });
    for (const record of storage.recovered) void record;
    storage.replayed();
    const known = storage.shards().find(({ id }) => id === SHARD);
    if (!known) storage.createShard(SHARD, metaOf(0));
    return new TextShard(storage, storage.store(SHARD), schema, known ? u32OfKey(known.meta) : 0);
  }

  read(docID: number): readonly unknown[] {
    const pending = this.pending[docID - (this.count - this.pending.length)];
    const bytes = pending?.bytes ?? this.objects.get(keyOfU32(docID))!;
    return JSON.parse(fromUtf8(bytes)) as unknown[];
  }

  add(values: readonly unknown[], stored: Uint8Array = utf8(JSON.stringify(values)), createdMs = 0): void {
    const docID = this.count++;
    this.pending.push({ docID, bytes: stored });
    this.live.add(docID);
    this.inverted.add(docID, uuidOfNumber(docID), createdMs, createdMs, values);
  }

  /** Deletes an object, as far as filters see it. */
  kill(docID: number): void {
    this.live.delete(docID);
  }

  flush(): void {
    const pending = this.pending;
    let at = 0;
    const objects = { next: () => (at < pending.length ? { key: keyOfU32(pending[at].docID), value: pending[at++].bytes } : null) };
    this.store.flush({
      sections: [{ bucket: OBJECTS, entries: objects }, ...this.inverted.freeze()],
      uptoSequence: this.count,
      meta: metaOf(this.count),
    });
    this.pending = [];
    this.inverted.flushed();
  }

  get bytes(): number {
    return this.store.bytes;
  }

  /** Merges until there is nothing left to merge. */
  settle(): void {
    while (this.store.step(50));
  }

  /** One segment, as after an idle hour. */
  compact(): void {
    this.store.compact();
  }

  async close(): Promise<void> {
    await this.storage.close();
  }
}
