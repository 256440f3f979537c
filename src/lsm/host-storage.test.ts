import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes, fromUtf8, keyOfU32, utf8 } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import type { HostStorage } from './host-storage.ts';
import { entriesOf, noMeta, openStorage, replaceBucket } from './testing.ts';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
const recordsOf = (storage: HostStorage): string[] =>
  [...storage.recovered].map(({ shard, sequence, type, payload }) => `${shard}/${sequence}/${type}/${fromUtf8(payload)}`);

describe('the log', () => {
  test('gives back what was committed, in order, and nothing that was only appended', async () => {
    const directory = new MemoryDirectory();
    const first = await openStorage(memoryVfs(directory));
    first.createShard(1, utf8('meta'));
    first.createShard(2, noMeta);
    first.append(1, 1, 7, [utf8('a'), utf8('b')]);
    first.append(2, 1, 8, [utf8('c')]);
    await first.commit();
    first.append(1, 2, 7, [utf8('never')]);
    await first.close();
    const second = await openStorage(memoryVfs(directory));
    expect(recordsOf(second)).toEqual(['1/1/7/ab', '2/1/8/c']);
    expect(second.shards().map(({ id, meta }) => [id, fromUtf8(meta)])).toEqual([
      [1, 'meta'],
      [2, ''],
    ]);
    expect(second.durableSequence(1)).toBe(1);
  });

  test('recycles its files as shards flush and never grows under steady flushing', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    const store = storage.createShard(1, noMeta);
    const logBytes = storage.stats.logBytes;
    for (let sequence = 1; sequence <= 400; sequence++) {
      storage.append(1, sequence, 1, [new Uint8Array(1000).fill(sequence)]);
      await storage.commit();
      if (storage.logPressure().includes(1))
        store.flush({
          sections: [{ bucket: replaceBucket(1), entries: entriesOf([[keyOfU32(sequence), utf8(`${sequence}`)]]) }],
          uptoSequence: sequence,
          meta: noMeta,
        });
    }
    expect(storage.stats.logBytes).toBe(logBytes);
    const flushed = storage.shards()[0].flushedSequence;
    await storage.close();
    storage = await openStorage(memoryVfs(directory));
    expect([...storage.recovered].map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 400 - flushed }, (_, i) => flushed + 1 + i),
    );
  });

  test('takes a commit larger than a file and is back to its size after recycling', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    const store = storage.createShard(1, noMeta);
    const before = storage.stats.logBytes;
    storage.append(1, 1, 1, [new Uint8Array(200_000).fill(9)]);
    await storage.commit();
    await storage.close();
    storage = await openStorage(memoryVfs(directory));
    expect([...storage.recovered].map(({ payload }) => payload.length)).toEqual([200_000]);
    const again = storage.store(1);
    for (let sequence = 2; sequence < 200; sequence++) {
      storage.append(1, sequence, 1, [new Uint8Array(900)]);
      await storage.commit();
      again.flush({ sections: [], uptoSequence: sequence, meta: noMeta });
    }
    expect(storage.stats.logBytes).toBe(before);
    expect(store.segments).toBe(0);
  });

  test('a dropped shard leaves no records to a new one of its id', async () => {
    const directory = new MemoryDirectory();
    const storage = await openStorage(memoryVfs(directory));
    storage.createShard(1, noMeta);
    storage.append(1, 1, 1, [utf8('old')]);
    await storage.commit();
    storage.dropShard(1);
    storage.createShard(1, noMeta);
    storage.append(1, 1, 1, [utf8('new')]);
    await storage.commit();
    await storage.close();
    expect(recordsOf(await openStorage(memoryVfs(directory)))).toEqual(['1/1/1/new']);
  });
});

