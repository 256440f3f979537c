/**
 * Who owns which part of the data files: an allocator of extents, first fit from the low end.
 *
 * Invariants:
 * - A unit is free, used, or waiting: freed by generation g, it becomes free when generation g + 1 is durable, because
 *   until then the manifest that names it may be fallen back to.
 * - Growing a file happens here and before anything is written, so that a full disk is met before work is done.
 * - The first `reserveBytes` of the last data file are given out only in an emergency (deletes, merges that shrink).
 */
import { HeddleError } from '../core/errors.ts';
import type { VfsFile } from '../vfs/vfs.ts';

/** `units` allocation units from `unit` on in data file `file`. */
export interface Extent {
  readonly file: number;
  readonly unit: number;
  readonly units: number;
}

interface Run {
  start: number;
  end: number;
}

export interface SpaceOptions {
  readonly files: readonly VfsFile[];
  readonly extentBytes: number;
  readonly reserveBytes: number;
  readonly fileBytesMax: number;
}

export class Space {
  readonly files: readonly VfsFile[];
  readonly extentBytes: number;
  private readonly options: SpaceOptions;
  /** Free runs of each file, rising, never touching each other; within the file's size. */
  private readonly free: Run[][];
  private waiting: { extent: Extent; generation: number }[] = [];
  private readonly reserveUnits: number;

  /** `used`: every extent that either durable generation names. */
  constructor(options: SpaceOptions, used: Iterable<Extent>) {
    this.options = options;
    this.files = options.files;
    this.extentBytes = options.extentBytes;
    this.reserveUnits = Math.floor(options.reserveBytes / options.extentBytes);
    this.free = options.files.map((file) => {
      const units = Math.floor(file.size() / options.extentBytes);
      return units === 0 ? [] : [{ start: 0, end: units }];
    });
    for (const extent of used) this.take(extent);
  }

  /** Bytes of the data files, used or not. */
  get diskBytes(): number {
    return this.files.reduce((sum, file) => sum + file.size(), 0);
  }

  /** Bytes in free runs, the emergency reserve included. */
  get freeBytes(): number {
    let units = 0;
    for (const runs of this.free) for (const run of runs) units += run.end - run.start;
    return units * this.extentBytes;
  }

  get waitingBytes(): number {
    return this.waiting.reduce((sum, { extent }) => sum + extent.units, 0) * this.extentBytes;
  }

  /** Extents for at least `bytes`, one where possible. `StorageFull` when neither free space nor growth gives them. */
  allocate(bytes: number, emergency = false): Extent[] {
    const units = Math.max(1, Math.ceil(bytes / this.extentBytes));
    const whole = this.fit(units);
    if (whole !== null) return [whole];
    try {
      return [this.grow(units)];
    } catch (error) {
      const full = HeddleError.from(error);
      if (full.code !== 'StorageFull') throw full;
      const pieces = this.pieces(units, emergency);
      if (pieces !== null) return pieces;
      throw new HeddleError('StorageFull', `no room for ${bytes} bytes of data`, {
        hint: 'delete objects or free space on the device',
        details: { ...full.details, bytesWanted: bytes },
        cause: error,
      });
    }
  }

  /** One extent that ends before the last of `extents` starts, in the same file or a lower one; null where none fits. */
  allocateBelow(bytes: number, extents: readonly Extent[]): Extent | null {
    const units = Math.max(1, Math.ceil(bytes / this.extentBytes));
    const highest = extents.reduce((best, extent) => (isAbove(extent, best) ? extent : best));
    const found = this.fit(units);
    if (found === null) return null;
    if (isAbove(highest, { ...found, unit: found.unit + found.units - 1 })) return found;
    this.release(found);
    return null;
  }

  /** Bytes that are free below the used end of some file: what moving containers down could give back. */
  get gapBytes(): number {
    let units = 0;
    this.free.forEach((runs, file) => {
      const size = Math.floor(this.files[file].size() / this.extentBytes);
      for (const run of runs) if (run.end < size) units += run.end - Math.max(run.start, Math.min(run.end, this.reservedBefore(file)));
    });
    return units * this.extentBytes;
  }

  /** Gives back extents that no manifest ever named. */
  giveBack(extents: Iterable<Extent>): void {
    for (const extent of extents) this.release(extent);
  }

  /** Gives back extents that `generation` is the first not to name. */
  retire(extents: Iterable<Extent>, generation: number): void {
    for (const extent of extents) this.waiting.push({ extent, generation });
  }

