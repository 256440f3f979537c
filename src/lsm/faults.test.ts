import { describe, expect, test } from 'vitest';
import { fromUtf8, keyOfU32, utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { simulatedVfs } from '../vfs/simulated/vfs.ts';
import type { HostStorage } from './host-storage.ts';
import { ManualClock, SMALL_LIMITS, entriesOf, noMeta, openStorage, replaceBucket } from './testing.ts';

const bucket = replaceBucket(1);
const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return 'none';
  } catch (error) {
    return HeddleError.from(error).code;
  }
};

const bytesIn = (directory: MemoryDirectory): Uint8Array[] =>
  [...directory.files.values()].map((file) => {
    const bytes = new Uint8Array(file.sizeBytes);
    file.read(bytes, 0);
    return bytes;
  });

/**
 * A storage with three committed groups, of which `sealed` says that they were flushed; closed as by a kill. The groups from the second
 * on are of shard `later`.
 */
async function withThreeGroups(sealed: boolean, later = 1): Promise<MemoryDirectory> {
  const directory = new MemoryDirectory();
  const clock = new ManualClock();
  const storage = await openStorage(memoryVfs(directory), { clock });
  storage.createShard(1, noMeta);
  if (later !== 1) storage.createShard(later, noMeta);
  for (let group = 1; group <= 3; group++) {
    const isFirst = group === 1;
    storage.append(isFirst ? 1 : later, isFirst || later === 1 ? group : group - 1, 1, [utf8(`record ${group}`)]);
    await storage.commit();
  }
  clock.ms = 1_000;
  if (sealed) storage.step(1);
  directory.open.clear();
  return directory;
}

/** Flips a bit inside the only place of `text` in log file 0. */
async function damageLog(directory: MemoryDirectory, text: string): Promise<void> {
  const file = await memoryVfs(directory).open('l0', { create: false });
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0);
  const at = new TextDecoder('latin1').decode(bytes).indexOf(text);
  file.write(new Uint8Array([bytes[at] ^ 4]), at);
  file.close();
}

const payloads = (storage: HostStorage): string[] => [...storage.recovered].map(({ payload }) => fromUtf8(payload));

describe('a damaged log', () => {
  test('is refused where a later group knows that the damaged one was flushed', async () => {
    const directory = await withThreeGroups(false);
    await damageLog(directory, 'record 2');
    expect(await codeOf(() => openStorage(memoryVfs(directory)))).toBe('Corruption');
    directory.open.clear();
    const before = bytesIn(directory);
    const storage = await openStorage(memoryVfs(directory), { salvage: true });
    expect(storage.isReadOnly).toBe(true);
    expect(storage.stats.quarantined).toHaveLength(1);
    // The third speaks of what the second left.
    expect(payloads(storage)).toEqual(['record 1']);
    expect(await codeOf(() => storage.append(1, 4, 1, [utf8('record 4')]))).toBe('StorageUnavailable');
    expect(await codeOf(() => storage.createShard(2, noMeta))).toBe('StorageUnavailable');
    expect(storage.step(10)).toBe(false);
    await storage.close();
    expect(bytesIn(directory)).toEqual(before);
    expect(await codeOf(() => openStorage(memoryVfs(directory)))).toBe('Corruption');
  });

  test('gives to salvage what other shards have after the damage', async () => {
    const directory = await withThreeGroups(false, 2);
    await damageLog(directory, 'record 1');
    const storage = await openStorage(memoryVfs(directory), { salvage: true });
    expect(payloads(storage)).toEqual(['record 2', 'record 3']);
  });

  test('opens as always, to be salvaged or not, where it is whole', async () => {
    const directory = await withThreeGroups(true);
    const storage = await openStorage(memoryVfs(directory), { salvage: true });
    expect(storage.isReadOnly).toBe(false);
    expect(payloads(storage)).toHaveLength(3);
    storage.append(1, 4, 1, [utf8('record 4')]);
    await storage.commit();
  });

  test('is refused in its last group too, once the log was sealed', async () => {
    const directory = await withThreeGroups(true);
    await damageLog(directory, 'record 3');
    expect(await codeOf(() => openStorage(memoryVfs(directory)))).toBe('Corruption');
  });

  test('is refused where a file of it was cut short: what stood there may have been acknowledged', async () => {
    const directory = await withThreeGroups(false);
    const file = directory.files.get('l0')!;
    file.truncate(64);
    expect(await codeOf(() => openStorage(memoryVfs(directory)))).toBe('Corruption');
    directory.open.clear();
    const storage = await openStorage(memoryVfs(directory), { salvage: true });
    expect(payloads(storage)).toEqual([]);
    await storage.close();
    expect(file.sizeBytes).toBe(64);
  });

  test('does not matter where everything in it is in segments', async () => {
    const directory = await withThreeGroups(true);
    let storage = await openStorage(memoryVfs(directory));
    storage.store(1).flush({ sections: [{ bucket, entries: entriesOf([[utf8('k'), utf8('v')]]) }], uptoSequence: 3, meta: noMeta });
    await storage.close();
    await damageLog(directory, 'record 2');
    storage = await openStorage(memoryVfs(directory));
    expect(payloads(storage)).toEqual([]);
    expect(fromUtf8(storage.store(1).bucket(bucket).get(utf8('k'))!)).toBe('v');
  });
});

