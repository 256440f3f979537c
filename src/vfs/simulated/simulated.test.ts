import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../core/clock.ts';
import type { Vfs } from '../vfs.ts';
import { MIRROR_CASES, VFS_CASES } from '../vfs-conformance.ts';
import { afterKill, SimulatedClock, SimulatedCrash, SimulatedDevice } from './device.ts';
import { bytesOf, deviceFrom, hashOf, imageOf, unitsOf } from './image.ts';
import type { Survival } from './image.ts';
import { keepEverything, keepNothing, keepRandomly, survivals } from './survival.ts';
import { simulatedMirror, simulatedVfs } from './vfs.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const SETTLED_MS = 60_000;

describe('vfs: simulated device', () => {
  for (const { title, run } of VFS_CASES) it(title, () => run(async () => simulatedVfs(new SimulatedDevice())));
});
describe('mirror: simulated device', () => {
  for (const { title, run } of MIRROR_CASES) it(title, () => run(async () => simulatedMirror(new SimulatedDevice(), 'worker0')));
});

/** A device with a settled file `name` of this content. */
async function withSettled(name: string, content: string, profile: 'chromium' | 'firefox' = 'chromium'): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ profile });
  await put(simulatedVfs(device), name, content, true);
  device.clock.advance(SETTLED_MS);
  return device;
}

async function put(vfs: Vfs, name: string, content: string, flush: boolean): Promise<void> {
  const file = await vfs.open(name, { create: true });
  file.truncate(0);
  file.write(text(content), 0);
  if (flush) file.flush();
  file.close();
}

function afterPowerCut(device: SimulatedDevice, survival: Survival): Record<string, string> {
  const image = imageOf(device.freeze(), survival);
  return Object.fromEntries([...image.files].map(([path, file]) => [path, new TextDecoder().decode(bytesOf(file))]));
}
function afterKilling(device: SimulatedDevice): Record<string, string> {
  const killed = afterKill(device.freeze());
  return Object.fromEntries([...killed.paths()].map((path) => [path, contentOf(killed, path)]));
}
function contentOf(device: SimulatedDevice, path: string): string {
  const file = device.find(path);
  if (file === undefined) return 'missing';
  const bytes = new Uint8Array(file.sizeBytes);
  file.read(bytes, 0);
  return new TextDecoder().decode(bytes);
}

