/** Makes the patches that `src/kernels/wasm/apply-patch.ts` applies: greedy matching over short keys of the source. */

const KEY_BYTES = 12;
/** Going on where the last copy ended is worth this many bytes: it needs no jump and keeps the patch repetitive. */
const STAY_BYTES = 8;
const COPY_BYTES_MIN = 4;
/** Places looked at for one key. */
const PLACES_MAX = 64;

function varint(into, value) {
  let rest = value;
  for (; rest > 127; rest >>>= 7) into.push((rest & 127) | 128);
  into.push(rest);
}

const signed = (value) => (value < 0 ? -value * 2 - 1 : value * 2);

function placesByKey(source) {
  const places = new Map();
  for (let at = 0; at + KEY_BYTES <= source.length; at++) {
    const key = source.toString('latin1', at, at + KEY_BYTES);
    const known = places.get(key);
    if (known === undefined) places.set(key, [at]);
    else if (known.length < PLACES_MAX) known.push(at);
  }
  return places;
}

/** A patch that makes `target` of `source` (both `Buffer`s). */
export function makePatch(source, target) {
  const places = placesByKey(source);
  const matching = (from, at) => {
    let count = 0;
    while (at + count < target.length && from + count < source.length && target[at + count] === source[from + count]) count++;
    return count;
  };
  const patch = [];
  let literals = [];
  let place = 0;
  const step = (from, count) => {
    varint(patch, literals.length);
    patch.push(...literals);
    varint(patch, signed(from - place));
    varint(patch, count);
    literals = [];
    place = from + count;
  };
  // Where a copy would go on if the literals since had replaced as many bytes of the source.
  let next = 0;
  for (let at = 0; at < target.length;) {
    let from = next;
    let count = matching(next, at);
    for (const other of places.get(target.toString('latin1', at, at + KEY_BYTES)) ?? []) {
      const better = matching(other, at);
      if (better > count + (from === next ? STAY_BYTES : 0)) [from, count] = [other, better];
    }
    if (count >= COPY_BYTES_MIN) {
      step(from, count);
      at += count;
      next = place;
    } else {
      literals.push(target[at++]);
      next++;
    }
  }
  if (literals.length > 0) step(place, 0);
  return Buffer.from(patch);
}
