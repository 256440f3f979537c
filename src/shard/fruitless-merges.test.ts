/** What has died since the last flush stays in segments, for the log may have to kill it again; a merge for its sake gains nothing. */
import { expect, test } from 'vitest';
import { WriteKind } from '../protocol/write-batch.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { batchOf, entry, openOnDevice, testSchema, uuidOf } from './testing.ts';

test.each([
  ['objects', null],
  ['objects with vectors', [1, 2, 3, 4]],
])('background work ends while deletes of %s wait for their flush, and drops them after it', async (_, vector) => {
  const device = new SimulatedDevice();
  const host = await openOnDevice(device, {});
  await host.putShard(1, testSchema());
  let sequence = 0;
  const write = (entries: ReturnType<typeof entry>[]): Promise<unknown> =>
    host.write({ shard: 1, request: { client: new Uint8Array(16), sequence: ++sequence }, batch: batchOf(entries), atomic: true });
  const ids = Array.from({ length: 40 }, (_, n) => n);
  await write(ids.map((n) => entry(WriteKind.insert, uuidOf(n), ['alpha', 'tag', n], vector)));
  await host.flush();
  const full = (await host.stats()).shards[0].segmentBytes;
  await write(ids.slice(10).map((n) => entry(WriteKind.delete, uuidOf(n))));

  const idle = async (): Promise<boolean> => {
    for (let slices = 0; slices < 50; slices++) if (!(await host.maintain(1_000))) return true;
    return false;
  };
  expect(await idle()).toBe(true);
  await host.flush();
  expect(await idle()).toBe(true);
  expect((await host.stats()).shards[0].segmentBytes).toBeLessThan(full / 2);
  await host.close();
});
