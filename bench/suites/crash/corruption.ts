/**
 * Damage on the disk: every bit of every file of a small database flipped, every file cut at every length, blocks zeroed,
 * swapped and replaced by older versions. Each must be noticed or must not matter: an answer that is wrong, or something
 * missing without a word, is undetected damage.
 *
 * The database was closed in good order, so that nothing on its disk is a tail that might as well have been torn.
 */
import { SeededRandom } from '../../../src/core/clock.ts';
import { HeddleError } from '../../../src/core/errors.ts';
import { SimulatedDevice } from '../../../src/vfs/simulated/device.ts';
import { bytesOf, deviceFrom, type DiskImage, imageFileOf, imageOf, withFile } from '../../../src/vfs/simulated/image.ts';
import { keepEverything } from '../../../src/vfs/simulated/survival.ts';
import { checkContent, checkIndexes, Violation } from './check.ts';
import type { History } from './history.ts';
import { record } from './record.ts';
import { openHost, type Sabotage } from './subject.ts';
import type { Group } from './workload.ts';

/** As small as the formats allow, so that every bit can be tried. */
export const TINY: Sabotage = {
  storageLimits: {
    logFiles: 2,
    logFileBytes: 512,
    manifestBytes: 1 << 10,
    dataFiles: 1,
    extentBytes: 256,
    reserveBytes: 256,
    blockBytes: 256,
  },
};
const BLOCK_BYTES = 512;

export interface SmallDatabase {
  readonly history: History;
  readonly image: DiskImage;
  /** Images of moments before, for stale blocks. */
  readonly older: readonly DiskImage[];
  readonly operations: number;
}

export async function smallDatabase(groups: Iterable<Group>): Promise<SmallDatabase> {
  const device = new SimulatedDevice();
  const recording = await record(groups, device, TINY);
  const older = [0.3, 0.6, 0.9].map((part) =>
    imageOf(recording.moments[Math.floor(recording.moments.length * part)].snapshot, keepEverything),
  );
  return { history: recording.history, image: imageOf(device.freeze(), keepEverything), older, operations: recording.history.operations };
}

export interface Damage {
  readonly what: string;
  readonly image: DiskImage;
}

/** Every single-bit flip of bytes `from`, `from` + `step`, … of every file. */
export function* bitFlips(image: DiskImage, part: number, parts: number): IterableIterator<Damage> {
  for (const [path, file] of image.files) {
    const bytes = bytesOf(file);
    for (let at = part; at < bytes.length; at += parts)
      for (let bit = 0; bit < 8; bit++) {
        bytes[at] ^= 1 << bit;
        yield { what: `bit ${bit} of byte ${at} of ${path} flipped`, image: withFile(image, path, imageFileOf(bytes)) };
        bytes[at] ^= 1 << bit;
      }
  }
}

/** Every file cut to every length, and missing. */
export function* truncations(image: DiskImage, part: number, parts: number): IterableIterator<Damage> {
  for (const [path, file] of image.files) {
    const bytes = bytesOf(file);
    for (let length = part; length < bytes.length; length += parts)
      yield {
        what: `${path} cut to ${length} of ${bytes.length} bytes`,
        image: withFile(image, path, imageFileOf(bytes.slice(0, length))),
      };
    if (part === 0) yield { what: `${path} gone`, image: withFile(image, path, null) };
  }
}

/** Blocks zeroed, filled with ones, swapped with every other block of any file, and replaced by what was there before. */
export function* blockDamage(database: SmallDatabase, part: number, parts: number): IterableIterator<Damage> {
  const { image, older } = database;
  const blocks = [...image.files].flatMap(([path, file]) =>
    Array.from({ length: Math.ceil(file.sizeBytes / BLOCK_BYTES) }, (_, n) => ({ path, at: n * BLOCK_BYTES })),
  );
  const read = (from: DiskImage, { path, at }: { path: string; at: number }): Uint8Array => {
    const file = from.files.get(path);
    const block = new Uint8Array(BLOCK_BYTES);
    if (file !== undefined) block.set(bytesOf(file).subarray(at, at + BLOCK_BYTES));
    return block;
  };
  const replaced = (from: DiskImage, { path, at }: { path: string; at: number }, content: Uint8Array): DiskImage => {
    const bytes = bytesOf(from.files.get(path) as NonNullable<ReturnType<typeof from.files.get>>);
    bytes.set(content.subarray(0, bytes.length - at), at);
    return withFile(from, path, imageFileOf(bytes));
  };
  for (let i = part; i < blocks.length; i += parts) {
    const block = blocks[i];
    const name = `block ${block.at} of ${block.path}`;
    yield { what: `${name} zeroed`, image: replaced(image, block, new Uint8Array(BLOCK_BYTES)) };
    yield { what: `${name} filled with ones`, image: replaced(image, block, new Uint8Array(BLOCK_BYTES).fill(0xff)) };
    for (const [n, old] of older.entries())
      yield { what: `${name} as it was at moment ${n}`, image: replaced(image, block, read(old, block)) };
    for (let j = i + 1; j < blocks.length; j++) {
      const once = replaced(image, block, read(image, blocks[j]));
      yield {
        what: `${name} swapped with block ${blocks[j].at} of ${blocks[j].path}`,
        image: replaced(once, blocks[j], read(image, block)),
      };
    }
  }
  if (part > 0) return;
  for (const [n, old] of older.entries())
    for (const [path, file] of old.files) yield { what: `${path} as it was at moment ${n}`, image: withFile(image, path, file) };
}

/** What came of a damage. */
export type Outcome = 'harmless' | 'refused' | 'reported' | 'undetected';

/** Opens and reads everything; `said`: in which words an undetected damage shows. */
export async function examine(database: SmallDatabase, damage: Damage, random: SeededRandom): Promise<{ outcome: Outcome; said: string }> {
  const { history, operations } = database;
  const device = deviceFrom(damage.image);
  const isTyped = (thrown: unknown): thrown is HeddleError =>
    thrown instanceof HeddleError && ['Corruption', 'Unsupported', 'Evicted'].includes(thrown.code);
  let host: Awaited<ReturnType<typeof openHost>>;
  try {
    host = await openHost(device, TINY);
  } catch (thrown) {
    return isTyped(thrown)
      ? { outcome: 'refused', said: '' }
      : { outcome: 'undetected', said: `open threw ${String(thrown instanceof Error ? thrown.stack : thrown)}` };
  }
  try {
    for (const [shard, content] of await checkContent(host, { history, first: operations, last: operations }))
      await checkIndexes(host, shard, content, random);
    return { outcome: 'harmless', said: '' };
  } catch (thrown) {
    if (isTyped(thrown)) return { outcome: 'reported', said: '' };
    if (!(thrown instanceof Violation)) return { outcome: 'undetected', said: String(thrown instanceof Error ? thrown.stack : thrown) };
    const { quarantined } = await host.stats();
    // Something is missing: that is right only if it was said, and if nothing is there that never was.
    if (quarantined.length > 0 && thrown.kind !== 'partial') return { outcome: 'reported', said: '' };
    return { outcome: 'undetected', said: `${thrown.kind}: ${thrown.message}; quarantined: ${quarantined.join('; ') || 'nothing'}` };
  }
}
