/** The real store in memory behind the interface of `SegmentStack`. */
import { SeededRandom, silentLogger, type Clock } from '../../core/clock.ts';
import type { BucketOptions, BucketReader, SortedEntries } from '../../lsm/bucket.ts';
import { HostStorage } from '../../lsm/host-storage.ts';
import type { ShardStore } from '../../lsm/shard-store.ts';
import { memoryVfs } from '../../vfs/memory.ts';
import type { Stack } from './segment-stack.ts';

const SHARD = 1;

export class StoreStack implements Stack {
  private readonly store: ShardStore;
  private sequence = 0;

  private constructor(store: ShardStore) {
    this.store = store;
  }

  static async open(): Promise<StoreStack> {
    let ms = 0;
    const clock: Clock = { now: () => ms++, monotonic: () => ms++ };
    const storage = await HostStorage.open({ vfs: memoryVfs(), mirror: null, clock, random: new SeededRandom(1), logger: silentLogger });
    storage.replayed();
    return new StoreStack(storage.createShard(SHARD, new Uint8Array(0)));
  }

  get count(): number {
    return this.store.segments;
  }
  bucket(options: BucketOptions): BucketReader {
    return this.store.bucket(options);
  }
  drop(bucket: number): void {
    this.store.dropBucket(bucket);
  }
  flush(sections: readonly { bucket: BucketOptions; entries: SortedEntries }[]): void {
    this.store.flush({ sections: [...sections], uptoSequence: ++this.sequence, meta: new Uint8Array(0) });
  }
  /** What the store merges is its own choice. */
  merge(): void {
    if (this.sequence % 3 === 0) this.store.compact();
    else this.store.step(1_000);
  }
}
