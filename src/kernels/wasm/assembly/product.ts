/**
 * Product quantization (Jégou et al. 2011): a row is cut into segments of 1 to 16 dimensions, each replaced by the number
 * of its nearest of 256 centroids. A query is a table of its distances to all centroids; a row's distance is a sum of looked
 * up entries.
 */
import { COSINE, L2, metric, padded } from './config';
import { alloc, release } from './memory';

const CENTROIDS: i32 = 256;

let segmentDimensions: i32 = 4;
export let segments: i32 = 0;
/** Centroids f32: `[segment][centroid][dimension]`. */
export let codebook: usize = 0;
let table: usize = 0;
let tableBytes: usize = 0;
let base: f32 = 0;
let row: usize = 0;
let byRow: bool = false;

/** Chooses the cut; `dimensionsPerSegment` is a power of two up to 16. False when memory is full. */
export function setUpProduct(dimensionsPerSegment: i32): bool {
  release(codebook, <usize>(padded << 2) << 8);
  release(table, tableBytes);
  segmentDimensions = dimensionsPerSegment;
  segments = padded / segmentDimensions;
  codebook = alloc(<usize>(padded << 2) << 8);
  tableBytes = <usize>segments << 10;
  table = alloc(tableBytes);
  return codebook != 0 && table != 0;
}

// @ts-ignore: decorator
@inline
function centroid(segment: i32, index: i32): usize {
  return codebook + (<usize>((segment << 8) + index) * <usize>segmentDimensions << 2);
}

function squareGap(a: usize, b: usize): f32 {
  let sum: f32 = 0;
  for (let d = 0; d < segmentDimensions; d++) {
    const gap = load<f32>(a + (<usize>d << 2)) - load<f32>(b + (<usize>d << 2));
    sum += gap * gap;
  }
  return sum;
}
function product(a: usize, b: usize): f32 {
  let sum: f32 = 0;
  for (let d = 0; d < segmentDimensions; d++) sum += load<f32>(a + (<usize>d << 2)) * load<f32>(b + (<usize>d << 2));
  return sum;
}

function nearestCentroid(segment: i32, part: usize): i32 {
  let best = 0;
  let least: f32 = f32.MAX_VALUE;
  for (let c = 0; c < CENTROIDS; c++) {
    const gap = squareGap(part, centroid(segment, c));
    if (gap < least) {
      least = gap;
      best = c;
    }
  }
  return best;
}

export function encode(from: usize, code: usize): void {
  for (let s = 0; s < segments; s++)
    store<u8>(code + <usize>s, <u8>nearestCentroid(s, from + (<usize>(s * segmentDimensions) << 2)));
}

export function prepare(query: usize): void {
  byRow = false;
  base = metric == COSINE ? 1 : 0;
  for (let s = 0; s < segments; s++) {
    const part = query + (<usize>(s * segmentDimensions) << 2);
    for (let c = 0; c < CENTROIDS; c++) {
      const entry = metric == L2 ? squareGap(part, centroid(s, c)) : -product(part, centroid(s, c));
      store<f32>(table + (<usize>((s << 8) + c) << 2), entry);
    }
  }
}

/** The row that a code stands for. */
export function decode(code: usize, to: usize): void {
  const bytes = <usize>segmentDimensions << 2;
  for (let s = 0; s < segments; s++) memory.copy(to + bytes * <usize>s, centroid(s, load<u8>(code + <usize>s)), bytes);
}

/** Makes a decoded row the active query. */
export function selectRow(decoded: usize): void {
  byRow = true;
  row = decoded;
  base = metric == COSINE ? 1 : 0;
}

export function distance(code: usize): f32 {
  let sum = base;
  if (!byRow) {
    for (let s = 0; s < segments; s++) sum += load<f32>(table + (<usize>((s << 8) + load<u8>(code + <usize>s)) << 2));
    return sum;
  }
  for (let s = 0; s < segments; s++) {
    const part = row + (<usize>(s * segmentDimensions) << 2);
    const c = centroid(s, load<u8>(code + <usize>s));
    sum += metric == L2 ? squareGap(part, c) : -product(part, c);
  }
  return sum;
}

/** k-means (Lloyd) for one segment over `rows` prepared rows at `sample`; deterministic. `sums` has room for 256 × (dimensions + 1) floats. */
export function train(segment: i32, sample: usize, rows: i32, rowBytes: usize, iterations: i32, sums: usize): void {
  const offset = <usize>(segment * segmentDimensions) << 2;
  const bytes = <usize>segmentDimensions << 2;
  for (let c = 0; c < CENTROIDS; c++) {
    const pick = <i32>((<i64>c * <i64>rows) / CENTROIDS);
    memory.copy(centroid(segment, c), sample + rowBytes * <usize>pick + offset, bytes);
  }
  const entry = bytes + 4;
  for (let iteration = 0; iteration < iterations; iteration++) {
    memory.fill(sums, 0, entry * CENTROIDS);
    for (let r = 0; r < rows; r++) {
      const part = sample + rowBytes * <usize>r + offset;
      const to = sums + entry * <usize>nearestCentroid(segment, part);
      for (let d: usize = 0; d < bytes; d += 4) store<f32>(to + d, load<f32>(to + d) + load<f32>(part + d));
      store<f32>(to + bytes, load<f32>(to + bytes) + 1);
    }
    for (let c = 0; c < CENTROIDS; c++) {
      const from = sums + entry * <usize>c;
      const count = load<f32>(from + bytes);
      if (count == 0) continue;
      for (let d: usize = 0; d < bytes; d += 4) store<f32>(centroid(segment, c) + d, load<f32>(from + d) / count);
    }
  }
}
