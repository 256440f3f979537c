import { expect, test } from 'vitest';
import { WriteKind } from '../protocol/write-batch.ts';
import { afterKill, SimulatedDevice } from '../vfs/simulated/device.ts';
import type { ShardHost } from './engine-host.ts';
import { batchOf, contentOf, entry, openOnDevice, testSchema, uuidOf } from './testing.ts';

const open = (device: SimulatedDevice): Promise<ShardHost> =>
  openOnDevice(device, { storageLimits: { logFileBytes: 64 << 10, mergeFanout: 2 } });

test('a merge keeps what the log still has to kill when it is replayed', async () => {
  const device = new SimulatedDevice();
  const host = await open(device);
  await host.putShard(1, testSchema());
  let sequence = 0;
  const write = (entries: ReturnType<typeof entry>[]): Promise<unknown> =>
    host.write({ shard: 1, request: { client: new Uint8Array(16), sequence: ++sequence }, batch: batchOf(entries), atomic: true });
  for (const id of [1, 2, 3, 4]) {
    await write([entry(WriteKind.insert, uuidOf(id), ['alpha', 'tag', id], [id, 0, 0, 0])]);
    await host.flush();
  }
  // An update that hands the vector on, and a delete; both only in the log when the merge runs.
  await write([entry(WriteKind.update, uuidOf(1), { 2: 11 })]);
  await write([entry(WriteKind.delete, uuidOf(2))]);
  while (await host.maintain(1_000));
  expect((await host.stats()).shards[0].segments).toBeLessThan(4);

  const recovered = await open(afterKill(device.freeze()));
  const content = [...(await contentOf(recovered, 1)).values()].map(({ values, vector }) => [values[2], vector?.[0]]);
  expect(content.sort()).toEqual([
    [11, 1],
    [3, 3],
    [4, 4],
  ]);
  expect(await recovered.verify()).toEqual([]);
});
