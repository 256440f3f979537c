/**
 * 7-bit codes of a row and 8-bit codes of a query for the GPU's integer kernels, and the terms that turn an integer sum back
 * into a distance (`kernels/gpu/row-format.ts` gives the formula).
 *
 * A value x of a row is coded as c = round((x − low) / step), clamped to 0..127, with one `low` and `step` for the index. For
 * cosine, dot and l2-squared a query is scaled to signed 8 bits: q ≈ s·t. Then q·x ≈ low·Σq + step·s·Σ(t·c).
 */
import type { Distance } from '../../schema/collection-schema.ts';

export interface CodeSpace {
  readonly low: number;
  readonly step: number;
}

/** The space that covers `low` to `high`. */
export const codeSpace = (low: number, high: number): CodeSpace => ({ low, step: Math.max((high - low) / 127, 1e-30) });

/** Codes of `row` into `codes`; zero past the row. Returns the row's term. */
export function codeRow(space: CodeSpace, distance: Distance, row: Float32Array, codes: Uint8Array): number {
  let norm = 0;
  for (let d = 0; d < row.length; d++) {
    codes[d] = Math.min(127, Math.max(0, Math.round((row[d] - space.low) / space.step)));
    const value = space.low + space.step * codes[d];
    norm += value * value;
  }
  return distance === 'l2-squared' ? norm : 0;
}

/** Codes of `query` into `codes` (signed bytes for the dot-based distances) and its (scale, offset). */
export function codeQuery(space: CodeSpace, distance: Distance, query: Float32Array, codes: Uint8Array): readonly [number, number] {
  if (distance === 'manhattan' || distance === 'hamming') {
    codeRow(space, distance, query, codes);
    return [distance === 'manhattan' ? space.step : 1, 0];
  }
  let largest = 0;
  let sum = 0;
  let norm = 0;
  for (const value of query) {
    largest = Math.max(largest, Math.abs(value));
    sum += value;
    norm += value * value;
  }
  const scale = largest > 0 ? largest / 127 : 1;
  for (let d = 0; d < query.length; d++) codes[d] = Math.round(query[d] / scale) & 255;
  const unit = scale * space.step;
  const constant = space.low * sum;
  if (distance === 'cosine') return [-unit, 1 - constant];
  return distance === 'dot' ? [-unit, -constant] : [-2 * unit, norm - 2 * constant];
}