/** One random history against a Map, with flushes, merges, pins and reopenings in between. */
async function runHistory(seed: number, steps: number): Promise<void> {
  const random = new SeededRandom(seed);
  const directory = new MemoryDirectory();
  let storage = await openStorage(memoryVfs(directory));
  storage.createShard(3, noMeta);
  const bucket = replaceBucket(5, seed % 2 === 0);
  const model = new Map<string, Uint8Array>();
  const keyOf = (n: number): Uint8Array => utf8(`${'k'.repeat(n % 7)}${n}`);
  let sequence = 0;
  for (let step = 0; step < steps; step++) {
    const store = storage.store(3);
    const reader = store.bucket(bucket);
    const changes = new Map<string, [Uint8Array, Uint8Array | null]>();
    for (let i = random.int(60); i >= 0; i--) {
      const key = keyOf(random.int(300));
      const value = random.int(4) === 0 ? null : random.fill(new Uint8Array(random.int(10) === 0 ? 3000 : random.int(200)));
      changes.set(hex(key), [key, value]);
    }
    for (const [id, [, value]] of changes)
      if (value === null) model.delete(id);
      else model.set(id, value);
    store.flush({ sections: [{ bucket, entries: entriesOf(changes.values()) }], uptoSequence: ++sequence, meta: utf8(String(sequence)) });
    if (random.int(3) === 0) while (storage.step(random.int(2)));
    if (random.int(12) === 0) store.compact();
    if (random.int(6) === 0) {
      await storage.close();
      storage = await openStorage(memoryVfs(directory));
      continue;
    }
    for (let n = 0; n < 300; n += 7) {
      const got = reader.get(keyOf(n));
      expect(got === undefined || got === null ? undefined : hex(got)).toBe(
        model.has(hex(keyOf(n))) ? hex(model.get(hex(keyOf(n)))!) : undefined,
      );
    }
  }
  const cursor = storage.store(3).bucket(bucket).scan(utf8('k1'), utf8('kkk'));
  const scanned: [string, string][] = [];
  for (let entry = cursor.next(); entry !== null; entry = cursor.next()) scanned.push([hex(entry.key), hex(entry.value!)]);
  cursor.close();
  const inRange = [...model].filter(([id]) => id >= hex(utf8('k1')) && id < hex(utf8('kkk'))).sort(([a], [b]) => (a < b ? -1 : 1));
  expect(scanned).toEqual(inRange.map(([id, value]) => [id, hex(value)]));
  expect(storage.verify()).toEqual([]);
  expect(fromUtf8(storage.shards()[0].meta)).toBe(String(sequence));
  await storage.close();
}

