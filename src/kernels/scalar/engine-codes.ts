/**
 * The wasm engine's 7-bit codes of rows and 8-bit codes of queries (`kernels/wasm/assembly/codec.ts`) in plain code, bit for bit
 * what it makes: for queries that walk the engine's own codes on the GPU, and as the twin in tests.
 *
 * A value x of a row is coded as c = round((x − center) / step) + 64, clamped to 0..127, with a center for each dimension and one
 * step. With a query q = center + d and its code t ≈ d / s, the distance is `offset + rowTerm + scale × Σ(t·c)`; for manhattan a
 * query is coded as a row is, for hamming both are 8-bit hashes of their values.
 */
import type { Distance } from '../../schema/collection-schema.ts';

export interface EngineSpace {
  /** For each dimension. */
  readonly center: Float32Array<ArrayBuffer>;
  readonly step: number;
}

const round = Math.fround;

/** To the nearest whole number, halves to the even one. */
function nearest(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);

/** Equal values have equal hashes; −0 is 0. */
function hashOf(x: number): number {
  value[0] = x + 0;
  return Math.imul(bits[0] ^ (bits[0] >>> 15), 0x2c1b3c6d) >>> 24;
}

/** Codes of a prepared row into `codes`. */
export function codeEngineRow({ center, step }: EngineSpace, distance: Distance, row: Float32Array, codes: Uint8Array): void {
  const inverse = round(1 / step);
  for (let d = 0; d < row.length; d++)
    codes[d] =
      distance === 'hamming' ? hashOf(row[d]) : Math.min(127, Math.max(0, nearest(round(round(row[d] - center[d]) * inverse)) + 64));
}

/** Codes of a prepared query into `codes` (signed bytes for the dot-based distances) and its (scale, offset). */
export function codeEngineQuery(space: EngineSpace, distance: Distance, query: Float32Array, codes: Uint8Array): readonly [number, number] {
  if (distance === 'manhattan' || distance === 'hamming') {
    codeEngineRow(space, distance, query, codes);
    // Behind a row's end lies what zeros are coded as.
    codes.fill(distance === 'manhattan' ? 64 : 0, query.length);
    return [distance === 'manhattan' ? space.step : 1, 0];
  }
  const { center, step } = space;
  let largest = 0;
  let square = 0;
  let along = 0;
  for (let d = 0; d < query.length; d++) {
    const gap = round(query[d] - center[d]);
    largest = Math.max(largest, Math.abs(gap));
    square += gap * gap;
    along += gap * center[d];
  }
  const unit = largest > 0 ? round(largest / 127) : 1;
  const inverse = round(1 / unit);
  let total = 0;
  for (let d = 0; d < query.length; d++) {
    const code = nearest(round(round(query[d] - center[d]) * inverse));
    codes[d] = code & 255;
    total += code;
  }
  if (distance === 'l2-squared') {
    const scale = -2 * step * unit;
    return [scale, square - 64 * scale * total];
  }
  const scale = -step * unit;
  return [scale, (distance === 'cosine' ? 1 : 0) - along - 64 * scale * total];
}
