import { expect, test } from 'vitest';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { bytesOf, deviceFrom, imageFileOf, imageOf, withFile } from '../vfs/simulated/image.ts';
import { keepEverything, keepNothing } from '../vfs/simulated/survival.ts';
import { simulatedVfs } from '../vfs/simulated/vfs.ts';
import { openStorage } from './testing.ts';

test('a torn manifest stays dead when a later write supplies what it lacked', async () => {
  const device = new SimulatedDevice();
  const open = (on: SimulatedDevice): ReturnType<typeof openStorage> => openStorage(simulatedVfs(on), { clock: on.clock });
  const storage = await open(device);
  storage.createShard(1, new Uint8Array(3000).fill(1));
  storage.edit({ blob: new Uint8Array([1]) });
  let torn = null as ReturnType<typeof imageOf> | null;
  device.onCall = (call) => {
    if (call.kind === 'flush' && call.path.startsWith('m')) torn ??= imageOf(device.freeze(), keepEverything);
  };
  storage.edit({ blob: new Uint8Array([2]) });
  if (torn === null) throw new Error('no manifest was written');
  const path = `m${storage.stats.generation % 2}`;
  const whole = bytesOf(torn.files.get(path) as NonNullable<ReturnType<typeof torn.files.get>>);
  // Its second sector was lost.
  const cut = whole.slice();
  cut.fill(0, 512, 1024);
  const damaged = deviceFrom(withFile(torn, path, imageFileOf(cut)));
  const recovered = await open(damaged);
  expect(recovered.blob).toEqual(new Uint8Array([1]));
  // The next generation is written to that file; of it only the second sector, which is the same, reaches the device.
  const after = imageOf(damaged.freeze(), keepNothing);
  const completed = bytesOf(after.files.get(path) as NonNullable<ReturnType<typeof after.files.get>>);
  completed.set(whole.subarray(512, 1024), 512);
  const again = await open(deviceFrom(withFile(after, path, imageFileOf(completed))));
  expect(again.blob).toEqual(new Uint8Array([1]));
});