describe('the store', () => {
  test('agrees with a Map over random flushes, merges and reopenings', async () => {
    for (let seed = 1; seed <= 12; seed++) await runHistory(seed, 25);
  });

  test('shrinks on disk after everything is deleted', async () => {
    const storage = await openStorage(memoryVfs());
    const store = storage.createShard(1, noMeta);
    const bucket = replaceBucket(1);
    const keys = Array.from({ length: 500 }, (_, i) => keyOfU32(i));
    const before = storage.stats.diskBytes;
    store.flush({
      sections: [{ bucket, entries: entriesOf(keys.map((key) => [key, new Uint8Array(200)])) }],
      uptoSequence: 1,
      meta: noMeta,
    });
    expect(storage.stats.diskBytes).toBeGreaterThan(before + 100_000);
    store.flush({ sections: [{ bucket, entries: entriesOf(keys.map((key) => [key, null])) }], uptoSequence: 2, meta: noMeta });
    while (storage.step(1000));
    expect(store.segments).toBe(0);
    expect(storage.stats.diskBytes).toBe(before);
  });

  test('shrinks on disk after most is deleted, and what is left is whole', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    let store = storage.createShard(1, noMeta);
    const bucket = replaceBucket(1);
    const value = (i: number): Uint8Array => new Uint8Array(300).fill(i);
    for (let round = 0; round < 12; round++) {
      const pairs = Array.from({ length: 100 }, (_, i): [Uint8Array, Uint8Array] => [keyOfU32(round * 100 + i), value(i)]);
      store.flush({ sections: [{ bucket, entries: entriesOf(pairs) }], uptoSequence: round + 1, meta: noMeta });
      while (storage.step(100));
    }
    const full = storage.stats.diskBytes;
    const deleted = Array.from({ length: 1200 }, (_, i) => i).filter((i) => i % 10 !== 0);
    store.flush({ sections: [{ bucket, entries: entriesOf(deleted.map((i) => [keyOfU32(i), null])) }], uptoSequence: 20, meta: noMeta });
    while (storage.step(0.1));
    const { diskBytes, logBytes } = storage.stats;
    expect(diskBytes - logBytes).toBeLessThan((full - logBytes) / 4);
    await storage.close();
    storage = await openStorage(memoryVfs(directory));
    store = storage.store(1);
    expect(storage.verify()).toEqual([]);
    for (let i = 0; i < 1200; i++) expect(store.bucket(bucket).get(keyOfU32(i)) ?? null).toEqual(i % 10 === 0 ? value(i % 100) : null);
  });

  test('a cursor reads on in segments that were merged away, and their space comes back when it is closed', async () => {
    const storage = await openStorage(memoryVfs());
    const store = storage.createShard(1, noMeta);
    const bucket = replaceBucket(1);
    // Large enough to lie apart, so that it is read when the cursor gets there.
    const large = new Uint8Array(5_000).fill(7);
    const pairs = [
      [utf8('a'), utf8('1')],
      [utf8('b'), large],
    ] as const;
    store.flush({ sections: [{ bucket, entries: entriesOf(pairs) }], uptoSequence: 1, meta: noMeta });
    const cursor = store.bucket(bucket).scan(null, null);
    store.flush({ sections: [{ bucket, entries: entriesOf(pairs.map(([key]) => [key, null])) }], uptoSequence: 2, meta: noMeta });
    store.compact();
    while (storage.step(10));
    expect(store.bucket(bucket).get(utf8('a'))).toBeUndefined();
    expect(fromUtf8(cursor.next()!.value!)).toBe('1');
    expect(cursor.next()!.value).toEqual(large);
    expect(cursor.next()).toBeNull();
    const used = storage.stats.diskBytes - storage.stats.freeBytes;
    cursor.close();
    while (storage.step(10));
    expect(storage.stats.diskBytes - storage.stats.freeBytes).toBeLessThan(used);
  });

  test('keeps large values, empty values and keys of 64 KiB', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    const bucket = replaceBucket(1);
    const long = new Uint8Array(65_536).fill(7);
    const pairs: [Uint8Array, Uint8Array][] = [
      [utf8(''), utf8('empty key')],
      [utf8('empty'), new Uint8Array(0)],
      [utf8('large'), new SeededRandom(4).fill(new Uint8Array(3 << 20))],
      [long, utf8('long key')],
    ];
    storage.createShard(1, noMeta).flush({ sections: [{ bucket, entries: entriesOf(pairs) }], uptoSequence: 1, meta: noMeta });
    await storage.close();
    storage = await openStorage(memoryVfs(directory));
    for (const [key, value] of pairs) expect(compareBytes(storage.store(1).bucket(bucket).get(key)!, value)).toBe(0);
    expect(storage.verify()).toEqual([]);
  });

  test('merge buckets fold the values of a key, newest first', async () => {
    const storage = await openStorage(memoryVfs());
    const store = storage.createShard(1, noMeta);
    const joined = {
      id: 9,
      bloom: true,
      operator: { kind: 'merge' as const, merge: (_: Uint8Array, values: readonly Uint8Array[]) => utf8(values.map(fromUtf8).join(',')) },
    };
    for (let i = 1; i <= 5; i++)
      store.flush({ sections: [{ bucket: joined, entries: entriesOf([[utf8('t'), utf8(String(i))]]) }], uptoSequence: i, meta: noMeta });
    expect(store.bucket(joined).getAll(utf8('t')).map(fromUtf8)).toEqual(['5', '4', '3', '2', '1']);
    while (storage.step(100));
    expect(store.segments).toBeLessThan(5);
    store.compact();
    expect(store.bucket(joined).getAll(utf8('t')).map(fromUtf8)).toEqual(['5,4,3,2,1']);
  });
});

