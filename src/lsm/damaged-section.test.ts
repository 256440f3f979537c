import { expect, test } from 'vitest';
import { keyOfU32 } from '../core/bytes.ts';
import { memoryVfs, MemoryDirectory } from '../vfs/memory.ts';
import type { HostStorage } from './host-storage.ts';
import { ANY_BUCKET } from './segment.ts';
import { damageSection, entriesOf, ManualClock, noMeta, openStorage, replaceBucket } from './testing.ts';

const SHARD = 1;
const [KEPT, LOST] = [replaceBucket(1), replaceBucket(2)];
const KEYS = 40;
const value = new Uint8Array([7]);

/** Two segments; the clock passes a little time whenever it is asked, so that slices end. */
class PassingClock extends ManualClock {
  override monotonic(): number {
    return (this.ms += 0.1);
  }
}

async function reopened(directory: MemoryDirectory): Promise<HostStorage> {
  const storage = await openStorage(memoryVfs(directory), { clock: new PassingClock() });
  for (const bucket of [KEPT, LOST]) storage.store(SHARD).bucket(bucket);
  return storage;
}

async function filled(part: 'indexAt' | 'bloomAt'): Promise<MemoryDirectory> {
  const directory = new MemoryDirectory();
  const storage = await openStorage(memoryVfs(directory));
  const store = storage.createShard(SHARD, noMeta);
  for (let segment = 0; segment < 2; segment++)
    store.flush({
      sections: [KEPT, LOST].map((bucket) => ({
        bucket,
        entries: entriesOf(Array.from({ length: KEYS }, (_, n) => [keyOfU32(segment * KEYS + n), value] as const)),
      })),
      uptoSequence: segment + 1,
      meta: noMeta,
    });
  damageSection(storage, SHARD, LOST.id, part);
  await storage.close();
  return directory;
}

/** Of the keys, how many a bucket gives; Infinity where it throws `Corruption`. */
function found(storage: HostStorage, id: number): number {
  const bucket = storage.store(SHARD).bucket(id === KEPT.id ? KEPT : LOST);
  try {
    return Array.from({ length: 2 * KEYS }, (_, n) => bucket.get(keyOfU32(n))).filter((got) => got?.[0] === value[0]).length;
  } catch (error) {
    expect(error).toMatchObject({ code: 'Corruption' });
    return Infinity;
  }
}

function work(storage: HostStorage): void {
  for (let slices = 0; storage.step(0.2); slices++) expect(slices).toBeLessThan(500);
}

test('the bucket that is damaged is found out in slices, and nothing is merged while it is wanted', async () => {
  const storage = await reopened(await filled('indexAt'));
  const store = storage.store(SHARD);
  expect(store.damagedBuckets()).toEqual([]);
  expect(found(storage, LOST.id)).toBe(Infinity);
  expect(store.damagedBuckets()).toEqual([ANY_BUCKET]);
  work(storage);
  expect(store.damagedBuckets()).toEqual([LOST.id]);
  store.compact();
  expect(store.segments).toBe(2);
  expect(found(storage, KEPT.id)).toBe(2 * KEYS);
  expect(storage.stats.quarantined).toHaveLength(1);
});

test('a segment that is damaged in what nobody wants any more is merged away, and its quarantine ends', async () => {
  const directory = await filled('indexAt');
  const storage = await reopened(directory);
  expect(found(storage, LOST.id)).toBe(Infinity);
  work(storage);
  storage.store(SHARD).dropBucket(LOST.id);
  work(storage);
  expect(storage.stats.quarantined).toEqual([]);
  expect(storage.store(SHARD).segments).toBe(1);
  expect(storage.verify()).toEqual([]);
  await storage.close();
  const again = await reopened(directory);
  expect(again.stats.quarantined).toEqual([]);
  expect(found(again, KEPT.id)).toBe(2 * KEYS);
});

test('a damaged filter is made anew in the background', async () => {
  const storage = await reopened(await filled('bloomAt'));
  work(storage);
  expect(found(storage, LOST.id)).toBe(2 * KEYS);
  expect(storage.stats.quarantined).toHaveLength(1);
  work(storage);
  expect(storage.stats.quarantined).toEqual([]);
  expect(storage.verify()).toEqual([]);
  expect(found(storage, LOST.id)).toBe(2 * KEYS);
});
