/** Heddle's storage alone, below the shard: a log record and a memtable entry for each object, keyed by number. */
import { fromUtf8, keyOfU32, utf8 } from '../../../src/core/bytes.ts';
import { silentLogger, systemClock, systemRandom } from '../../../src/core/clock.ts';
import type { BucketOptions, BucketReader } from '../../../src/lsm/bucket.ts';
import { HostStorage } from '../../../src/lsm/host-storage.ts';
import { ReplaceMemtable } from '../../../src/lsm/replace-memtable.ts';
import type { ShardStore } from '../../../src/lsm/shard-store.ts';
import { opfsVfs } from '../../../src/vfs/opfs.ts';
import { type Subject, textOf } from './subject.ts';

const SHARD = 1;
const BUCKET: BucketOptions = { id: 1, bloom: false, operator: { kind: 'replace' } };
const MEMTABLE_BYTES = 4 << 20;

export class OursStore implements Subject {
  private storage!: HostStorage;
  private store!: ShardStore;
  private reader!: BucketReader;
  private memtable = new ReplaceMemtable();
  private sequence = 0;

  async open(): Promise<void> {
    this.storage = await HostStorage.open({
      vfs: opfsVfs(['ours-store']),
      mirror: null,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      limits: { settleMs: 0 },
    });
    const isNew = this.storage.shards().length === 0;
    this.store = isNew ? this.storage.createShard(SHARD, new Uint8Array(0)) : this.storage.store(SHARD);
    this.reader = this.store.bucket(BUCKET);
    this.sequence = this.storage.durableSequence(SHARD);
    for (const { payload } of this.storage.recovered) {
      const n = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
      this.memtable.put(keyOfU32(n), payload.subarray(4));
    }
    this.storage.replayed();
  }
  async put(from: number, count: number): Promise<void> {
    for (let n = from; n < from + count; n++) {
      const key = keyOfU32(n);
      const text = utf8(textOf(n));
      this.storage.append(SHARD, ++this.sequence, 1, [key, text]);
      this.memtable.put(key, text);
    }
    await this.storage.commit();
    if (this.memtable.bytes > MEMTABLE_BYTES) this.flush();
    this.storage.step(4);
  }
  async get(n: number): Promise<string> {
    const key = keyOfU32(n);
    return fromUtf8(this.memtable.get(key) ?? this.reader.get(key)!);
  }
  async scan(): Promise<number> {
    let count = 0;
    for (const entries of [this.reader.scan(null, null), this.memtable.entries()])
      for (let entry = entries.next(); entry !== null; entry = entries.next()) if (fromUtf8(entry.value!).length > 0) count++;
    return count;
  }
  async compact(): Promise<void> {
    this.flush();
    this.store.compact();
    while (this.storage.step(10));
  }
  async close(): Promise<void> {
    if (this.memtable.size > 0) this.flush();
    await this.storage.close();
  }
  async facts(): Promise<Record<string, number>> {
    const { flushes, commits, diskBytes, freeBytes, logBytes } = this.storage.stats;
    return { flushes, commits, diskBytes, freeBytes, logBytes, segmentBytes: this.store.bytes };
  }
  private flush(): void {
    this.store.flush({
      sections: [{ bucket: BUCKET, entries: this.memtable.entries() }],
      uptoSequence: this.sequence,
      meta: new Uint8Array(0),
      bytesExpected: this.memtable.bytes,
    });
    this.memtable = new ReplaceMemtable();
  }
}
