/**
 * Codes and their distances. A query (an f32 row, or a slot's own code) is prepared once; then `measure(n)` turns the first
 * n slots of the `ids` list into distances.
 *
 * 7-bit codes: x̂ = center + scale · (a − 64), a in 0…127, one scale for all dimensions, a center per dimension.
 *   q signed 8 bit:  q̂ = center + step · Q
 *   dot, cosine:  d = base + weight · (Q·a) + term(x),   term(x) = −center·x̂
 *   l2-squared:   d = base + weight · (Q·a) + term(x),   term(x) = |x̂ − center|²
 *   manhattan:    d = scale · Σ|Q − a|, Q a code too
 *   hamming:      d = number of differing bytes, a an 8-bit hash of the value
 * A slot as query is exact: Q = a − 64, step = scale.
 */
import * as config from './config';
import * as arena from './arena';
import * as kernels from './kernels';
import * as bits from './bits';
import * as product from './product';
import { addresses, allocateRows, distances, ids, input, queryCode, queryRow } from './scratch';
import { alloc, release } from './memory';

let center: usize = 0;
let scale: f32 = 1;
let centerSquare: f32 = 0;

/** Largest distance of a row from its code, and of a code from the center, over all rows coded so far. */
export let residualMax: f32 = 0;
export let spreadMax: f32 = 0;
/** Sum of residuals (squared, but for manhattan) of the rows coded since it was last taken. */
let residualSum: f64 = 0;

export function takeResidualSum(): f64 {
  const sum = residualSum;
  residualSum = 0;
  return sum;
}

/** The prepared query: its code, and what turns an integer sum into a distance. */
export let active: usize = 0;
export let base: f32 = 0;
export let weight: f32 = 0;
let queryNorm: f32 = 0;
let queryStep: f32 = 0;
let queryResidual: f32 = 0;
/** Adds up touched words so that no compiler drops the touching. */
let sink: u32 = 0;

export function setUp(): bool {
  center = alloc(config.rowBytes);
  return center != 0 && allocateRows(config.rowBytes, config.rowBytes);
}

/** Where JavaScript reads and writes the centers (f32, padded). */
export function centerAddress(): usize {
  return center;
}
/** Takes the scale; the centers are in place. */
export function setScale(value: f32): void {
  scale = value;
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < config.rowBytes; i += 16) {
    const c = v128.load(center + i);
    sum = f32x4.add(sum, f32x4.mul(c, c));
  }
  centerSquare = laneSum(sum);
}
export function setBounds(residual: f32, spread: f32): void {
  residualMax = residual;
  spreadMax = spread;
}

// @ts-ignore: decorator
@inline
function laneSum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}

/** Copies `dimensions` floats from `from` into a padded row, normalised where the distance is cosine. */
export function prepareRow(from: usize, to: usize): void {
  const bytes = <usize>config.dimensions << 2;
  if (from != to) memory.copy(to, from, bytes);
  memory.fill(to + bytes, 0, config.rowBytes - bytes);
  if (config.metric != config.COSINE) return;
  let sum: f64 = 0;
  for (let i: usize = 0; i < bytes; i += 4) {
    const v = <f64>load<f32>(to + i);
    sum += v * v;
  }
  if (sum == 0) return;
  // Scaled in f64: the inverse of a subnormal length does not fit into f32.
  const by = f64x2.splat(1 / sqrt<f64>(sum));
  for (let i: usize = 0; i < config.rowBytes; i += 8) {
    const pair = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(to + i)), by);
    store<u64>(to + i, i64x2.extract_lane(f32x4.demote_f64x2_zero(pair), 0));
  }
}

/** Four codes' worth of rounding: (row − center) / step as integers, plus `bias`. */
// @ts-ignore: decorator
@inline
function quantize(row: usize, at: usize, inverse: v128, bias: v128): v128 {
  const v = f32x4.mul(f32x4.sub(v128.load(row + at), v128.load(center + at)), inverse);
  return i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.nearest(v)), bias);
}

// @ts-ignore: decorator
@inline
function hashed(row: usize, at: usize): v128 {
  // Adding +0 turns −0 into +0, so that equal values have equal hashes.
  const v = f32x4.add(v128.load(row + at), f32x4.splat(0));
  return i32x4.shr_u(i32x4.mul(v128.xor(v, i32x4.shr_u(v, 15)), i32x4.splat(0x2c1b3c6d)), 24);
}

