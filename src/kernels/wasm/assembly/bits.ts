/**
 * 1-bit codes (in the spirit of RaBitQ, Gao and Long 2024): the signs of the randomly rotated residual from the center, and
 * one factor f that makes the estimate of an inner product unbiased.
 *
 *   r = rotate(x − center), bits b = r > 0, f = |r|² / Σ|r_i|
 *   q·(x − center) ≈ f · Σ (2b_i − 1) q'_i,  q' = rotate(q) in four bits: q'_i ≈ step · (u_i − 7.5)
 *
 * - The slot's term is f. For l2-squared |r|² follows the bits (f32).
 * - Between two codes the angle comes from the Hamming distance: cos = sin(π/2 · (1 − 2h/d)).
 */
import { COSINE, L2, metric, padded, rowBytes } from './config';
import { centerAddress } from './codec';
import { planes } from './kernels';
import { rotate } from './rotation';
import { alloc } from './memory';

let work: usize = 0;
let planesAt: usize = 0;
let step: f32 = 1;
let sum: f32 = 0;
let base: f32 = 0;
/** The active query: its planes, or another slot's code. */
let symmetric: bool = false;
let codeQuery: usize = 0;
let codeFactor: f32 = 0;
let codeNorm: f32 = 0;

/** Bytes of the bits, a multiple of 16. */
export function bitBytes(): usize {
  return <usize>(((padded + 127) >> 7) << 4);
}
export function codeBytes(): usize {
  return bitBytes() + (metric == L2 ? 4 : 0);
}

/** False when memory is full. */
export function setUpBits(): bool {
  if (work == 0) work = alloc(rowBytes);
  if (planesAt == 0) planesAt = alloc(bitBytes() * 4);
  return work != 0 && planesAt != 0;
}

function setBits(from: usize, to: usize): void {
  memory.fill(to, 0, bitBytes());
  for (let i = 0; i < padded; i++) {
    if (load<f32>(from + (<usize>i << 2)) <= 0) continue;
    const at = to + <usize>(i >> 3);
    store<u8>(at, <u8>(<u32>load<u8>(at) | (<u32>1 << (i & 7))));
  }
}

/** Codes a row; returns its factor. */
export function encode(row: usize, code: usize): f32 {
  const center = centerAddress();
  for (let i: usize = 0; i < rowBytes; i += 16) v128.store(work + i, f32x4.sub(v128.load(row + i), v128.load(center + i)));
  rotate(work);
  let square: f32 = 0;
  let absolute: f32 = 0;
  for (let i: usize = 0; i < rowBytes; i += 4) {
    const v = load<f32>(work + i);
    square += v * v;
    absolute += abs<f32>(v);
  }
  setBits(work, code);
  if (metric == L2) store<f32>(code + bitBytes(), square);
  return absolute == 0 ? 0 : square / absolute;
}

/** Makes a prepared row the active query. */
export function prepare(row: usize): void {
  symmetric = false;
  const center = centerAddress();
  let along: f32 = 0;
  let square: f32 = 0;
  for (let i: usize = 0; i < rowBytes; i += 4) {
    const q = load<f32>(row + i);
    const c = load<f32>(center + i);
    const d = metric == L2 ? q - c : q;
    along += q * c;
    square += d * d;
    store<f32>(work + i, d);
  }
  base = metric == L2 ? square : (metric == COSINE ? <f32>1 : <f32>0) - along;
  rotate(work);
  let peak: f32 = 0;
  for (let i: usize = 0; i < rowBytes; i += 4) peak = max<f32>(peak, abs<f32>(load<f32>(work + i)));
  step = peak > 0 ? peak / 7.5 : 1;
  memory.fill(planesAt, 0, bitBytes() * 4);
  let total: i32 = 0;
  for (let i = 0; i < padded; i++) {
    const u = max(0, min(15, <i32>nearest<f32>(load<f32>(work + (<usize>i << 2)) / step + 7.5)));
    total += u;
    for (let p = 0; p < 4; p++) {
      const at = planesAt + bitBytes() * <usize>p + <usize>(i >> 3);
      store<u8>(at, <u8>(<i32>load<u8>(at) | (((u >> p) & 1) << (i & 7))));
    }
  }
  sum = step * (<f32>total - 7.5 * <f32>padded);
}

/** Bytes of a query made from a code: the code, then its factor. */
export function queryBytes(): usize {
  return (codeBytes() + 4 + 63) & ~63;
}
export function queryOfCode(code: usize, factor: f32, to: usize): void {
  memory.copy(to, code, codeBytes());
  store<f32>(to + codeBytes(), factor);
}
export function select(query: usize): void {
  symmetric = true;
  codeQuery = query;
  codeFactor = load<f32>(query + codeBytes());
  codeNorm = metric == L2 ? load<f32>(query + bitBytes()) : 0;
}

function ones(row: usize, bytes: usize): i32 {
  let total: i32 = 0;
  for (let i: usize = 0; i < bytes; i += 8) total += <i32>popcnt<u64>(load<u64>(row + i));
  return total;
}

export function distance(code: usize, factor: f32): f32 {
  const bytes = bitBytes();
  if (symmetric) return betweenCodes(code, factor);
  const inside = step * (<f32>planes(planesAt, bytes, code, bytes) - 7.5 * <f32>ones(code, bytes));
  const product = factor * (2 * inside - sum);
  return metric == L2 ? base + load<f32>(code + bytes) - 2 * product : base - product;
}

/** |r| from f, by the mean of |r_i| of a Gaussian: Σ|r_i| ≈ √(2/π) · √d · |r|. */
// @ts-ignore: decorator
@inline
function normOf(factor: f32): f32 {
  return factor * 0.7978846 * sqrt<f32>(<f32>padded);
}

function betweenCodes(code: usize, factor: f32): f32 {
  const bytes = bitBytes();
  let differing: i32 = 0;
  for (let i: usize = 0; i < bytes; i += 8) differing += <i32>popcnt<u64>(load<u64>(code + i) ^ load<u64>(codeQuery + i));
  const x: f32 = 1.5707964 * (1 - (2 * <f32>differing) / <f32>padded);
  const xx = x * x;
  const cosine: f32 = x * (1 - xx * (<f32>0.16666667 - xx * (<f32>0.0083333333 - xx * <f32>0.0001984127)));
  if (metric == L2) {
    const other = load<f32>(code + bytes);
    return codeNorm + other - 2 * sqrt<f32>(codeNorm * other) * cosine;
  }
  // Up to terms that are the same for every code, and the center's, which are left out: links are chosen by the residuals.
  return (metric == COSINE ? <f32>1 : <f32>0) - normOf(codeFactor) * normOf(factor) * cosine;
}
