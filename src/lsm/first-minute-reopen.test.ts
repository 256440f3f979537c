import { describe, expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import type { Mirror } from '../vfs/vfs.ts';
import { afterKill, SimulatedDevice } from '../vfs/simulated/device.ts';
import { deviceFrom, imageOf } from '../vfs/simulated/image.ts';
import { keepNothing } from '../vfs/simulated/survival.ts';
import { simulatedMirror, simulatedVfs } from '../vfs/simulated/vfs.ts';
import type { HostStorage } from './host-storage.ts';
import { noMeta, openStorage, SMALL_LIMITS } from './testing.ts';

const open = (device: SimulatedDevice, mirror: Mirror = simulatedMirror(device, 'h')): Promise<HostStorage> =>
  openStorage(simulatedVfs(device).directory('h'), { mirror, clock: device.clock, limits: { ...SMALL_LIMITS, mirrorBytesMax: 2_000 } });

const recordsOf = (storage: HostStorage): string[] =>
  [...storage.recovered].map(({ shard, sequence, payload }) => `${shard}/${sequence} ${fromUtf8(payload).slice(0, 8)}`);

/** What is there after a power cut that takes everything it may take. */
const afterPowerCut = (device: SimulatedDevice): Promise<HostStorage> => open(deviceFrom(imageOf(device.freeze(), keepNothing)));

describe('a database opened again in its first minute', () => {
  test('does not promise what a full mirror has a gap before', async () => {
    const device = new SimulatedDevice();
    const first = await open(device);
    first.createShard(1, noMeta);
    first.append(1, 1, 1, [utf8('small')]);
    expect(await first.commit()).toBe('power');
    first.append(1, 2, 1, [utf8('large'.repeat(500))]);
    expect(await first.commit()).toBe('process');
    await first.close();
    const second = await open(device);
    expect(recordsOf(second)).toHaveLength(2);
    second.append(1, 3, 1, [utf8('after')]);
    expect(await second.commit()).toBe('process');
    expect(recordsOf(await afterPowerCut(device))).toEqual(['1/1 small']);
  });

  test('makes sure of what the mirror was given last before a kill', async () => {
    const device = new SimulatedDevice();
    const first = await open(device);
    first.createShard(1, noMeta);
    await first.commit();
    first.append(1, 1, 1, [utf8('killed')]);
    let killed: SimulatedDevice | null = null;
    device.onCall = (call) => {
      if (call.kind === 'mirror-commit') killed ??= afterKill(device.freeze());
    };
    await first.commit();
    const device2 = killed as SimulatedDevice | null;
    if (device2 === null) throw new Error('no mirror commit');
    const second = await open(device2);
    expect(recordsOf(second)).toEqual(['1/1 killed']);
    expect(await second.commit()).toBe('power');
    expect(recordsOf(await afterPowerCut(device2))).toEqual(['1/1 killed']);
  });

  test('gives the mirror what it missed', async () => {
    const device = new SimulatedDevice();
    const mirror = simulatedMirror(device, 'h');
    const first = await open(device, {
      ...mirror,
      read: (s) => mirror.read(s),
      streams: () => mirror.streams(),
      clear: () => mirror.clear(),
      close: () => undefined,
      append: () => Promise.reject(new Error('IndexedDB is out of order')),
    });
    first.createShard(1, utf8('meta'));
    first.append(1, 1, 1, [utf8('missed')]);
    expect(await first.commit()).toBe('process');
    await first.close();
    const second = await open(device);
    second.append(1, 2, 1, [utf8('next')]);
    expect(await second.commit()).toBe('power');
    const third = await afterPowerCut(device);
    expect(recordsOf(third)).toEqual(['1/1 missed', '1/2 next']);
    expect(third.shards().map(({ meta }) => fromUtf8(meta))).toEqual(['meta']);
  });

  test('does not bring back a dropped shard from a mirror that was full', async () => {
    const device = new SimulatedDevice();
    const first = await open(device);
    first.createShard(1, noMeta);
    first.createShard(2, noMeta);
    expect(await first.commit()).toBe('power');
    first.append(2, 1, 1, [utf8('large'.repeat(500))]);
    expect(await first.commit()).toBe('process');
    first.dropShard(2);
    const second = await open(afterKill(device.freeze()));
    expect(second.shards().map(({ id }) => id)).toEqual([1]);
  });

  test('does not go back to an older mirror because a shard was dropped', async () => {
    const device = new SimulatedDevice();
    const first = await open(device);
    first.createShard(1, noMeta);
    first.createShard(2, noMeta);
    expect(await first.commit()).toBe('power');
    first.append(1, 1, 1, [utf8('large'.repeat(500))]);
    expect(await first.commit()).toBe('process');
    first.dropShard(2);
    const second = await open(afterKill(device.freeze()));
    expect(recordsOf(second)).toEqual(['1/1 largelar']);
  });
});