function codeRow7(row: usize, code: usize): void {
  const inverse = f32x4.splat(1 / scale);
  const bias = i32x4.splat(64);
  const hamming = config.metric == config.HAMMING;
  for (let i: usize = 0; i < <usize>config.padded; i += 16) {
    const at = i << 2;
    if (hamming) {
      const low = i16x8.narrow_i32x4_u(hashed(row, at), hashed(row, at + 16));
      const high = i16x8.narrow_i32x4_u(hashed(row, at + 32), hashed(row, at + 48));
      v128.store(code + i, i8x16.narrow_i16x8_u(low, high));
    } else {
      const low = i16x8.narrow_i32x4_s(quantize(row, at, inverse, bias), quantize(row, at + 16, inverse, bias));
      const high = i16x8.narrow_i32x4_s(quantize(row, at + 32, inverse, bias), quantize(row, at + 48, inverse, bias));
      v128.store(code + i, i8x16.min_u(i8x16.narrow_i16x8_u(low, high), i8x16.splat(127)));
    }
  }
}

/** Four lanes of code − 64, as floats times scale. */
// @ts-ignore: decorator
@inline
function offsets(code: usize, i: usize): v128 {
  const wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_u(v128.load32_zero(code + i)));
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(wide, i32x4.splat(64))), f32x4.splat(scale));
}

/** The row that a 7-bit code stands for, by other parameters than those in force. */
function decode7(code: usize, byCenter: usize, byScale: f32, to: usize): void {
  for (let i: usize = 0; i < <usize>config.padded; i += 4) {
    const wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_u(v128.load32_zero(code + i)));
    const offset = f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(wide, i32x4.splat(64))), f32x4.splat(byScale));
    v128.store(to + (i << 2), f32x4.add(v128.load(byCenter + (i << 2)), offset));
  }
}

/**
 * Takes new parameters (the centers at `newCenter`) and turns every code into one by them. What a code had lost stays lost
 * until its row is coded again; the bound on residuals covers both losses. False when memory is full.
 */
export function changeScale(newCenter: usize, newScale: f32): bool {
  const before = alloc(config.rowBytes);
  if (before == 0) return false;
  memory.copy(before, center, config.rowBytes);
  memory.copy(center, newCenter, config.rowBytes);
  const scaleBefore = scale;
  const residualBefore = residualMax;
  setScale(newScale);
  residualMax = 0;
  spreadMax = 0;
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) {
    if ((arena.flagsOf(slot) & (arena.USED | arena.CODED)) != (arena.USED | arena.CODED)) continue;
    decode7(arena.codeOf(slot), before, scaleBefore, queryRow);
    encode(queryRow, slot);
  }
  residualMax += residualBefore;
  release(before, config.rowBytes);
  return true;
}

/** Codes a prepared row into a slot. */
export function encode(row: usize, slot: u32): void {
  const code = arena.codeOf(slot);
  arena.setFlags(slot, arena.flagsOf(slot) | arena.CODED);
  if (config.codec == config.CODEC_F32) {
    memory.copy(code, row, config.rowBytes);
    return;
  }
  if (config.codec == config.CODEC_BQ) {
    arena.setTerm(slot, bits.encode(row, code));
    return;
  }
  if (config.codec == config.CODEC_PQ) {
    product.encode(row, code);
    return;
  }
  codeRow7(row, code);
  if (config.metric == config.HAMMING) return;
  let residual = f32x4.splat(0);
  let spread = f32x4.splat(0);
  let along = f32x4.splat(0);
  for (let i: usize = 0; i < <usize>config.padded; i += 4) {
    const c = v128.load(center + (i << 2));
    const offset = offsets(code, i);
    const decoded = f32x4.add(c, offset);
    const gap = f32x4.sub(v128.load(row + (i << 2)), decoded);
    if (config.metric == config.MANHATTAN) residual = f32x4.add(residual, f32x4.abs(gap));
    else residual = f32x4.add(residual, f32x4.mul(gap, gap));
    spread = f32x4.add(spread, f32x4.mul(offset, offset));
    along = f32x4.add(along, f32x4.mul(c, decoded));
  }
  residualSum += <f64>laneSum(residual);
  const off = config.metric == config.MANHATTAN ? laneSum(residual) : sqrt<f32>(laneSum(residual));
  const spreadSum = laneSum(spread);
  if (off > residualMax) residualMax = off;
  const far = sqrt<f32>(spreadSum);
  if (far > spreadMax) spreadMax = far;
  arena.setTerm(slot, config.metric == config.L2 ? spreadSum : -laneSum(along));
}

