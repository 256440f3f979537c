import { expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { deviceFrom, imageOf } from '../vfs/simulated/image.ts';
import { survivals } from '../vfs/simulated/survival.ts';
import { simulatedVfs } from '../vfs/simulated/vfs.ts';
import type { HostStorage } from './host-storage.ts';
import { SMALL_LIMITS, noMeta, openStorage } from './testing.ts';

const open = (device: SimulatedDevice): Promise<HostStorage> =>
  openStorage(simulatedVfs(device), { clock: device.clock, limits: { ...SMALL_LIMITS, logFileBytes: 4 << 10, settleMs: 0 } });

test('relaxed commits may be lost in a power cut, from the end only, and what was synced is not', async () => {
  const random = new SeededRandom(11);
  for (let round = 0; round < 12; round++) {
    const device = new SimulatedDevice({ nameRiskMs: 0 });
    const storage = await open(device);
    storage.createShard(1, noMeta);
    device.clock.advance(1);
    const synced = random.int(6);
    for (let sequence = 1; sequence <= synced + 6; sequence++) {
      storage.append(1, sequence, 1, [random.fill(new Uint8Array(random.int(900))), utf8(`#${sequence}`)]);
      expect(await storage.commit('relaxed')).toBe('process');
      if (sequence === synced) storage.sync();
    }
    const snapshot = device.freeze();
    for (const survival of survivals(snapshot, 60, random)) {
      const again = await open(deviceFrom(imageOf(snapshot, survival)));
      const found = [...again.recovered].map(({ payload }) => Number(fromUtf8(payload).split('#').at(-1)));
      expect(found).toEqual(Array.from({ length: found.length }, (_, i) => i + 1));
      expect(found.length).toBeGreaterThanOrEqual(synced);
    }
  }
});