describe('vector columns', () => {
  test('give back rows by docID after flushes and merges, without those that are not kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 700 }),
        async (flushes, dimensions) => {
          const directory = new MemoryDirectory();
          let storage = await openStorage(memoryVfs(directory));
          let store = storage.createShard(1, noMeta);
          const model = new Map<number, number>();
          flushes.forEach((ids, at) => {
            const docIDs = Uint32Array.from(ids).sort();
            const rows = new Float32Array(docIDs.length * dimensions);
            docIDs.forEach((id, i) => {
              rows.fill(id + at / 8, i * dimensions, (i + 1) * dimensions);
              model.set(id, id + at / 8);
            });
            store.flush({ sections: [], columns: [{ ordinal: 2, dimensions, docIDs, rows }], uptoSequence: at + 1, meta: noMeta });
          });
          store.columns.register(2, {
            keep: (docID) => docID % 3 !== 0,
            keptRows: () => [...model.keys()].filter((id) => id % 3 !== 0).length,
          });
          store.compact();
          await storage.close();
          storage = await openStorage(memoryVfs(directory));
          store = storage.store(1);
          const row = new Float32Array(dimensions);
          for (const [id, value] of model) {
            if (id % 3 === 0) continue;
            expect(store.columns.read(2, id, row)).toBe(true);
            expect(row.every((x) => x === value)).toBe(true);
          }
          const seen: number[] = [];
          store.columns.forEach(2, (docID, values) => {
            seen.push(docID);
            expect(values[0]).toBe(model.get(docID));
          });
          if (flushes.length > 1) expect(seen).toEqual([...model.keys()].filter((id) => id % 3 !== 0).sort((a, b) => a - b));
          expect(storage.verify()).toEqual([]);
          await storage.close();
        },
      ),
      { numRuns: 40, seed: 7 },
    );
  });
});

describe('streams', () => {
  test('hold what was appended and flushed, then zeros, and can be resumed', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    const stream = storage.streams.create();
    const written = new SeededRandom(2).fill(new Uint8Array(5000)).map((b) => b | 1);
    stream.append(written.subarray(0, 3000));
    stream.append(written.subarray(3000));
    stream.flush();
    await storage.close();
    storage = await openStorage(memoryVfs(directory));
    const again = storage.streams.open(stream.id);
    const read = new Uint8Array(again.length);
    expect(again.read(read, 0)).toBe(read.length);
    expect(compareBytes(read.subarray(0, 5000), written)).toBe(0);
    expect(read.subarray(5000).every((b) => b === 0)).toBe(true);
    again.resumeAt(4000);
    again.append(utf8('more'));
    again.flush();
    const tail = new Uint8Array(8);
    expect(again.read(tail, 3998)).toBe(6);
    expect(fromUtf8(tail.subarray(2, 6))).toBe('more');
    storage.streams.free(stream.id);
    storage.edit({});
    expect(() => storage.streams.open(stream.id)).toThrow(/does not exist/);
    await storage.close();
    expect((await openStorage(memoryVfs(directory))).streams.ids()).toEqual([]);
  });
});

test('thirty shards on one host take nine handles and 16 MiB of fixed disk', async () => {
  const directory = new MemoryDirectory();
  const storage = await openStorage(memoryVfs(directory), { limits: {} });
  expect(storage.stats.diskBytes).toBeLessThanOrEqual(16 << 20);
  const fixed = storage.stats.diskBytes;
  for (let shard = 0; shard < 30; shard++)
    storage.createShard(shard, noMeta).flush({
      sections: [{ bucket: replaceBucket(1), entries: entriesOf([[utf8('k'), utf8(`${shard}`)]]) }],
      uptoSequence: 1,
      meta: noMeta,
    });
  expect(storage.stats.diskBytes - fixed).toBeLessThanOrEqual(30 * 16_384);
  await storage.close();
  expect(await memoryVfs(directory).list()).toHaveLength(9);
  const again = await openStorage(memoryVfs(directory), { limits: {} });
  expect(fromUtf8(again.store(29).bucket(replaceBucket(1)).get(utf8('k'))!)).toBe('29');
});
