/** What the GPU tests share: one device for a test file, random rows, and the twin's answer to an exact search. Tests only. */
import type { Distance } from '../schema/collection-schema.ts';
import { SeededRandom } from '../core/clock.ts';
import type { RowFormat, RowType } from '../kernels/gpu/row-format.ts';
import { codeQuery, codeRow, codeSpace, type CodeSpace } from '../kernels/scalar/gpu-codes.ts';
import { codeDistance, codeSum, floatDistance, FLOAT_TOLERANCE } from '../kernels/scalar/gpu-distance.ts';
import { halfBits, valueOfHalf } from '../kernels/scalar/gpu-half.ts';
import { openGpuDevice, type GpuDevice } from './gpu-device.ts';

export const DISTANCES: readonly Distance[] = ['cosine', 'dot', 'l2-squared', 'manhattan', 'hamming'];
export const ROW_TYPES: readonly RowType[] = ['f32', 'f16', 'u7'];

/** Opens the browser's adapter; a test run without one is a failure, not a skip. */
export async function openTestDevice(memoryBytesMax = 512 * 2 ** 20): Promise<GpuDevice> {
  const opened = navigator.gpu && (await openGpuDevice({ gpu: navigator.gpu, memoryBytesMax }));
  if (!opened) throw new Error('no WebGPU adapter: start Chromium with --enable-unsafe-webgpu');
  return opened;
}

export type RowKind = 'random' | 'duplicates' | 'equal' | 'clustered';

/** `[count × dimensions]`, seeded; of unit length for cosine, small whole numbers for hamming. */
export function randomRows(
  random: SeededRandom,
  distance: Distance,
  count: number,
  dimensions: number,
  kind: RowKind,
): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(count * dimensions);
  const distinct = kind === 'equal' ? 1 : kind === 'duplicates' ? Math.max(1, count >> 2) : count;
  const centres = kind === 'clustered' ? randomRows(random, 'dot', 32, dimensions, 'random') : null;
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * dimensions, (i + 1) * dimensions);
    if (i >= distinct) {
      const from = random.int(distinct);
      row.set(rows.subarray(from * dimensions, (from + 1) * dimensions));
      continue;
    }
    const centre = random.int(32) * dimensions;
    for (let d = 0; d < dimensions; d++) {
      if (distance === 'hamming') row[d] = random.int(3);
      else row[d] = (centres ? centres[centre + d] : 0) + (random.next() * 2 - 1) * (centres ? 0.5 : 1);
    }
    if (distance === 'cosine') normalize(row);
  }
  return rows;
}

export function normalize(row: Float32Array): void {
  let norm = 0;
  for (const value of row) norm += value * value;
  if (norm > 0) for (let d = 0; d < row.length; d++) row[d] /= Math.sqrt(norm);
}

/** A code space that holds these rows; for hamming one in which whole numbers are exact. */
export function spaceFor(distance: Distance, rows: Float32Array): CodeSpace {
  if (distance === 'hamming') return codeSpace(0, 127);
  let low = Infinity;
  let high = -Infinity;
  for (const value of rows) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return codeSpace(low, high);
}

/** The twin's distance of a query to a row, and how far the kernel's may be from it. */
export function twinDistances(
  format: RowFormat,
  space: CodeSpace | null,
  query: Float32Array,
  rows: Float32Array,
  dimensions: number,
): { readonly value: Float64Array; readonly tolerance: Float64Array } {
  const count = rows.length / dimensions;
  const value = new Float64Array(count);
  const tolerance = new Float64Array(count);
  const queryCodes = new Uint8Array(dimensions);
  const rowCodes = new Uint8Array(dimensions);
  const queryTerm = space ? codeQuery(space, format.distance, query, queryCodes) : null;
  for (let i = 0; i < count; i++) {
    let row = rows.subarray(i * dimensions, (i + 1) * dimensions);
    if (space && queryTerm) {
      const rowTerm = codeRow(space, format.distance, row, rowCodes);
      const sum = codeSum(format.distance, queryCodes, rowCodes);
      value[i] = codeDistance(sum, queryTerm, rowTerm);
      tolerance[i] = 4e-7 * (Math.abs(queryTerm[1]) + Math.abs(rowTerm) + Math.abs(queryTerm[0] * sum));
      continue;
    }
    if (format.rowType === 'f16') row = row.map((v) => valueOfHalf(halfBits(v)));
    const twin = floatDistance(format.distance, query, row);
    value[i] = twin.value;
    tolerance[i] = FLOAT_TOLERANCE * twin.magnitude + 1e-30;
  }
  return { value, tolerance };
}
