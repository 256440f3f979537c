/**
 * The distances of the GPU kernels in plain arithmetic: the twin that tests and the start-up self-test compare with.
 *
 * Float rows are summed in double precision: the kernels sum in single precision in another order, and may differ by
 * `FLOAT_TOLERANCE` of the sum of the terms' magnitudes. Integer sums are equal; the affine step differs by rounding only.
 */
import type { Distance } from '../../schema/collection-schema.ts';

/** Largest difference between kernel and twin, relative to the sum of the magnitudes of what was added. */
export const FLOAT_TOLERANCE = 2e-6;

/** Distance of two float rows and the magnitude that its rounding error scales with. */
export function floatDistance(
  distance: Distance,
  a: Float32Array,
  b: Float32Array,
): { readonly value: number; readonly magnitude: number } {
  let sum = 0;
  let magnitude = 0;
  for (let d = 0; d < a.length; d++) {
    const term = floatTerm(distance, a[d], b[d]);
    sum += term;
    magnitude += Math.abs(term);
  }
  if (distance === 'cosine') return { value: 1 - sum, magnitude: magnitude + 1 };
  return { value: distance === 'dot' ? -sum : sum, magnitude };
}

function floatTerm(distance: Distance, a: number, b: number): number {
  if (distance === 'cosine' || distance === 'dot') return a * b;
  if (distance === 'l2-squared') return (a - b) * (a - b);
  return distance === 'manhattan' ? Math.abs(a - b) : Number(a !== b);
}

/** The integer sum of a query's and a row's codes. */
export function codeSum(distance: Distance, query: Uint8Array, row: Uint8Array): number {
  let sum = 0;
  for (let d = 0; d < row.length; d++) {
    if (distance === 'manhattan') sum += Math.abs(query[d] - row[d]);
    else if (distance === 'hamming') sum += Number(query[d] !== row[d]);
    else sum += ((query[d] << 24) >> 24) * row[d];
  }
  return sum;
}

/** The distance that an integer sum stands for. */
export const codeDistance = (sum: number, queryTerm: readonly [number, number], rowTerm: number): number =>
  Math.fround(Math.fround(Math.fround(queryTerm[1]) + Math.fround(rowTerm)) + Math.fround(Math.fround(queryTerm[0]) * sum));
