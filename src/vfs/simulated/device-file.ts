/**
 * The content of one file on a simulated device: what readers see, and every version since the last flush that a power cut
 * may leave behind instead.
 *
 * Invariants:
 * - `sectors` has exactly the sectors of `sizeBytes`; bytes of the last one beyond `sizeBytes` are zero.
 * - `dirty` holds, for each sector written since the last flush, its versions from the durable one to the newest; `sizes`
 *   likewise for the length. A device writes back sectors and lengths in any order, each as it was at any moment.
 */
import { patched, SECTOR_BYTES, sectorsOf, ZERO_SECTOR } from './sector.ts';
import type { Sector } from './sector.ts';

/** A state something had from call `at` on. */
export interface Version<T> {
  readonly value: T;
  readonly at: number;
}

/** A frozen `DeviceFile`. */
export interface FileSnapshot {
  readonly sectors: readonly Sector[];
  readonly sizes: readonly Version<number>[];
  readonly dirty: readonly (readonly [index: number, versions: readonly Version<Sector>[]])[];
}

export class DeviceFile {
  private sectors: Sector[];
  private sizes: Version<number>[];
  private dirty: Map<number, Version<Sector>[]>;
  private frozen: FileSnapshot | null = null;

  constructor(from: FileSnapshot = { sectors: [], sizes: [{ value: 0, at: 0 }], dirty: [] }) {
    this.sectors = from.sectors.slice();
    this.sizes = from.sizes.slice();
    this.dirty = new Map(from.dirty.map(([index, versions]) => [index, versions.slice()]));
  }

  get sizeBytes(): number {
    return this.sizes[this.sizes.length - 1].value;
  }

  private setSector(index: number, sector: Sector, at: number): void {
    const versions = this.dirty.get(index);
    if (versions === undefined)
      this.dirty.set(index, [
        { value: this.sectors[index] ?? ZERO_SECTOR, at: 0 },
        { value: sector, at },
      ]);
    else versions.push({ value: sector, at });
    this.sectors[index] = sector;
  }

  private setSize(sizeBytes: number, at: number): void {
    const count = sectorsOf(sizeBytes);
    while (this.sectors.length < count) this.sectors.push(ZERO_SECTOR);
    this.sizes.push({ value: sizeBytes, at });
  }

  read(into: Uint8Array, at: number): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - at));
    for (let done = 0; done < count;) {
      const offset = (at + done) % SECTOR_BYTES;
      const part = Math.min(SECTOR_BYTES - offset, count - done);
      const sector = this.sectors[(at + done - offset) / SECTOR_BYTES];
      into.set(part === SECTOR_BYTES ? sector.bytes : sector.bytes.subarray(offset, offset + part), done);
      done += part;
    }
    return count;
  }

  write(bytes: Uint8Array, at: number, call: number): void {
    if (bytes.length === 0) return;
    this.frozen = null;
    if (at + bytes.length > this.sizeBytes) this.setSize(at + bytes.length, call);
    for (let done = 0; done < bytes.length;) {
      const offset = (at + done) % SECTOR_BYTES;
      const part = Math.min(SECTOR_BYTES - offset, bytes.length - done);
      const index = (at + done - offset) / SECTOR_BYTES;
      this.setSector(index, patched(this.sectors[index], bytes.subarray(done, done + part), offset), call);
      done += part;
    }
  }

  truncate(sizeBytes: number, call: number): void {
    if (sizeBytes === this.sizeBytes) return;
    this.frozen = null;
    if (sizeBytes < this.sizeBytes) {
      const count = sectorsOf(sizeBytes);
      for (let index = count; index < this.sectors.length; index++) this.setSector(index, ZERO_SECTOR, call);
      this.sectors.length = count;
      const tail = sizeBytes % SECTOR_BYTES;
      if (tail > 0) this.setSector(count - 1, patched(this.sectors[count - 1], new Uint8Array(SECTOR_BYTES - tail), tail), call);
    }
    this.setSize(sizeBytes, call);
  }

  flush(): void {
    if (this.dirty.size === 0 && this.sizes.length === 1) return;
    this.frozen = null;
    this.dirty.clear();
    this.sizes = [{ value: this.sizeBytes, at: 0 }];
  }

  get isDirty(): boolean {
    return this.dirty.size > 0 || this.sizes.length > 1;
  }

  freeze(): FileSnapshot {
    return (this.frozen ??= {
      sectors: this.sectors.slice(),
      sizes: this.sizes.slice(),
      dirty: [...this.dirty].map(([index, versions]) => [index, versions.slice()] as const),
    });
  }
}
