/** Commits pay for merges where a store has fallen behind with them, and only there. */
import { expect, test } from 'vitest';
import { keyOfU32 } from '../core/bytes.ts';
import { memoryVfs } from '../vfs/memory.ts';
import { entriesOf, noMeta, openStorage, replaceBucket } from './testing.ts';

const COMMIT_BYTES = 8 << 10;

/** A storage with one store of as many small segments, none of them merged yet. */
async function withSegments(count: number) {
  const storage = await openStorage(memoryVfs());
  const store = storage.createShard(1, noMeta);
  for (let n = 1; n <= count; n++)
    store.flush({
      sections: [{ bucket: replaceBucket(1), entries: entriesOf([[keyOfU32(n), new Uint8Array(100)]]) }],
      uptoSequence: n,
      meta: noMeta,
    });
  return { storage, store };
}

test('a store with many segments has fewer after commits have paid for merges', async () => {
  const { storage, store } = await withSegments(12);
  // Small commits pay together: one alone owes less than the shortest step.
  for (let n = 0; n < 7; n++) storage.payForMerges(COMMIT_BYTES / 8);
  expect(store.segments).toBe(12);
  for (let n = 0; n < 10; n++) storage.payForMerges(COMMIT_BYTES);
  expect(store.segments).toBeLessThan(11);
  expect(store.bucket(replaceBucket(1)).get(keyOfU32(1))).toHaveLength(100);
  await storage.close();
});

test('commits pay nothing while merges keep up', async () => {
  const { storage, store } = await withSegments(10);
  for (let n = 0; n < 100; n++) storage.payForMerges(COMMIT_BYTES);
  expect(store.segments).toBe(10);
  await storage.close();
});