/** What was measured in real browsers, line by line; the source is the table in `docs/adr/what-survives-a-crash.md`. */
describe('the crash table', () => {
  for (const profile of ['chromium', 'firefox'] as const) {
    it(`${profile}, killed: written bytes are there, flushed or not`, async () => {
      const device = await withSettled('f', 'old', profile);
      await put(simulatedVfs(device), 'f', 'new', false);
      expect(afterKilling(device)).toEqual({ f: 'new' });
    });

    it(`${profile}, power cut: what was flushed into a settled file is kept, also when the file grew`, async () => {
      const device = await withSettled('f', 'old', profile);
      await put(simulatedVfs(device), 'f', 'new'.repeat(1000), true);
      expect(afterPowerCut(device, keepNothing)).toEqual({ f: 'new'.repeat(1000) });
    });

    it(`${profile}, power cut: what was not flushed may be lost`, async () => {
      const device = await withSettled('f', 'old', profile);
      const file = await simulatedVfs(device).open('f', { create: false });
      file.write(text('new'), 0);
      expect(afterPowerCut(device, keepNothing)).toEqual({ f: 'old' });
      expect(afterPowerCut(device, keepEverything)).toEqual({ f: 'new' });
    });

    it(`${profile}, power cut: a file moved over a settled one takes both away`, async () => {
      const device = await withSettled('cur', 'old', profile);
      await put(simulatedVfs(device), 'tmp', 'new', true);
      device.move('tmp', 'cur');
      expect(afterKilling(device)).toEqual({ cur: 'new' });
      expect(afterPowerCut(device, keepNothing)).toEqual(profile === 'chromium' ? {} : { tmp: 'new' });
      device.clock.advance(SETTLED_MS);
      expect(afterPowerCut(device, keepNothing)).toEqual({ cur: 'new' });
    });
  }

  it('chromium, power cut: a new file is gone, flushed or not, until its name has settled', async () => {
    const device = new SimulatedDevice();
    await put(simulatedVfs(device), 'f', 'new', true);
    device.clock.advance(6000);
    expect(afterPowerCut(device, keepNothing)).toEqual({});
    device.clock.advance(SETTLED_MS - 6001);
    expect(afterPowerCut(device, keepNothing)).toEqual({});
    device.clock.advance(1);
    expect(afterPowerCut(device, keepNothing)).toEqual({ f: 'new' });
  });

  it('firefox, power cut: a new file that was flushed is there', async () => {
    const device = new SimulatedDevice({ profile: 'firefox' });
    await put(simulatedVfs(device), 'f', 'new', true);
    expect(afterPowerCut(device, keepNothing)).toEqual({ f: 'new' });
  });

  it('power cut: the mirror keeps what it acknowledged, also on a fresh profile', async () => {
    const device = new SimulatedDevice();
    const mirror = simulatedMirror(device, 'w');
    await mirror.append('log', [text('acknowledged')]);
    const pending = mirror.append('log', [text('in flight')]);
    expect(imageOf(device.freeze(), keepNothing).mirror).toHaveLength(1);
    expect(imageOf(device.freeze(), keepEverything).mirror).toHaveLength(2);
    await pending;
    expect(imageOf(device.freeze(), keepNothing).mirror).toHaveLength(2);
  });

  it('a killed process leaves unflushed bytes that a later power cut still takes', async () => {
    const device = await withSettled('f', 'old');
    await put(simulatedVfs(device), 'f', 'new', false);
    const killed = afterKill(device.freeze());
    expect(contentOf(killed, 'f')).toBe('new');
    expect(afterPowerCut(killed, keepNothing)).not.toEqual({ f: 'new' });
    const file = await simulatedVfs(killed).open('f', { create: false });
    file.flush();
    expect(afterPowerCut(killed, keepNothing)).toEqual({ f: 'new' });
  });

  it('a reload does not settle a name, nor does it make it older or younger', async () => {
    const device = new SimulatedDevice();
    await put(simulatedVfs(device), 'f', 'new', true);
    const killed = afterKill(device.freeze());
    expect(afterPowerCut(killed, keepNothing)).toEqual({});
    killed.clock.advance(SETTLED_MS);
    expect(afterPowerCut(killed, keepNothing)).toEqual({ f: 'new' });
  });

  it('an orphan of a killed browser goes on writing for 300 ms, beside the handle of the next', async () => {
    const device = await withSettled('f', 'old');
    const orphan = await simulatedVfs(device).open('f', { create: false });
    device.restart(true);
    const next = await simulatedVfs(device).open('f', { create: false });
    next.write(text('A'), 0);
    orphan.write(text('B'), 1);
    expect(contentOf(device, 'f')).toBe('ABd');
    device.clock.advance(300);
    expect(() => orphan.write(text('C'), 2)).toThrow(SimulatedCrash);
    next.write(text('D'), 2);
    expect(contentOf(device, 'f')).toBe('ABD');
  });

  it('cleared storage: the open handle works on, the names are gone, and the vfs knows', async () => {
    const device = await withSettled('f', 'old');
    const vfs = simulatedVfs(device);
    const file = await vfs.open('f', { create: false });
    device.clear();
    file.write(text('new'), 0);
    file.flush();
    expect(file.size()).toBe(3);
    expect(await vfs.list()).toEqual([]);
    expect(await vfs.alive()).toBe(false);
  });

  it('quota: a growing call throws StorageFull and the file is as it was; overwriting and shrinking still work', async () => {
    const device = await withSettled('f', 'x'.repeat(1000));
    device.quotaBytes = 1000;
    const file = await simulatedVfs(device).open('f', { create: false });
    expect(() => file.write(text('yy'), 999)).toThrow(expect.objectContaining({ code: 'StorageFull', details: { bytesWanted: 1 } }));
    expect(file.size()).toBe(1000);
    file.write(text('y'), 999);
    expect(() => file.truncate(1001)).toThrow(expect.objectContaining({ code: 'StorageFull' }));
    file.truncate(10);
    file.write(text('z'), 999);
  });
});