describe('a failing device', () => {
  test('ends the storage at a failed flush, and the batch is not there afterwards', async () => {
    const device = new SimulatedDevice();
    const open = (): Promise<HostStorage> => openStorage(simulatedVfs(device), { clock: device.clock });
    const storage = await open();
    storage.createShard(1, noMeta);
    storage.append(1, 1, 1, [utf8('kept')]);
    await storage.commit();
    let isBroken = true;
    device.faults = (call) => {
      if (!isBroken || call.kind !== 'flush') return null;
      isBroken = false;
      return { error: 'io' };
    };
    storage.append(1, 2, 1, [utf8('failed')]);
    expect(await codeOf(() => storage.commit())).toBe('StorageUnavailable');
    expect(await codeOf(() => storage.append(1, 3, 1, [utf8('later')]))).toBe('StorageUnavailable');
    device.restart(false);
    expect(payloads(await open())).toEqual(['kept']);
  });

  test('a full disk refuses a flush with the bytes wanted, changes nothing, and the flush works once there is room', async () => {
    const device = new SimulatedDevice();
    const storage = await openStorage(simulatedVfs(device), { clock: device.clock });
    const store = storage.createShard(1, noMeta);
    const pairs = Array.from({ length: 300 }, (_, i): [Uint8Array, Uint8Array] => [keyOfU32(i), new Uint8Array(200).fill(i)]);
    const flush = (): void =>
      store.flush({ sections: [{ bucket, entries: entriesOf(pairs) }], uptoSequence: 1, meta: noMeta, bytesExpected: 60_000 });
    device.quotaBytes = device.usedBytes() + 30_000;
    const before = storage.stats;
    expect(flush).toThrow(
      expect.objectContaining({ code: 'StorageFull', details: expect.objectContaining({ bytesWanted: expect.any(Number) }) }),
    );
    expect(storage.stats).toEqual(before);
    expect(store.bucket(bucket).get(keyOfU32(5))).toBeUndefined();
    storage.append(1, 1, 1, [utf8('goes on')]);
    await storage.commit();
    device.quotaBytes = Infinity;
    flush();
    expect(store.bucket(bucket).get(keyOfU32(5))).toEqual(new Uint8Array(200).fill(5));
  });

  test('deletes shrink a full disk through the emergency reserve', async () => {
    const device = new SimulatedDevice();
    const storage = await openStorage(simulatedVfs(device), { clock: device.clock, limits: { ...SMALL_LIMITS, reserveBytes: 16 << 10 } });
    const store = storage.createShard(1, noMeta);
    const keys = Array.from({ length: 300 }, (_, i) => keyOfU32(i));
    store.flush({
      sections: [{ bucket, entries: entriesOf(keys.map((key) => [key, new Uint8Array(200)])) }],
      uptoSequence: 1,
      meta: noMeta,
    });
    device.quotaBytes = device.usedBytes();
    const full = device.usedBytes();
    store.flush({
      sections: [{ bucket, entries: entriesOf(keys.map((key) => [key, null])) }],
      uptoSequence: 2,
      meta: noMeta,
      emergency: true,
    });
    while (storage.step(100));
    expect(store.segments).toBe(0);
    expect(device.usedBytes()).toBeLessThan(full - 50_000);
  });

  test('an error at any call of a flush, merge or edit leaves a storage that opens with all that was acknowledged', async () => {
    for (let failing = 1; ; failing++) {
      const device = new SimulatedDevice();
      const open = (): Promise<HostStorage> => openStorage(simulatedVfs(device), { clock: device.clock });
      const storage = await open();
      const store = storage.createShard(1, noMeta);
      const from = device.calls;
      let fired = false;
      device.faults = (call) => {
        if (fired || call.index !== from + failing) return null;
        fired = true;
        return { error: failing % 2 === 0 ? 'io' : 'quota' };
      };
      let acknowledged = 0;
      try {
        for (let round = 1; round <= 5; round++) {
          storage.append(1, round, 1, [utf8(`r${round}`)]);
          await storage.commit();
          acknowledged = round;
          store.flush({
            sections: [
              {
                bucket,
                entries: entriesOf([
                  [keyOfU32(round), utf8(`r${round}`)],
                  [utf8('big'), new Uint8Array(5_000)],
                ]),
              },
            ],
            uptoSequence: round,
            meta: noMeta,
          });
          while (storage.step(100));
        }
      } catch (error) {
        expect(['StorageFull', 'StorageUnavailable']).toContain(HeddleError.from(error).code);
      }
      device.faults = null;
      device.restart(false);
      const again = await open();
      const inLog = new Set(payloads(again));
      for (let round = 1; round <= acknowledged; round++) {
        const value = again.store(1).bucket(bucket).get(keyOfU32(round));
        expect(inLog.has(`r${round}`) || (value && fromUtf8(value) === `r${round}`), `call ${failing}, record ${round}`).toBe(true);
      }
      expect(again.verify()).toEqual([]);
      if (!fired) break;
    }
  });
});