/** Takes the query of `input` (unpadded f32) as the query row. */
export function takeInput(): void {
  prepareRow(input, queryRow);
}

/** Makes a prepared row the active query. */
export function prepareQuery(row: usize): void {
  if (config.codec == config.CODEC_F32) {
    active = row;
    return;
  }
  if (config.codec == config.CODEC_BQ) {
    bits.prepare(row);
    return;
  }
  if (config.codec == config.CODEC_PQ) {
    product.prepare(row);
    return;
  }
  active = queryCode;
  if (config.metric == config.MANHATTAN || config.metric == config.HAMMING) {
    codeRow7(row, queryCode);
    base = 0;
    weight = config.metric == config.MANHATTAN ? scale : 1;
    queryResidual = config.metric == config.MANHATTAN ? distanceToCode(row, queryCode) : 0;
    return;
  }
  let greatest = f32x4.splat(0);
  let norm = f32x4.splat(0);
  let square = f32x4.splat(0);
  let along = f32x4.splat(0);
  for (let i: usize = 0; i < config.rowBytes; i += 16) {
    const q = v128.load(row + i);
    const c = v128.load(center + i);
    const d = f32x4.sub(q, c);
    greatest = f32x4.max(greatest, f32x4.abs(d));
    norm = f32x4.add(norm, f32x4.mul(q, q));
    square = f32x4.add(square, f32x4.mul(d, d));
    along = f32x4.add(along, f32x4.mul(d, c));
  }
  let peak = f32x4.extract_lane(greatest, 0);
  peak = max<f32>(peak, f32x4.extract_lane(greatest, 1));
  peak = max<f32>(peak, max<f32>(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)));
  const step = peak > 0 ? peak / 127 : 1;
  const inverse = f32x4.splat(1 / step);
  const none = i32x4.splat(0);
  let total = i32x4.splat(0);
  for (let i: usize = 0; i < <usize>config.padded; i += 16) {
    const at = i << 2;
    const low = i16x8.narrow_i32x4_s(quantize(row, at, inverse, none), quantize(row, at + 16, inverse, none));
    const high = i16x8.narrow_i32x4_s(quantize(row, at + 32, inverse, none), quantize(row, at + 48, inverse, none));
    const q = i8x16.narrow_i16x8_s(low, high);
    v128.store(queryCode + i, q);
    total = i32x4.add(total, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(q)));
  }
  queryNorm = sqrt<f32>(laneSum(norm));
  queryStep = step;
  const sum = <f32>(i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3));
  if (config.metric == config.L2) {
    weight = -2 * scale * step;
    base = laneSum(square) - 64 * weight * sum;
  } else {
    weight = -scale * step;
    base = (config.metric == config.COSINE ? <f32>1 : <f32>0) - laneSum(along) - 64 * weight * sum;
  }
}

/** Makes a prepared row the active query, and `lowerBound` that of its distances. */
export function prepareBounded(row: usize): void {
  prepareQuery(row);
  if (config.codec != config.CODEC_SQ7 || config.metric > config.L2) return;
  let residual = f32x4.splat(0);
  for (let i: usize = 0; i < <usize>config.padded; i += 4) {
    const wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(queryCode + i)));
    const decoded = f32x4.add(v128.load(center + (i << 2)), f32x4.mul(f32x4.convert_i32x4_s(wide), f32x4.splat(queryStep)));
    const gap = f32x4.sub(v128.load(row + (i << 2)), decoded);
    residual = f32x4.add(residual, f32x4.mul(gap, gap));
  }
  queryResidual = sqrt<f32>(laneSum(residual));
}

