import { expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import type { ShardHost } from './engine-host.ts';
import { batchOf, contentOf, entry, openOnDevice, testSchema, uuidOf } from './testing.ts';

const open = (device: SimulatedDevice): Promise<ShardHost> =>
  openOnDevice(device, { storageLimits: { logFileBytes: 64 << 10, blockCacheBytes: 0 } });

/** A host whose objects are all in segments, a fault at the `nth` read from now on, and two deletes sent together. */
async function deleteWithReadFailure(
  nth: number,
): Promise<{ fired: boolean; device: SimulatedDevice; host: ShardHost; failed: HeddleError[] }> {
  const device = new SimulatedDevice();
  const before = await open(device);
  await before.putShard(1, testSchema());
  const insert = batchOf([1, 2, 3, 4].map((id) => entry(WriteKind.insert, uuidOf(id), ['alpha', 'tag', id], [id, 0, 0, 0])));
  await before.write({ shard: 1, request: { client: new Uint8Array(16), sequence: 1 }, batch: insert, atomic: true });
  await before.close();
  device.restart(false);
  const host = await open(device);
  let reads = 0;
  device.faults = (call) => (call.kind === 'read' && ++reads === nth ? { error: 'io' } : null);
  const failed: HeddleError[] = [];
  const remove = (id: number): Promise<unknown> =>
    host
      .write({
        shard: 1,
        request: { client: new Uint8Array(16), sequence: 1 + id },
        batch: batchOf([entry(WriteKind.delete, uuidOf(id))]),
        atomic: true,
      })
      .catch((thrown: unknown) => failed.push(thrown as HeddleError));
  await Promise.all([remove(1), remove(2)]);
  device.faults = null;
  return { fired: reads >= nth, device, host, failed };
}

test('a write that fails halfway leaves nothing of itself, in memory or in the log', async () => {
  for (let nth = 1; ; nth++) {
    const { fired, device, host, failed } = await deleteWithReadFailure(nth);
    for (const error of failed) expect(error).toBeInstanceOf(HeddleError);
    const gone = 2 - failed.length;
    const stillUsable = await host.count(1).catch(() => null);
    if (stillUsable !== null) {
      expect([nth, stillUsable, await host.verify()]).toEqual([nth, 4 - gone, []]);
      await host.write({
        shard: 1,
        request: { client: new Uint8Array(16), sequence: 9 },
        batch: batchOf([entry(WriteKind.upsert, uuidOf(9), ['nine'])]),
        atomic: true,
      });
    }
    device.restart(false);
    const again = await open(device);
    expect([nth, (await contentOf(again, 1)).size]).toEqual([nth, 4 - gone + (stillUsable === null ? 0 : 1)]);
    expect(await again.verify()).toEqual([]);
    if (!fired) return;
  }
});
