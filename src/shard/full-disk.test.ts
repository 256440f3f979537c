import { expect, test } from 'vitest';
import { WriteKind } from '../protocol/write-batch.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import type { ShardHost } from './engine-host.ts';
import { batchOf, contentOf, entry, openOnDevice, testSchema, uuidOf } from './testing.ts';

const client = new Uint8Array(16).fill(7);
const BATCH = 40;
const textOf = (n: number): string => `object ${n} `.repeat(20);

test('on a full disk writes are refused with the bytes wanted, reads and deletes go on, and writes resume by themselves', async () => {
  const device = new SimulatedDevice();
  const open = (): Promise<ShardHost> =>
    openOnDevice(device, {
      limits: { memtableBytesMax: 32 << 10, hostMemtableBytesMax: 64 << 10 },
      storageLimits: {
        logFiles: 3,
        logFileBytes: 64 << 10,
        dataFiles: 2,
        extentBytes: 4 << 10,
        reserveBytes: 256 << 10,
        manifestBytes: 16 << 10,
        shrinkBytesMin: 16 << 10,
      },
    });
  const host = await open();
  await host.putShard(1, testSchema());
  device.clock.advance(61_000);
  await host.maintain(5);
  let sequence = 0;
  const write = (entries: Parameters<typeof batchOf>[0]): Promise<unknown> =>
    host.write({ shard: 1, request: { client, sequence: ++sequence }, batch: batchOf(entries), atomic: true });
  const insert = (from: number): Promise<unknown> =>
    write(Array.from({ length: BATCH }, (_, i) => entry(WriteKind.insert, uuidOf(from + i), [textOf(from + i), 'tag', from + i])));

  device.quotaBytes = device.usedBytes() + (256 << 10);
  let written = 0;
  let refused: unknown = null;
  for (let n = 0; n < 200 && refused === null; n++)
    await insert(written).then(
      () => (written += BATCH),
      (thrown: unknown) => (refused = thrown),
    );
  expect(refused).toMatchObject({ code: 'StorageFull', details: { bytesWanted: expect.any(Number) } });
  expect(written).toBeGreaterThan(BATCH);

  expect(await host.count(1)).toBe(written);
  for (const { values } of (await contentOf(host, 1)).values()) expect(values[0]).toBe(textOf(Number(values[2])));

  for (let from = 0; from < written; from += BATCH)
    await write(Array.from({ length: BATCH }, (_, i) => entry(WriteKind.delete, uuidOf(from + i))));
  expect(await host.count(1)).toBe(0);
  while (await host.maintain(50)) device.clock.advance(1_001);
  await insert(60_000);
  expect(await host.count(1)).toBe(BATCH);
  expect(await host.verify()).toEqual([]);

  device.quotaBytes = device.usedBytes();
  await insert(61_000);
  await host.close();
  device.restart(false);
  const again = await open();
  expect(await again.count(1)).toBe(2 * BATCH);
  await again.close();
});