/** Manhattan distance of a row from a code. */
function distanceToCode(row: usize, code: usize): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < <usize>config.padded; i += 4) {
    const decoded = f32x4.add(v128.load(center + (i << 2)), offsets(code, i));
    sum = f32x4.add(sum, f32x4.abs(f32x4.sub(v128.load(row + (i << 2)), decoded)));
  }
  return laneSum(sum);
}

/** Turns a slot's code into a query at `to` (`queryBytes()` long); `select` afterwards makes it active. */
export function queryOfSlot(slot: u32, to: usize): void {
  const code = arena.codeOf(slot);
  if (config.codec == config.CODEC_BQ) {
    bits.queryOfCode(code, arena.termOf(slot), to);
    return;
  }
  if (config.codec == config.CODEC_PQ) {
    product.decode(code, to);
    return;
  }
  const head = to + config.codeStride;
  if (config.codec == config.CODEC_F32 || config.metric == config.MANHATTAN || config.metric == config.HAMMING) {
    memory.copy(to, code, config.codeStride);
    store<f32>(head, 0);
    store<f32>(head, config.metric == config.HAMMING ? 1 : scale, 4);
    return;
  }
  const middle = i8x16.splat(64);
  let total = i32x4.splat(0);
  for (let i: usize = 0; i < <usize>config.padded; i += 16) {
    const q = i8x16.sub(v128.load(code + i), middle);
    v128.store(to + i, q);
    total = i32x4.add(total, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(q)));
  }
  const sum = <f32>(i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3));
  if (config.metric == config.L2) {
    const w: f32 = -2 * scale * scale;
    store<f32>(head, arena.termOf(slot) - 64 * w * sum);
    store<f32>(head, w, 4);
  } else {
    const w: f32 = -scale * scale;
    store<f32>(head, (config.metric == config.COSINE ? <f32>1 : <f32>0) + arena.termOf(slot) + centerSquare - 64 * w * sum);
    store<f32>(head, w, 4);
  }
}

let own: usize = 0;
let ownBytes: usize = 0;
/** A buffer for one query of `queryOfSlot`; 0 when memory is full, which `setUpOwnQuery` has ruled out. */
export function ownQuery(): usize {
  return own;
}
export function setUpOwnQuery(): bool {
  release(own, ownBytes);
  ownBytes = queryBytes();
  own = alloc(ownBytes);
  return own != 0;
}

/** Bytes that `queryOfSlot` writes. */
export function queryBytes(): usize {
  if (config.codec == config.CODEC_BQ) return bits.queryBytes();
  if (config.codec == config.CODEC_PQ) return config.rowBytes;
  return (config.codeStride + 8 + 63) & ~63;
}

/** Makes a query of `queryOfSlot` active. */
export function select(query: usize): void {
  active = query;
  if (config.codec == config.CODEC_BQ) bits.select(query);
  else if (config.codec == config.CODEC_PQ) product.selectRow(query);
  else {
    base = load<f32>(query + config.codeStride);
    weight = load<f32>(query + config.codeStride, 4);
  }
}

/** Bytes of a row that are touched ahead; the rest of a longer one is fetched by the processor, which sees where it leads. */
const TOUCHED_BYTES: usize = 2048;

/** Codes' addresses for the first n ids. */
function locate(n: i32): void {
  for (let i = 0; i < n; i++)
    store<u32>(addresses + (<usize>i << 2), <u32>arena.codeOf(load<u32>(ids + (<usize>i << 2))));
  touch(n, config.codeStride);
}

/**
 * Reads a word of each cache line of the first n rows of `addresses`, so that the misses overlap; fills the last four up with the
 * last row. Line by line over all rows: so the processor's own prefetching follows every row at once (a tenth faster for f32 rows).
 */
export function touch(n: i32, bytes: usize): void {
  const end = min<usize>(bytes, TOUCHED_BYTES);
  let touched: u32 = 0;
  for (let at: usize = 0; at < end; at += 64) {
    for (let i = 0; i < n; i++) touched += load<u32>(address(i) + at);
  }
  sink += touched;
  const last = load<u32>(addresses + (<usize>(n - 1) << 2));
  for (let i = n; i < ((n + 3) & ~3); i++) store<u32>(addresses + (<usize>i << 2), last);
}

