/**
 * Bitonic sort of (key, id) pairs in workgroup memory, ascending, for any count: every comparator of this variant points the
 * same way, so that places past the count behave as if they held EMPTY and are never touched.
 * Source: Batcher 1968 in the "flip" form of Knuth, TAOCP 3, 5.3.4.
 *
 * The kernel declares `keys` and `ids` (arrays in workgroup memory) and calls `sortPairs(count, lane)` in uniform control
 * flow; the pairs are visible to all lanes before and after.
 */
export const bitonicSortWgsl = (lanes: number): string => `
fn orderPair(a: u32, b: u32) {
  let keyA = keys[a]; let keyB = keys[b]; let idA = ids[a]; let idB = ids[b];
  if (before(keyB, idB, keyA, idA)) { keys[a] = keyB; keys[b] = keyA; ids[a] = idB; ids[b] = idA; }
}
fn sortPairs(count: u32, lane: u32) {
  for (var size = 2u; size < count * 2u; size = size * 2u) {
    let half = size / 2u;
    for (var t = lane; (t / half) * size < count; t += ${lanes}u) {
      let start = (t / half) * size; let offset = t % half;
      let b = start + size - 1u - offset;
      if (b < count) { orderPair(start + offset, b); }
    }
    workgroupBarrier();
    for (var stride = size / 4u; stride > 0u; stride = stride / 2u) {
      for (var t = lane; (t / stride) * 2u * stride < count; t += ${lanes}u) {
        let a = (t / stride) * 2u * stride + t % stride;
        if (a + stride < count) { orderPair(a, a + stride); }
      }
      workgroupBarrier();
    }
  }
}`;
