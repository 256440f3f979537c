/**
 * Disk images: what is on a device after a power cut, as one choice out of all that was pending.
 *
 * A snapshot has *units*, each with versions from the durable one to the newest: the sectors and lengths written since the
 * last flush, the mirror, the name changes that had not settled (as many of them as reached the table's log), and for each removal
 * among them whether the file was unlinked all the same. A `Survival` picks one version of each.
 */
import { murmur3 } from '../../core/ids.ts';
import { utf8 } from '../../core/bytes.ts';
import type { FileSnapshot, Version } from './device-file.ts';
import type { DeviceOptions, DeviceSnapshot, MirrorRow } from './device.ts';
import { SimulatedClock, SimulatedDevice } from './device.ts';
import { applyChange } from './names.ts';
import { SECTOR_BYTES, sectorsOf, sumsOf, torn, ZERO_SECTOR } from './sector.ts';
import type { Sector } from './sector.ts';

export interface Unit {
  readonly kind: 'sector' | 'size' | 'name' | 'removal' | 'mirror';
  /** For each version the call from which it held; the first is durable. */
  readonly calls: readonly number[];
}

/** Which version of the unit survives; for a sector a fraction means torn between the two versions around it. */
export type Survival = (unit: Unit, ordinal: number) => number;

export interface ImageFile {
  readonly sectors: readonly Sector[];
  readonly sizeBytes: number;
}

/** What is on the disk: nothing is pending. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, ImageFile>;
  readonly mirror: readonly MirrorRow[];
  readonly atMs: number;
}

const callsOf = (versions: readonly Version<unknown>[]): number[] => versions.map((version) => version.at);

/** Every file of the snapshot once, in a fixed order. */
function filesOf(snapshot: DeviceSnapshot): FileSnapshot[] {
  const files = new Set(snapshot.names.settled.values());
  for (const change of snapshot.names.changes) if (change.kind === 'create') files.add(change.file);
  return [...files];
}

/** The name changes that a power cut may undo. They are records of one log, so what survives is a prefix of them. */
const uncertainChanges = (snapshot: DeviceSnapshot): readonly { readonly at: number; readonly kind: string }[] =>
  snapshot.names.changes.filter((change) => !change.certain);

const nameUnit = (snapshot: DeviceSnapshot): Unit => ({
  kind: 'name',
  calls: [0, ...uncertainChanges(snapshot).map((change) => change.at)],
});
const removalUnit = (at: number): Unit => ({ kind: 'removal', calls: [0, at] });

/** The units of a snapshot, in the order in which `imageOf` asks for them. */
export function unitsOf(snapshot: DeviceSnapshot): Unit[] {
  const units: Unit[] = [];
  const uncertain = uncertainChanges(snapshot);
  if (uncertain.length > 0) units.push(nameUnit(snapshot));
  for (const change of uncertain) if (change.kind === 'remove') units.push(removalUnit(change.at));
  if (snapshot.mirror.length > 1) units.push({ kind: 'mirror', calls: callsOf(snapshot.mirror) });
  for (const file of filesOf(snapshot)) {
    if (file.sizes.length > 1) units.push({ kind: 'size', calls: callsOf(file.sizes) });
    for (const [, versions] of file.dirty) units.push({ kind: 'sector', calls: callsOf(versions) });
  }
  return units;
}

function survivingSector(versions: readonly Version<Sector>[], choice: number): Sector {
  const whole = Math.floor(choice);
  if (whole === choice) return versions[whole].value;
  return torn(versions[whole + 1].value, versions[whole].value, Math.round((choice - whole) * SECTOR_BYTES));
}

function survivingFile(file: FileSnapshot, choose: (kind: Unit['kind'], versions: readonly Version<unknown>[]) => number): ImageFile {
  const sizeBytes = file.sizes[file.sizes.length === 1 ? 0 : Math.floor(choose('size', file.sizes))].value;
  const count = sectorsOf(sizeBytes);
  if (file.dirty.length === 0 && count === file.sectors.length) return { sectors: file.sectors, sizeBytes };
  const sectors = file.sectors.slice(0, count);
  while (sectors.length < count) sectors.push(ZERO_SECTOR);
  for (const [index, versions] of file.dirty) {
    const sector = survivingSector(versions, choose('sector', versions));
    if (index < count) sectors[index] = sector;
  }
  const tail = sizeBytes % SECTOR_BYTES;
  if (tail > 0) sectors[count - 1] = torn(sectors[count - 1], ZERO_SECTOR, tail);
  return { sectors, sizeBytes };
}

