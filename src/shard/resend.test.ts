import { expect, test } from 'vitest';
import { SeededRandom, silentLogger } from '../core/clock.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import { afterKill, SimulatedDevice } from '../vfs/simulated/device.ts';
import { simulatedMirror, simulatedVfs } from '../vfs/simulated/vfs.ts';
import { ShardHost } from './engine-host.ts';
import { batchOf, contentOf, entry, testSchema, uuidOf } from './testing.ts';

const open = (device: SimulatedDevice): Promise<ShardHost> =>
  ShardHost.open({
    vfs: simulatedVfs(device).directory('h'),
    mirror: simulatedMirror(device, 'h'),
    clock: device.clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    durability: 'strict',
    storageLimits: { logFileBytes: 64 << 10 },
    defer: queueMicrotask,
  });

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
