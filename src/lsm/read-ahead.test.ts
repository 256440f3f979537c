import { expect, test } from 'vitest';
import { keyOfU32 } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { simulatedVfs } from '../vfs/simulated/vfs.ts';
import { entriesOf, noMeta, openStorage, replaceBucket, SMALL_LIMITS } from './testing.ts';

const KEYS = 1_000;
const BUCKET = replaceBucket(1, false);

/** Looks keys up in a storage whose blocks hold four values each and fit into its cache; the device's reads, and the blocks. */
async function lookUp(keys: readonly number[]) {
  const device = new SimulatedDevice();
  const storage = await openStorage(simulatedVfs(device).directory('host0'), {
    clock: device.clock,
    limits: { ...SMALL_LIMITS, blockCacheBytes: 4 << 20 },
  });
  const store = storage.createShard(1, noMeta);
  store.flush({
    sections: [{ bucket: BUCKET, entries: entriesOf(Array.from({ length: KEYS }, (_, n) => [keyOfU32(n), new Uint8Array(120).fill(n)])) }],
    uptoSequence: 1,
    meta: noMeta,
  });
  const reader = store.bucket(BUCKET);
  reader.get(keyOfU32(KEYS - 1)); // the index is read
  const readsBefore = device.allCalls;
  for (const key of keys) expect(reader.get(keyOfU32(key))?.[0]).toBe(key & 0xff);
  const reads = device.allCalls - readsBefore;
  await storage.close();
  return reads;
}

test('blocks that are looked up in order are read many at a time', async () => {
  const inOrder = Array.from({ length: KEYS }, (_, n) => n);
  expect(await lookUp(inOrder)).toBeLessThan(KEYS / 4 / 20);
});

test('blocks that are looked up here and there are read one by one', async () => {
  const random = new SeededRandom(3);
  const keys = Array.from({ length: 20 }, () => random.int(KEYS / 40) * 40 + 4);
  expect(await lookUp(keys)).toBe(new Set(keys).size);
});
