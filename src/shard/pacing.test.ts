/** Where no background work is done, writers do the flushing: each a part of it, none the whole. */
import { expect, test } from 'vitest';
import { WriteKind } from '../protocol/write-batch.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { batchOf, entry, openOnDevice, testSchema, uuidOf } from './testing.ts';

const MEMTABLE_BYTES = 512 << 10;
const OBJECTS = 8;

/** Batches of about 16 KiB, one after another; the bytes that each of them wrote to data files. */
async function write(batches: number) {
  const device = new SimulatedDevice();
  const host = await openOnDevice(device, {
    limits: { memtableBytesMax: MEMTABLE_BYTES },
    storageLimits: { writeBufferBytes: 4 << 10, dataFiles: 1, mirrorBytesMax: 0, settleMs: 0 },
  });
  await host.putShard(1, testSchema());
  let written = 0;
  device.onCall = ({ kind, path, bytes }) => {
    if (kind === 'write' && path.includes('/d')) written += bytes;
  };
  const paid: number[] = [];
  let memtableMax = 0;
  for (let n = 0; n < batches; n++) {
    const entries = Array.from({ length: OBJECTS }, (_, i) =>
      entry(WriteKind.insert, uuidOf(n * OBJECTS + i), [null, 'x'.repeat(2_000), n]),
    );
    written = 0;
    await host.write({ shard: 1, request: { client: new Uint8Array(16), sequence: n + 1 }, batch: batchOf(entries), atomic: true });
    paid.push(written);
    memtableMax = Math.max(memtableMax, (await host.stats()).shards[0].memtableBytes);
  }
  const [{ segments }] = (await host.stats()).shards;
  await host.close();
  return { paid, memtableMax, segments };
}

test('a flush is spread over the writes that come while it goes on, and done before the next', async () => {
  const { paid, memtableMax, segments } = await write(200);
  expect(segments).toBeGreaterThan(3);
  expect(Math.max(...paid)).toBeLessThan(MEMTABLE_BYTES / 3);
  expect(memtableMax).toBeLessThan(MEMTABLE_BYTES * 1.2);
});
