/**
 * Distance kernels: one query against four rows at a time, each returning four sums as a vector.
 *
 * - f32 sums use two accumulators of four lanes a row, added pairwise at the end, with separate multiply and add, so that
 *   every build and the scalar twin (`kernels/scalar/exact-distance.ts`) give the same bits.
 * - 7-bit codes: query signed 8 bit, rows 0…127. The relaxed instruction needs just that to be the same on every machine.
 * - Lengths are multiples of 16 elements; the padding is zero on both sides.
 */

// @ts-ignore: decorator
@inline
function sum4f(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function sum4i(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** Elementwise step of an f32 distance. `kind`: 0 dot, 1 squared difference, 2 absolute difference, 3 differs. */
// @ts-ignore: decorator
@inline
function stepF32(kind: i32, sum: v128, q: v128, x: v128): v128 {
  if (kind == 0) return f32x4.add(sum, f32x4.mul(q, x));
  if (kind == 1) {
    const d = f32x4.sub(q, x);
    return f32x4.add(sum, f32x4.mul(d, d));
  }
  if (kind == 2) return f32x4.add(sum, f32x4.abs(f32x4.sub(q, x)));
  return f32x4.add(sum, v128.and(f32x4.ne(q, x), f32x4.splat(1)));
}

// @ts-ignore: decorator
@inline
function rows4F32(kind: i32, q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let a0 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 32) {
    const q0 = v128.load(q + i);
    const q1 = v128.load(q + i, 16);
    a0 = stepF32(kind, a0, q0, v128.load(a + i));
    b0 = stepF32(kind, b0, q0, v128.load(b + i));
    c0 = stepF32(kind, c0, q0, v128.load(c + i));
    d0 = stepF32(kind, d0, q0, v128.load(d + i));
    a1 = stepF32(kind, a1, q1, v128.load(a + i, 16));
    b1 = stepF32(kind, b1, q1, v128.load(b + i, 16));
    c1 = stepF32(kind, c1, q1, v128.load(c + i, 16));
    d1 = stepF32(kind, d1, q1, v128.load(d + i, 16));
  }
  return sum4f(f32x4.add(a0, a1), f32x4.add(b0, b1), f32x4.add(c0, c1), f32x4.add(d0, d1));
}

export function dot4F32(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  return rows4F32(0, q, a, b, c, d, bytes);
}
export function square4F32(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  return rows4F32(1, q, a, b, c, d, bytes);
}
export function absolute4F32(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  return rows4F32(2, q, a, b, c, d, bytes);
}
export function differ4F32(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  return rows4F32(3, q, a, b, c, d, bytes);
}

// @ts-ignore: decorator
@inline
function step7(sum: v128, q: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(q, x, sum);
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(q), i16x8.extend_low_i8x16_u(x));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(q), i16x8.extend_high_i8x16_u(x));
  return i32x4.add(sum, i32x4.add(low, high));
}

/** Dot products of a signed 8-bit query with four rows of 7-bit codes. */
export function dot4Codes(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let sa = i32x4.splat(0);
  let sb = i32x4.splat(0);
  let sc = i32x4.splat(0);
  let sd = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(q + i);
    sa = step7(sa, x, v128.load(a + i));
    sb = step7(sb, x, v128.load(b + i));
    sc = step7(sc, x, v128.load(c + i));
    sd = step7(sd, x, v128.load(d + i));
  }
  return sum4i(sa, sb, sc, sd);
}

// @ts-ignore: decorator
@inline
function stepL1(sum: v128, q: v128, x: v128): v128 {
  const gap = v128.or(i8x16.sub_sat_u(q, x), i8x16.sub_sat_u(x, q));
  return i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(gap)));
}

/** Sums of absolute differences of unsigned codes. */
export function absolute4Codes(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let sa = i32x4.splat(0);
  let sb = i32x4.splat(0);
  let sc = i32x4.splat(0);
  let sd = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(q + i);
    sa = stepL1(sa, x, v128.load(a + i));
    sb = stepL1(sb, x, v128.load(b + i));
    sc = stepL1(sc, x, v128.load(c + i));
    sd = stepL1(sd, x, v128.load(d + i));
  }
  return sum4i(sa, sb, sc, sd);
}

// @ts-ignore: decorator
@inline
function stepNe(sum: v128, q: v128, x: v128): v128 {
  const one = v128.and(i8x16.ne(q, x), i8x16.splat(1));
  return i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(one)));
}

/** How many bytes differ. */
export function differ4Codes(q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let sa = i32x4.splat(0);
  let sb = i32x4.splat(0);
  let sc = i32x4.splat(0);
  let sd = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(q + i);
    sa = stepNe(sa, x, v128.load(a + i));
    sb = stepNe(sb, x, v128.load(b + i));
    sc = stepNe(sc, x, v128.load(c + i));
    sd = stepNe(sd, x, v128.load(d + i));
  }
  return sum4i(sa, sb, sc, sd);
}

/** Sum of the products of a query in four bit planes with the bits of a row: plane p counts 2^p. `plane` is the byte distance of the planes. */
export function planes(q: usize, plane: usize, row: usize, bytes: usize): i32 {
  let s0 = i8x16.splat(0);
  let total = i32x4.splat(0);
  for (let p = 0; p < 4; p++) {
    let sum = i16x8.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      s0 = i8x16.popcnt(v128.and(v128.load(q + i), v128.load(row + i)));
      sum = i16x8.add(sum, i16x8.extadd_pairwise_i8x16_u(s0));
    }
    total = i32x4.add(total, i32x4.shl(i32x4.extadd_pairwise_i16x8_u(sum), p));
    q += plane;
  }
  return (
    i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3)
  );
}
