import { expect, test } from 'vitest';
import { WriteKind } from '../protocol/write-batch.ts';
import { afterKill, SimulatedDevice } from '../vfs/simulated/device.ts';
import type { ShardHost } from './engine-host.ts';
import { batchOf, contentOf, entry, openOnDevice, testSchema, uuidOf } from './testing.ts';

const open = (device: SimulatedDevice): Promise<ShardHost> => openOnDevice(device, { storageLimits: { logFileBytes: 64 << 10 } });

test('a request that changed nothing is not applied when it is sent again after a later one', async () => {
  const device = new SimulatedDevice();
  const host = await open(device);
  await host.putShard(1, testSchema());
  const client = new Uint8Array(16).fill(7);
  const send = (to: ShardHost, sequence: number, stars: number): Promise<{ repeated: boolean }> =>
    to.write({
      shard: 1,
      request: { client, sequence },
      batch: batchOf([entry(WriteKind.upsert, uuidOf(1), ['alpha', 'tag', stars])]),
      atomic: true,
    });
  await send(host, 1, 4);
  await send(host, 2, 4);
  await send(host, 3, 6);
  const recovered = await open(afterKill(device.freeze()));
  expect((await send(recovered, 2, 4)).repeated).toBe(true);
  expect((await send(recovered, 3, 6)).repeated).toBe(true);
  expect([...(await contentOf(recovered, 1)).values()].map(({ values }) => values[2])).toEqual([6]);
});
