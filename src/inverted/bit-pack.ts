/**
 * Fixed-width packing of small unsigned integers, least significant bit first; the body of a posting block.
 * Widths over 24 are stored as 32, so that a plain 32-bit accumulator never overflows. Hot loops: free functions, no allocation.
 */

/** Bits needed for values up to `max`, as they are stored. */
export function widthOf(max: number): number {
  const width = 32 - Math.clz32(max);
  return width > 24 ? 32 : width;
}

export const packedBytes = (count: number, width: number): number => (count * width + 7) >>> 3;

/** Packs `values[0, count)` into `into` at byte `at`; returns the offset after the last byte. */
export function pack(values: Uint32Array, count: number, width: number, into: Uint8Array, at: number): number {
  let out = at;
  if (width === 32) {
    for (let i = 0; i < count; i++) {
      const value = values[i];
      into[out] = value;
      into[out + 1] = value >>> 8;
      into[out + 2] = value >>> 16;
      into[out + 3] = value >>> 24;
      out += 4;
    }
    return out;
  }
  let buffer = 0;
  let bits = 0;
  for (let i = 0; i < count; i++) {
    buffer |= values[i] << bits;
    bits += width;
    while (bits >= 8) {
      into[out++] = buffer;
      buffer >>>= 8;
      bits -= 8;
    }
  }
  if (bits > 0) into[out++] = buffer;
  return out;
}

/** Unpacks `count` values from byte `at` into `into`; returns the offset after the last byte. */
export function unpack(from: Uint8Array, at: number, count: number, width: number, into: Uint32Array): number {
  let p = at;
  if (width === 0) {
    into.fill(0, 0, count);
    return p;
  }
  if (width === 32) {
    for (let i = 0; i < count; i++, p += 4) into[i] = from[p] | (from[p + 1] << 8) | (from[p + 2] << 16) | (from[p + 3] << 24);
    return p;
  }
  const mask = (1 << width) - 1;
  let buffer = 0;
  let bits = 0;
  for (let i = 0; i < count; i++) {
    while (bits < width) {
      buffer |= from[p++] << bits;
      bits += 8;
    }
    into[i] = buffer & mask;
    buffer >>>= width;
    bits -= width;
  }
  return at + packedBytes(count, width);
}