describe('the device', () => {
  it('keeps or loses each sector by itself, as it was at any moment since the last flush', async () => {
    const device = await withSettled('f', 'a'.repeat(1024));
    const file = await simulatedVfs(device).open('f', { create: false });
    file.write(text('b'.repeat(1024)), 0);
    file.write(text('c'), 0);
    const units = unitsOf(device.freeze());
    expect(units.map(({ kind, calls }) => [kind, calls.length])).toEqual([
      ['sector', 3],
      ['sector', 2],
    ]);
    const seen = new Set<string>();
    for (let first = 0; first < 3; first++)
      for (let second = 0; second < 2; second++)
        seen.add(afterPowerCut(device, (_, ordinal) => [first, second][ordinal]).f.replace(/(.)\1{8,}/g, '$1'));
    expect([...seen].sort()).toEqual(['a', 'ab', 'b', 'ba', 'cb', 'cba']);
  });

  it('tears a sector between two versions', async () => {
    const device = await withSettled('f', 'a'.repeat(512));
    const file = await simulatedVfs(device).open('f', { create: false });
    file.write(text('b'.repeat(512)), 0);
    expect(afterPowerCut(device, () => 0.5).f).toBe('b'.repeat(256) + 'a'.repeat(256));
  });

  it('loses growth: the length and the new sectors each survive or not', async () => {
    const device = await withSettled('f', 'a');
    const file = await simulatedVfs(device).open('f', { create: false });
    file.write(text('b'.repeat(600)), 0);
    expect(afterPowerCut(device, keepNothing).f).toBe('a');
    expect(afterPowerCut(device, (unit) => (unit.kind === 'size' ? 1 : 0)).f).toBe(`a${'\0'.repeat(599)}`);
    expect(afterPowerCut(device, (unit) => (unit.kind === 'size' ? 0 : 1)).f).toBe('b');
  });

  it('crashes at a given call and refuses everything after', async () => {
    const device = await withSettled('f', 'old');
    const file = await simulatedVfs(device).open('f', { create: false });
    device.crashAt = device.calls + 2;
    file.write(text('1'), 0);
    expect(() => file.flush()).toThrow(SimulatedCrash);
    expect(() => file.write(text('2'), 0)).toThrow(SimulatedCrash);
    expect(contentOf(device, 'f')).toBe('1ld');
  });

  it('fails the call a fault names, a write after part of its bytes', async () => {
    const device = await withSettled('f', 'old');
    const file = await simulatedVfs(device).open('f', { create: false });
    device.faults = (call) => (call.kind === 'write' ? { error: 'io', keepBytes: 1 } : call.kind === 'open' ? { error: 'busy' } : null);
    expect(() => file.write(text('new'), 0)).toThrow(expect.objectContaining({ code: 'StorageUnavailable' }));
    expect(contentOf(device, 'f')).toBe('nld');
    await expect(simulatedVfs(device).open('g', { create: true })).resolves.toBeDefined();
    file.close();
    await expect(simulatedVfs(device).open('f', { create: true })).rejects.toMatchObject({ code: 'StorageUnavailable' });
  });

  it('hashes equal images alike and different ones apart, and restarts from an image as it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.tuple(fc.nat(2), fc.nat(3000), fc.nat(1500), fc.boolean()), { maxLength: 20 }),
        async (seed, writes) => {
          const random = new SeededRandom(seed);
          const device = new SimulatedDevice({ clock: new SimulatedClock(0) });
          const vfs = simulatedVfs(device);
          for (const [name, at, length, flush] of writes) {
            const file = await vfs.open(`f${name}`, { create: true });
            file.write(random.fill(new Uint8Array(length)), at);
            if (flush) file.flush();
            file.close();
          }
          const snapshot = device.freeze();
          const byHash = new Map<number, string>();
          for (const survival of survivals(snapshot, 40, random)) {
            const image = imageOf(snapshot, survival);
            const content = JSON.stringify(
              [...image.files].sort().map(([path, file]) => [path, Buffer.from(bytesOf(file)).toString('base64')]),
            );
            const hash = hashOf(image);
            expect(byHash.get(hash) ?? content).toBe(content);
            byHash.set(hash, content);
            const again = deviceFrom(image);
            expect(hashOf(imageOf(again.freeze(), keepNothing))).toBe(hash);
            for (const [path, file] of image.files) expect(Buffer.from(contentBytes(again, path)).equals(bytesOf(file))).toBe(true);
          }
          expect(new Set(byHash.values()).size).toBe(byHash.size);
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });

  it('makes the same images from the same seed', async () => {
    const device = await withSettled('f', 'a'.repeat(5000));
    const file = await simulatedVfs(device).open('f', { create: false });
    file.write(text('b'.repeat(5000)), 0);
    const hashes = (seed: number): number[] =>
      [0.2, 0.5].map((keep) => hashOf(imageOf(device.freeze(), keepRandomly(new SeededRandom(seed), keep, 0.2))));
    expect(hashes(1)).toEqual(hashes(1));
    expect(hashes(1)).not.toEqual(hashes(2));
  });
});

function contentBytes(device: SimulatedDevice, path: string): Uint8Array {
  const file = device.find(path);
  const bytes = new Uint8Array(file?.sizeBytes ?? 0);
  file?.read(bytes, 0);
  return bytes;
}
