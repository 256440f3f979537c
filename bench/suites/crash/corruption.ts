/**
 * Damage on the disk: every bit of every file of a small database flipped, every file cut at every length, blocks zeroed,
 * swapped and replaced by older versions. Each must be noticed or must not matter: an answer that is wrong, or something
 * missing without a word, is undetected damage.
 *
 * Two databases: one closed in good order, so that nothing on its disk is a tail that might as well have been torn, and of
 * which every file is damaged; and a running one whose log holds all that was written, of which the log files are damaged.
 * There the newest group may be taken for a torn tail: nothing on the disk knows yet that it was acknowledged. Whole blocks of
 * it are left alone for the same reason: with a block that holds the newest groups goes all that knew of them.
 */
import { SeededRandom } from '../../../src/core/clock.ts';
import { HeddleError } from '../../../src/core/errors.ts';
import { SimulatedDevice } from '../../../src/vfs/simulated/device.ts';
import { bytesOf, deviceFrom, type DiskImage, type ImageFile, imageFileOf, imageOf, withFile } from '../../../src/vfs/simulated/image.ts';
import { keepEverything } from '../../../src/vfs/simulated/survival.ts';
import { checkContent, checkIndexes, Violation } from './check.ts';
import type { History } from './history.ts';
import { type Moment, record } from './record.ts';
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
const SETTLED_MS = 61_000;

/** The same with room for all records in the log. */
const RUNNING: Sabotage = { storageLimits: { ...TINY.storageLimits, logFileBytes: 3 << 10 } };

export interface SmallDatabase {
  readonly history: History;
  readonly image: DiskImage;
  /** The files to damage. */
  readonly files: readonly string[];
  /** Images of moments before, for stale blocks. */
  readonly older: readonly DiskImage[];
  /** The state after any operation from `first` to `last` is right. */
  readonly first: number;
  readonly last: number;
  readonly sabotage: Sabotage;
}

const imagesAt = (moments: readonly Moment[], parts: readonly number[]): DiskImage[] =>
  parts.map((part) => imageOf(moments[Math.floor((moments.length - 1) * part)].snapshot, keepEverything));

export async function smallDatabase(groups: Iterable<Group>): Promise<SmallDatabase> {
  const device = new SimulatedDevice();
  const { history, moments } = await record(groups, device, TINY);
  const image = imageOf(device.freeze(), keepEverything);
  const older = imagesAt(moments, [0.3, 0.6, 0.9]);
  const all = history.operations;
  return { history, image, files: [...image.files.keys()], older, first: all, last: all, sabotage: TINY };
}

/** A database whose files have settled, in the moment after its last acknowledgement; nothing of it is in segments. */
export async function runningDatabase(groups: readonly Group[]): Promise<SmallDatabase> {
  const onlyWrites = groups
    .map((group) => group.filter(({ kind }) => kind === 'write' || kind === 'schema'))
    .filter((group) => group.length > 0);
  const settled: Group[] = [...onlyWrites.slice(0, 2), [{ kind: 'wait', ms: SETTLED_MS }], [{ kind: 'maintain' }], ...onlyWrites.slice(2)];
  const { history, moments } = await record(settled, new SimulatedDevice(), RUNNING);
  const all = history.operations;
  const moment = moments.find(({ acked }) => acked === all) as Moment;
  const image = imageOf(moment.snapshot, keepEverything);
  const files = [...image.files.keys()].filter((path) => /\/l\d$/.test(path));
  const first = all - (onlyWrites.at(-1) as Group).length;
  return { history, image, files, older: imagesAt(moments, [0.6, 0.8]), first, last: all, sabotage: RUNNING };
}

const bytesIn = (image: DiskImage, path: string): Uint8Array<ArrayBuffer> => bytesOf(image.files.get(path) as ImageFile);

export interface Damage {
  readonly what: string;
  readonly image: DiskImage;
}

/** Every single-bit flip of bytes `from`, `from` + `step`, … of every file. */
export function* bitFlips({ image, files }: SmallDatabase, part: number, parts: number): IterableIterator<Damage> {
  for (const path of files) {
    const bytes = bytesIn(image, path);
    for (let at = part; at < bytes.length; at += parts)
      for (let bit = 0; bit < 8; bit++) {
        bytes[at] ^= 1 << bit;
        yield { what: `bit ${bit} of byte ${at} of ${path} flipped`, image: withFile(image, path, imageFileOf(bytes)) };
        bytes[at] ^= 1 << bit;
      }
  }
}

