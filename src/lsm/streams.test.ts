/** Streams on a device whose power is cut: what manifests name of them is really there. */
import { expect, test } from 'vitest';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { deviceFrom, imageOf } from '../vfs/simulated/image.ts';
import { keepNothing } from '../vfs/simulated/survival.ts';
import { simulatedVfs } from '../vfs/simulated/vfs.ts';
import { noMeta, openStorage } from './testing.ts';

/** No power cut takes a file's name here. */
async function settledStorage() {
  const device = new SimulatedDevice();
  const storage = await openStorage(simulatedVfs(device).directory('h'), { clock: device.clock });
  storage.createShard(1, noMeta);
  device.clock.advance(61_000);
  storage.step(1);
  await storage.settled();
  return { device, storage };
}

const afterPowerCut = (device: SimulatedDevice) =>
  openStorage(simulatedVfs(deviceFrom(imageOf(device.freeze(), keepNothing))).directory('h'));

const BUFFERED = 64 << 10;

test('a manifest written while a stream grows names what was flushed of it, no more', async () => {
  const { device, storage } = await settledStorage();
  const stream = storage.streams.create();
  stream.append(new Uint8Array(100).fill(1));
  stream.flush();
  stream.append(new Uint8Array(BUFFERED).fill(2)); // written at once, in new extents, and not flushed
  storage.edit({});
  const cut = await afterPowerCut(device);
  const read = new Uint8Array(200);
  cut.streams.open(stream.id).read(read, 0);
  expect([...read]).toEqual([...new Uint8Array(100).fill(1), ...new Uint8Array(100)]);

  stream.flush();
  const whole = await afterPowerCut(device);
  const tail = new Uint8Array(8);
  whole.streams.open(stream.id).read(tail, 100 + BUFFERED - 4);
  expect([...tail]).toEqual([2, 2, 2, 2, 0, 0, 0, 0]);
});

test('a stream that is freed before a manifest named all of it gives everything back', async () => {
  const { storage } = await settledStorage();
  const free = (): number => storage.stats.freeBytes - storage.stats.diskBytes;
  const before = free();
  const stream = storage.streams.create();
  stream.append(new Uint8Array(100));
  stream.flush();
  stream.append(new Uint8Array(BUFFERED));
  expect(free()).toBeLessThan(before - BUFFERED);
  storage.streams.free(stream.id);
  for (let generation = 0; generation < 3; generation++) storage.edit({});
  expect(free()).toBe(before);
});
