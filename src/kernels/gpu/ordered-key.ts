/**
 * Distances as unsigned keys whose order is the distances' order, so that sorting and thresholds need no float compare and
 * ties can be broken by id in the same manner on every backend. Negative zero and zero share a key.
 *
 * A candidate is a pair (key, id); (EMPTY, EMPTY) is larger than every real one and means "none".
 */

/** Key and id of a place that holds no candidate. */
export const EMPTY = 0xffffffff;

export const ORDERED_KEY_WGSL = `
const EMPTY: u32 = 0xffffffffu;
fn keyOf(distance: f32) -> u32 {
  var bits = bitcast<u32>(distance);
  if (bits == 0x80000000u) { bits = 0u; }
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn before(key: u32, id: u32, otherKey: u32, otherId: u32) -> bool {
  return key < otherKey || (key == otherKey && id < otherId);
}`;

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** The key of a distance, as the kernels make it. */
export function keyOfDistance(distance: number): number {
  floats[0] = distance;
  const b = bits[0] === 0x80000000 ? 0 : bits[0];
  return b & 0x80000000 ? ~b >>> 0 : (b | 0x80000000) >>> 0;
}

/** The distance of a key; EMPTY gives NaN. */
export function distanceOfKey(key: number): number {
  bits[0] = key & 0x80000000 ? key & 0x7fffffff : ~key;
  return floats[0];
}