/** Every file cut to every length, and missing. */
export function* truncations({ image, files }: SmallDatabase, part: number, parts: number): IterableIterator<Damage> {
  for (const path of files) {
    const bytes = bytesIn(image, path);
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
  const blocks = database.files.flatMap((path) =>
    Array.from({ length: Math.ceil(bytesIn(image, path).length / BLOCK_BYTES) }, (_, n) => ({ path, at: n * BLOCK_BYTES })),
  );
  const read = (from: DiskImage, { path, at }: { path: string; at: number }): Uint8Array => {
    const file = from.files.get(path);
    const block = new Uint8Array(BLOCK_BYTES);
    if (file !== undefined) block.set(bytesOf(file).subarray(at, at + BLOCK_BYTES));
    return block;
  };
  const replaced = (from: DiskImage, { path, at }: { path: string; at: number }, content: Uint8Array): DiskImage => {
    const bytes = bytesIn(from, path);
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
    for (const [path, file] of old.files)
      if (database.files.includes(path)) yield { what: `${path} as it was at moment ${n}`, image: withFile(image, path, file) };
}

export type DamageKind = 'flips' | 'cuts' | 'blocks';

export const DAMAGES: Readonly<Record<DamageKind, typeof bitFlips>> = { flips: bitFlips, cuts: truncations, blocks: blockDamage };

/** About how many damages of a kind there are in all. */
export function casesOf({ image, files, older }: SmallDatabase, kind: DamageKind): number {
  const sizes = files.map((path) => (image.files.get(path) as ImageFile).sizeBytes);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (kind !== 'blocks') return kind === 'flips' ? bytes * 8 : bytes;
  const blocks = sizes.reduce((sum, size) => sum + Math.ceil(size / BLOCK_BYTES), 0);
  return blocks * (2 + older.length) + (blocks * (blocks - 1)) / 2;
}

/** What came of a damage. `salvaged`: refused, but what is left can be read. */
export type Outcome = 'harmless' | 'refused' | 'salvaged' | 'reported' | 'undetected';

interface Finding {
  readonly outcome: Outcome;
  /** In which words an undetected damage shows. */
  readonly said: string;
}

const isTyped = (thrown: unknown): thrown is HeddleError =>
  thrown instanceof HeddleError && ['Corruption', 'Unsupported', 'Evicted'].includes(thrown.code);
const undetected = (what: string, thrown: unknown): Finding => ({
  outcome: 'undetected',
  said: `${what}${String(thrown instanceof Error ? thrown.stack : thrown)}`,
});

/** What was refused, opened to be salvaged: every shard is as it once was, no query is answered, and nothing is written. */
async function salvage({ history, last, sabotage }: SmallDatabase, damage: Damage): Promise<Finding> {
  const device = deviceFrom(damage.image);
  try {
    const host = await openHost(device, sabotage, true);
    for (const shard of (await checkContent(host, { history, first: 0, last })).keys()) {
      const answered = await host.match(shard, null, 1).catch((thrown: unknown) => thrown);
      if (!isTyped(answered)) throw new Error(`shard ${shard} answers a query`);
    }
    if (await host.maintain(10)) throw new Error('there is something to maintain');
    await host.close();
    if (device.calls > 0) throw new Error(`${device.calls} calls may have changed the disk`);
    return { outcome: 'salvaged', said: '' };
  } catch (thrown) {
    return isTyped(thrown) ? { outcome: 'refused', said: '' } : undetected('salvaging: ', thrown);
  }
}

/** Opens and reads everything. */
export async function examine(database: SmallDatabase, damage: Damage, random: SeededRandom): Promise<Finding> {
  const { history, first, last, sabotage } = database;
  const device = deviceFrom(damage.image);
  let host: Awaited<ReturnType<typeof openHost>>;
  try {
    host = await openHost(device, sabotage);
  } catch (thrown) {
    return isTyped(thrown) ? salvage(database, damage) : undetected('open threw ', thrown);
  }
  try {
    for (const [shard, content] of await checkContent(host, { history, first, last })) await checkIndexes(host, shard, content, random);
    return { outcome: 'harmless', said: '' };
  } catch (thrown) {
    if (isTyped(thrown)) return { outcome: 'reported', said: '' };
    if (!(thrown instanceof Violation)) return undetected('', thrown);
    const { quarantined } = await host.stats();
    // Something is missing: that is right only if it was said, and if nothing is there that never was.
    if (quarantined.length > 0 && thrown.kind !== 'partial') return { outcome: 'reported', said: '' };
    return { outcome: 'undetected', said: `${thrown.kind}: ${thrown.message}; quarantined: ${quarantined.join('; ') || 'nothing'}` };
  }
}