describe('a damaged segment', () => {
  test('is named, never taken for empty, and the rest answers', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    const store = storage.createShard(1, noMeta);
    const flush = (from: number, sequence: number): void =>
      store.flush({
        sections: [{ bucket, entries: entriesOf(Array.from({ length: 40 }, (_, i) => [keyOfU32(from + i), new Uint8Array(100).fill(i)])) }],
        uptoSequence: sequence,
        meta: noMeta,
      });
    flush(0, 1);
    flush(100, 2);
    await storage.close();
    const file = await memoryVfs(directory).open('d0', { create: false });
    file.write(new Uint8Array([0xff]), 600);
    file.close();
    storage = await openStorage(memoryVfs(directory));
    const reader = storage.store(1).bucket(bucket);
    const answers = await Promise.all(Array.from({ length: 140 }, (_, i) => codeOf(() => reader.get(keyOfU32(i)))));
    expect(answers.filter((code) => code === 'Corruption').length).toBeGreaterThan(0);
    expect(answers.slice(100).every((code) => code === 'none')).toBe(true);
    expect(storage.stats.quarantined).toHaveLength(1);
    expect(storage.verify()).toHaveLength(1);
    storage.store(1).compact();
    expect(storage.store(1).segments).toBe(2);
  });

  test('is found by the scrub, once an hour and in slices', async () => {
    const directory = new MemoryDirectory();
    const clock = new ManualClock();
    const storage = await openStorage(memoryVfs(directory), { clock });
    const store = storage.createShard(1, noMeta);
    store.flush({
      sections: [{ bucket, entries: entriesOf(Array.from({ length: 40 }, (_, i) => [keyOfU32(i), new Uint8Array(100).fill(i)])) }],
      uptoSequence: 1,
      meta: noMeta,
    });
    while (storage.step(1));
    directory.files.get('d0')!.write(new Uint8Array([0xff]), 600);
    clock.ms += 3_599_000;
    expect(storage.step(0)).toBe(false);
    expect(storage.stats.quarantined).toEqual([]);
    clock.ms += 1_000;
    let slices = 0;
    while (storage.step(0)) slices++;
    expect(slices).toBeGreaterThan(3);
    expect(storage.stats.quarantined).toHaveLength(1);
    expect(storage.step(0)).toBe(false);
  });

  test('a damaged filter is passed over and reported', async () => {
    const directory = new MemoryDirectory();
    let storage = await openStorage(memoryVfs(directory));
    const store = storage.createShard(1, noMeta);
    store.flush({
      sections: [
        {
          bucket,
          entries: entriesOf([
            [utf8('a'), utf8('1')],
            [utf8('c'), utf8('3')],
          ]),
        },
      ],
      uptoSequence: 1,
      meta: noMeta,
    });
    const { bloomAt } = [...store.version.segments[0].sections().values()][0].info;
    await storage.close();
    const file = await memoryVfs(directory).open('d0', { create: false });
    file.write(new Uint8Array([0]), bloomAt);
    file.write(new Uint8Array([0]), bloomAt + 1);
    file.write(new Uint8Array([0, 0, 0, 0, 0, 0]), bloomAt + 2);
    file.close();
    storage = await openStorage(memoryVfs(directory));
    expect(fromUtf8(storage.store(1).bucket(bucket).get(utf8('a'))!)).toBe('1');
    expect(storage.stats.quarantined[0]).toMatch(/filter/);
    expect(storage.verify()).toHaveLength(1);
    storage.store(1).flush({ sections: [{ bucket, entries: entriesOf([[utf8('b'), utf8('2')]]) }], uptoSequence: 2, meta: noMeta });
    storage.store(1).compact();
    expect(storage.store(1).segments).toBe(1);
    expect(storage.verify()).toEqual([]);
  });
});

test('a Bloom filter lets at most one in a thousand unknown keys through', async () => {
  const storage = await openStorage(memoryVfs());
  const store = storage.createShard(1, noMeta);
  const keyOf = (n: number): Uint8Array => utf8(`key ${n * 7919} of ${n}`);
  store.flush({
    sections: [{ bucket, entries: entriesOf(Array.from({ length: 20_000 }, (_, n) => [keyOf(n), noMeta])) }],
    uptoSequence: 1,
    meta: noMeta,
  });
  const section = store.version.sections(bucket.id)[0];
  let passed = 0;
  for (let n = 100_000; n < 200_000; n++) if (section.mayHave(keyOf(n))) passed++;
  expect(passed / 100_000).toBeLessThanOrEqual(0.001);
  for (let n = 0; n < 20_000; n += 17) expect(section.mayHave(keyOf(n))).toBe(true);
});