// @ts-ignore: decorator
@inline
function address(i: i32): usize {
  return <usize>load<u32>(addresses + (<usize>i << 2));
}

function addTerms(n: i32): void {
  for (let i = 0; i < n; i++) {
    const at = distances + (<usize>i << 2);
    store<f32>(at, load<f32>(at) + arena.termOf(load<u32>(ids + (<usize>i << 2))));
  }
}

/** Distances from the active query to the first n slots of `ids`, into `distances`. */
export function measure(n: i32): void {
  if (n == 0) return;
  locate(n);
  if (config.codec == config.CODEC_F32) {
    measureRows(active, n);
    return;
  }
  if (config.codec == config.CODEC_BQ) {
    for (let i = 0; i < n; i++)
      store<f32>(distances + (<usize>i << 2), bits.distance(address(i), arena.termOf(load<u32>(ids + (<usize>i << 2)))));
    return;
  }
  if (config.codec == config.CODEC_PQ) {
    for (let i = 0; i < n; i++) store<f32>(distances + (<usize>i << 2), product.distance(address(i)));
    return;
  }
  const q = active;
  const bytes = <usize>config.padded;
  const w = f32x4.splat(weight);
  const b = f32x4.splat(base);
  const metric = config.metric;
  if (metric <= config.L2) {
    for (let i = 0; i < n; i += 4) {
      const dots = kernels.dot4Codes(q, address(i), address(i + 1), address(i + 2), address(i + 3), bytes);
      v128.store(distances + (<usize>i << 2), f32x4.add(b, f32x4.mul(w, f32x4.convert_i32x4_s(dots))));
    }
    addTerms(n);
  } else {
    for (let i = 0; i < n; i += 4) {
      const sums =
        metric == config.MANHATTAN
          ? kernels.absolute4Codes(q, address(i), address(i + 1), address(i + 2), address(i + 3), bytes)
          : kernels.differ4Codes(q, address(i), address(i + 1), address(i + 2), address(i + 3), bytes);
      v128.store(distances + (<usize>i << 2), f32x4.mul(w, f32x4.convert_i32x4_s(sums)));
    }
  }
}

/** Exact distances from an f32 row to the first n rows of `addresses` (a multiple of four of them is read). */
export function measureRows(q: usize, n: i32): void {
  const bytes = config.rowBytes;
  const metric = config.metric;
  for (let i = 0; i < n; i += 4) {
    const a = address(i);
    const b = address(i + 1);
    const c = address(i + 2);
    const d = address(i + 3);
    let out: v128;
    if (metric == config.DOT) out = f32x4.neg(kernels.dot4F32(q, a, b, c, d, bytes));
    else if (metric == config.COSINE) out = f32x4.sub(f32x4.splat(1), kernels.dot4F32(q, a, b, c, d, bytes));
    else if (metric == config.L2) out = kernels.square4F32(q, a, b, c, d, bytes);
    else if (metric == config.MANHATTAN) out = kernels.absolute4F32(q, a, b, c, d, bytes);
    else out = kernels.differ4F32(q, a, b, c, d, bytes);
    v128.store(distances + (<usize>i << 2), out);
  }
}

/** The exact distance from the query row to one row. */
export function exactDistance(row: usize): f32 {
  for (let i: usize = 0; i < 16; i += 4) store<u32>(addresses + i, <u32>row);
  measureRows(queryRow, 1);
  return load<f32>(distances);
}

/** The smallest exact distance that a row with this coded distance from the query can have. */
export function lowerBound(coded: f32): f32 {
  if (config.codec == config.CODEC_F32) return coded;
  if (config.codec == config.CODEC_SQ7) {
    const slack: f32 = (abs<f32>(coded) + abs<f32>(base)) * 1e-5;
    if (config.metric == config.HAMMING) return coded;
    if (config.metric == config.MANHATTAN) return coded - residualMax - queryResidual - slack;
    if (config.metric == config.L2) {
      const near = coded - 2 * queryResidual * spreadMax - slack;
      const root = sqrt<f32>(max<f32>(near, 0)) - residualMax;
      return root > 0 ? root * root : 0;
    }
    return coded - queryNorm * residualMax - queryResidual * spreadMax - slack;
  }
  return -f32.MAX_VALUE;
}
