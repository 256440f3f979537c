/**
 * Reading and writing a logical run of bytes that lies in extents of the data files.
 *
 * Invariants: logical offsets are below 2^32; a read or write that crosses an extent's end is split; nothing is cached.
 */
import { HeddleError } from '../core/errors.ts';
import type { Extent, Space } from './space.ts';

/** Bytes that the extents hold. */
export function capacityOf(extents: readonly Extent[], extentBytes: number): number {
  return extents.reduce((sum, extent) => sum + extent.units, 0) * extentBytes;
}

/** Reads exactly `into.length` bytes at logical offset `at`; `Corruption` when the files are shorter. */
export function readExtents(space: Space, extents: readonly Extent[], into: Uint8Array, at: number): void {
  forParts(space, extents, at, into.length, (file, offset, from, to) => {
    const part = from === 0 && to === into.length ? into : into.subarray(from, to);
    const got = space.files[file].read(part, offset);
    if (got !== to - from)
      throw new HeddleError('Corruption', `data file d${file} ends at ${offset + got}, inside used space`, {
        details: { file: `d${file}`, offset, wanted: to - from, got },
      });
  });
}

/** Writes all of `bytes` at logical offset `at`; the extents must hold them. */
export function writeExtents(space: Space, extents: readonly Extent[], bytes: Uint8Array, at: number): void {
  forParts(space, extents, at, bytes.length, (file, offset, from, to) => {
    space.files[file].write(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), offset);
  });
}

/** Flushes every data file that the extents touch. */
export function flushExtents(space: Space, extents: readonly Extent[]): void {
  for (const file of new Set(extents.map((extent) => extent.file))) space.files[file].flush();
}

type Part = (file: number, offset: number, from: number, to: number) => void;

function forParts(space: Space, extents: readonly Extent[], at: number, length: number, each: Part): void {
  let skip = at;
  let done = 0;
  for (const extent of extents) {
    if (done === length) return;
    const bytes = extent.units * space.extentBytes;
    if (skip >= bytes) {
      skip -= bytes;
      continue;
    }
    const count = Math.min(bytes - skip, length - done);
    each(extent.file, extent.unit * space.extentBytes + skip, done, done + count);
    done += count;
    skip = 0;
  }
  if (done < length) throw new HeddleError('Corruption', `${length} bytes at ${at} pass the end of their extents by ${length - done}`);
}