  /** Called when `generation` is durable: what earlier ones dropped becomes free, and free tails are cut off. */
  durable(generation: number): void {
    const still = this.waiting.filter((entry) => entry.generation >= generation);
    if (still.length === this.waiting.length) return;
    for (const entry of this.waiting) if (entry.generation < generation) this.release(entry.extent);
    this.waiting = still;
    this.cutTails();
  }

  /** Whether one of the extents is the last used one of its file. */
  isAtTail(extents: readonly Extent[]): boolean {
    return extents.some(({ file, unit, units }) => {
      const size = Math.floor(this.files[file].size() / this.extentBytes);
      const last = this.free[file][this.free[file].length - 1];
      return unit + units === (last !== undefined && last.end === size ? last.start : size);
    });
  }

  private cutTails(): void {
    this.files.forEach((file, index) => {
      const runs = this.free[index];
      const last = runs[runs.length - 1];
      if (last === undefined || last.end !== Math.floor(file.size() / this.extentBytes)) return;
      const keep = index === this.files.length - 1 ? Math.max(last.start, this.reserveUnits) : last.start;
      if (keep >= last.end) return;
      file.truncate(keep * this.extentBytes);
      if (keep === last.start) runs.pop();
      else last.end = keep;
    });
  }

  /** The lowest free run of at least `units`, outside the reserve. */
  private fit(units: number): Extent | null {
    for (let file = 0; file < this.free.length; file++) {
      const from = this.reservedBefore(file);
      for (const run of this.free[file]) {
        const start = Math.max(run.start, from);
        if (run.end - start >= units) return this.taken({ file, unit: start, units });
      }
    }
    return null;
  }

  private grow(units: number): Extent {
    const bytes = units * this.extentBytes;
    const last = this.files.length - 1;
    let file = this.files.findIndex((candidate) => candidate.size() + bytes <= this.options.fileBytesMax);
    if (file === -1) file = last;
    const size = Math.floor(this.files[file].size() / this.extentBytes);
    const runs = this.free[file];
    const tail = runs[runs.length - 1];
    const from = this.reservedBefore(file);
    const start = Math.max(tail !== undefined && tail.end === size ? tail.start : size, from);
    const end = start + units;
    this.files[file].truncate(end * this.extentBytes);
    this.release({ file, unit: size, units: end - size });
    return this.taken({ file, unit: start, units });
  }

  private pieces(units: number, emergency: boolean): Extent[] | null {
    const found: Extent[] = [];
    let missing = units;
    for (let file = 0; file < this.free.length && missing > 0; file++) {
      const from = emergency ? 0 : this.reservedBefore(file);
      for (const run of this.free[file]) {
        const start = Math.max(run.start, from);
        const count = Math.min(run.end - start, missing);
        if (count <= 0) continue;
        found.push({ file, unit: start, units: count });
        missing -= count;
        if (missing === 0) break;
      }
    }
    if (missing > 0) return null;
    for (const extent of found) this.take(extent);
    return found;
  }

  private reservedBefore(file: number): number {
    return file === this.files.length - 1 ? this.reserveUnits : 0;
  }

  private taken(extent: Extent): Extent {
    this.take(extent);
    return extent;
  }

  private take({ file, unit, units }: Extent): void {
    const runs = this.free[file];
    const end = unit + units;
    const index = runs === undefined ? -1 : runs.findIndex((run) => run.start <= unit && end <= run.end);
    if (index === -1)
      throw new HeddleError('Corruption', `extent d${file}:${unit}+${units} is used twice or lies past the end of its file`, {
        details: { file: `d${file}`, unit, units },
      });
    const run = runs[index];
    const rest: Run[] = [];
    if (run.start < unit) rest.push({ start: run.start, end: unit });
    if (end < run.end) rest.push({ start: end, end: run.end });
    runs.splice(index, 1, ...rest);
  }

  private release({ file, unit, units }: Extent): void {
    if (units === 0) return;
    const runs = this.free[file];
    let at = 0;
    while (at < runs.length && runs[at].start < unit) at++;
    const run = { start: unit, end: unit + units };
    runs.splice(at, 0, run);
    const next = runs[at + 1];
    if (next !== undefined && next.start === run.end) {
      run.end = next.end;
      runs.splice(at + 1, 1);
    }
    const before = runs[at - 1];
    if (before !== undefined && before.end === run.start) {
      before.end = run.end;
      runs.splice(at, 1);
    }
  }
}

function isAbove(a: Extent, b: Extent): boolean {
  return a.file > b.file || (a.file === b.file && a.unit > b.unit);
}
