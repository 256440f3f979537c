/**
 * Fixed-width packing of small unsigned integers, least significant bit first; the body of a posting block.
 * Widths over 24 are stored as 32, so that a value and its odd bits fit four bytes. Hot loops: free functions, no allocation.
 * A value is read as the four bytes it begins in; those past the end of the array read as nothing.
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

/** Unpacks `count` values from byte `at` into `into`, each plus `add`; returns the offset after the last byte. */
export function unpack(from: Uint8Array, at: number, count: number, width: number, into: Uint32Array, add = 0): number {
  if (width === 0) {
    into.fill(add, 0, count);
    return at;
  }
  if (width === 32) {
    for (let i = 0, p = at; i < count; i++, p += 4)
      into[i] = (from[p] | (from[p + 1] << 8) | (from[p + 2] << 16) | (from[p + 3] << 24)) + add;
    return at + count * 4;
  }
  const mask = (1 << width) - 1;
  let bit = at * 8;
  for (let i = 0; i < count; i++, bit += width) {
    const p = bit >>> 3;
    into[i] = (((from[p] | (from[p + 1] << 8) | (from[p + 2] << 16) | (from[p + 3] << 24)) >>> (bit & 7)) & mask) + add;
  }
  return at + packedBytes(count, width);
}

/** Unpacks rising numbers, each stored as its distance to the one before less one; `before` comes before the first. */
export function unpackRising(from: Uint8Array, at: number, count: number, width: number, before: number, into: Uint32Array): number {
  let value = before;
  if (width === 0) {
    for (let i = 0; i < count; i++) into[i] = ++value;
    return at;
  }
  if (width === 32) {
    const end = unpack(from, at, count, width, into);
    for (let i = 0; i < count; i++) into[i] = value += into[i] + 1;
    return end;
  }
  const mask = (1 << width) - 1;
  let bit = at * 8;
  for (let i = 0; i < count; i++, bit += width) {
    const p = bit >>> 3;
    value += (((from[p] | (from[p + 1] << 8) | (from[p + 2] << 16) | (from[p + 3] << 24)) >>> (bit & 7)) & mask) + 1;
    into[i] = value;
  }
  return at + packedBytes(count, width);
}