function survivingNames(snapshot: DeviceSnapshot, choose: (unit: Unit) => number): Map<string, FileSnapshot> {
  const table = new Map(snapshot.names.settled);
  const uncertain = uncertainChanges(snapshot);
  let left = uncertain.length > 0 ? Math.floor(choose(nameUnit(snapshot))) : 0;
  // A removed name may be gone though the table forgot its removal: the file behind it was unlinked.
  const unlinked = new Map(
    uncertain.filter((change) => change.kind === 'remove').map((change) => [change.at, choose(removalUnit(change.at)) >= 1]),
  );
  for (const change of snapshot.names.changes)
    applyChange(table, change, change.certain || left-- > 0 || (unlinked.get(change.at) ?? false));
  return table;
}

/** What a power cut at the moment of `snapshot` leaves if `survival` decides. */
export function imageOf(snapshot: DeviceSnapshot, survival: Survival): DiskImage {
  let ordinal = 0;
  const choose = (kind: Unit['kind'], versions: readonly Version<unknown>[]): number =>
    survival({ kind, calls: callsOf(versions) }, ordinal++);
  const table = survivingNames(snapshot, (unit) => survival(unit, ordinal++));
  const mirror = snapshot.mirror[snapshot.mirror.length === 1 ? 0 : Math.floor(choose('mirror', snapshot.mirror))].value;
  const survivors = new Map(filesOf(snapshot).map((file) => [file, survivingFile(file, choose)]));
  const files = new Map<string, ImageFile>();
  for (const [path, file] of table) files.set(path, survivors.get(file) as ImageFile);
  return { files, mirror, atMs: snapshot.atMs };
}

const pathSums = new Map<string, number>();
function sumOfPath(path: string): number {
  let sum = pathSums.get(path);
  if (sum === undefined) pathSums.set(path, (sum = murmur3(utf8(path))));
  return sum;
}

/** A 53-bit hash of names, lengths, contents and mirror. */
export function hashOf(image: DiskImage): number {
  let low = 0;
  let high = 0;
  const mix = (a: number, b: number): void => {
    low = (low + Math.imul(a ^ (a >>> 15), 0x85ebca6b)) | 0;
    high = (high + Math.imul(b ^ (b >>> 13), 0xc2b2ae35)) | 0;
  };
  const [zeroA, zeroB] = sumsOf(ZERO_SECTOR);
  for (const [path, file] of image.files) {
    const pathSum = sumOfPath(path);
    mix(Math.imul(pathSum, 31) + file.sizeBytes, Math.imul(file.sizeBytes, 0x27d4eb2f) ^ pathSum);
    for (let index = 0; index < file.sectors.length; index++) {
      const sector = file.sectors[index];
      if (sector === ZERO_SECTOR) continue;
      const [a, b] = sumsOf(sector);
      if (a === zeroA && b === zeroB) continue;
      mix(
        Math.imul(a ^ pathSum, 0x9e3779b1) + Math.imul(index + 1, 0x632be5ab),
        Math.imul(b, 0x165667b1) ^ Math.imul(index + pathSum, 0x2545f491),
      );
    }
  }
  image.mirror.forEach((row, index) => {
    row.records.forEach((record, n) =>
      mix(Math.imul(murmur3(record, 1) + n, 0x9e3779b1) ^ index, murmur3(record, 2) + index + sumOfPath(row.stream)),
    );
  });
  return (low >>> 0) * 0x20_0000 + (high >>> 11);
}

/** Started again from an image: every name on it is durable, nothing is pending, and time has gone on by `laterMs`. */
export function deviceFrom(image: DiskImage, options: DeviceOptions & { readonly laterMs?: number } = {}): SimulatedDevice {
  const settled = new Map<string, FileSnapshot>();
  for (const [path, { sectors, sizeBytes }] of image.files) settled.set(path, { sectors, sizes: [{ value: sizeBytes, at: 0 }], dirty: [] });
  const atMs = image.atMs + (options.laterMs ?? 0);
  const from: DeviceSnapshot = { names: { settled, changes: [] }, mirror: [{ value: image.mirror, at: 0 }], call: 0, atMs };
  return new SimulatedDevice({ clock: new SimulatedClock(atMs), ...options, from });
}

/** The bytes of a file of an image, as a copy. */
export function bytesOf(file: ImageFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(file.sectors.length * SECTOR_BYTES);
  file.sectors.forEach((sector, index) => bytes.set(sector.bytes, index * SECTOR_BYTES));
  return bytes.slice(0, file.sizeBytes);
}

/** An image file with these bytes. */
export function imageFileOf(bytes: Uint8Array): ImageFile {
  const sectors = Array.from({ length: sectorsOf(bytes.length) }, (_, index): Sector => {
    const sector = new Uint8Array(SECTOR_BYTES);
    sector.set(bytes.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES));
    return { bytes: sector, sums: null };
  });
  return { sectors, sizeBytes: bytes.length };
}

/** `image` with the file at `path` replaced (null: gone). */
export function withFile(image: DiskImage, path: string, file: ImageFile | null): DiskImage {
  const files = new Map(image.files);
  if (file === null) files.delete(path);
  else files.set(path, file);
  return { ...image, files };
}
