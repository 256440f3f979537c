/**
 * Sectors: the unit in which a simulated device keeps or loses what was written.
 *
 * A sector is immutable: every write makes new ones, so that snapshots and disk images share all they have in common and a
 * content hash is computed once.
 */
import { crc32c } from '../../core/crc32c.ts';
import { murmur3 } from '../../core/ids.ts';

export const SECTOR_BYTES = 512;

export interface Sector {
  readonly bytes: Uint8Array;
  /** Two 32-bit sums of the content, filled in when first asked for. */
  sums: readonly [number, number] | null;
}

export const ZERO_SECTOR: Sector = { bytes: new Uint8Array(SECTOR_BYTES), sums: null };

export const sectorsOf = (sizeBytes: number): number => Math.ceil(sizeBytes / SECTOR_BYTES);

export function sumsOf(sector: Sector): readonly [number, number] {
  return (sector.sums ??= [crc32c(sector.bytes), murmur3(sector.bytes)]);
}

/** `sector` with `bytes` at byte `at`. */
export function patched(sector: Sector, bytes: Uint8Array, at: number): Sector {
  const copy = sector.bytes.slice();
  copy.set(bytes, at);
  return { bytes: copy, sums: null };
}

/** The first `keepBytes` of `newer`, the rest of `older`: a sector write that power left in the middle. */
export function torn(newer: Sector, older: Sector, keepBytes: number): Sector {
  return patched(older, newer.bytes.subarray(0, keepBytes), 0);
}
