/**
 * One binary from another that is nearly the same. The relaxed-SIMD build differs from the plain one in a few hundred bytes, so
 * the package carries the plain one and a patch, not both. The patch is made by `scripts/lib/binary-patch.mjs` when the wasm
 * is built and never reaches a disk, so it has no format page.
 *
 * A patch is a list of steps, each `[literal count][literal bytes][signed jump][copy count]` in varints (7 bits a byte, lowest
 * first): append the literals, then copy from the source at the place where the last copy ended plus the jump (zigzag).
 */
import { assert } from '../../core/errors.ts';

/** The bytes that `patch` makes of `source`, `sizeBytes` long. */
export function applyPatch(source: Uint8Array, patch: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(sizeBytes);
  let at = 0;
  let read = 0;
  let place = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = patch[read++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (read < patch.length) {
    const literals = varint();
    made.set(patch.subarray(read, read + literals), at);
    read += literals;
    at += literals;
    const jump = varint();
    place += jump & 1 ? -((jump + 1) >> 1) : jump >> 1;
    const count = varint();
    made.set(source.subarray(place, place + count), at);
    place += count;
    at += count;
  }
  assert(at === sizeBytes, `a patch makes all ${sizeBytes} bytes, not ${at}`);
  return made;
}
