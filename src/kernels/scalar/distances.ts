/**
 * The scalar twins of the wasm distance kernels: the same bits for f32 rows (two accumulators of four lanes, added pairwise,
 * every step rounded to f32), the same integers for codes. The reference of the self-test and of the property tests.
 */
import type { Distance } from '../../schema/collection-schema.ts';

const round = Math.fround;

function step(distance: Distance, sum: number, q: number, x: number): number {
  switch (distance) {
    case 'dot':
    case 'cosine':
      return round(sum + round(q * x));
    case 'l2-squared': {
      const gap = round(q - x);
      return round(sum + round(gap * gap));
    }
    case 'manhattan':
      return round(sum + Math.abs(round(q - x)));
    case 'hamming':
      return round(sum + (q === x ? 0 : 1));
  }
}

/** The sum that the distance is made from, over rows of equal length (a row's end is taken as zeros up to a multiple of 16). */
export function rowSum(distance: Distance, q: Float32Array, x: Float32Array): number {
  const lanes = new Float32Array(8);
  for (let i = 0; i < q.length; i++) lanes[i & 7] = step(distance, lanes[i & 7], q[i], x[i]);
  for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane] + lanes[lane + 4]);
  return round(round(lanes[0] + lanes[2]) + round(lanes[1] + lanes[3]));
}

/** A row as the engine keeps it: scaled to length 1 for cosine (a zero row stays), as it is otherwise. */
export function preparedRow(distance: Distance, row: Float32Array): Float32Array {
  if (distance !== 'cosine') return row;
  let sum = 0;
  for (const value of row) sum += value * value;
  if (sum === 0) return row;
  const by = 1 / Math.sqrt(sum);
  return row.map((value) => round(value * by));
}

/** The exact distance of two prepared rows, in the unit of the configured distance. */
export function exactDistance(distance: Distance, q: Float32Array, x: Float32Array): number {
  const sum = rowSum(distance, q, x);
  if (distance === 'dot') return round(-sum);
  return distance === 'cosine' ? round(1 - sum) : sum;
}

/** Dot product of a signed 8-bit query with 7-bit codes. */
export function codeDot(q: Int8Array, x: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < q.length; i++) sum += q[i] * x[i];
  return sum;
}
/** Sum of absolute differences of codes. */
export function codeManhattan(q: Uint8Array, x: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < q.length; i++) sum += Math.abs(q[i] - x[i]);
  return sum;
}
/** How many codes differ. */
export function codeHamming(q: Uint8Array, x: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < q.length; i++) sum += q[i] === x[i] ? 0 : 1;
  return sum;
}
