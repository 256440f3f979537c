import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { assignCentroids, moveCentroids, type KmeansShape } from '../kernels/scalar/gpu-kmeans.ts';
import type { GpuDevice } from './gpu-device.ts';
import { openTestDevice, randomRows, type RowKind } from './gpu-fixture.ts';
import { trainCentroids } from './kmeans.ts';
import { wasmAssign, wasmTrain } from './wasm-twin.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openTestDevice();
});
afterAll(() => gpu?.destroy());

/** Two centroids may be told apart differently only when they are as near as this, in shares of the distance, but not equally near. */
const TIE = 1e-5;
/** Centroids of the same rows differ by single-precision sums. */
const MEAN_TOLERANCE = 1e-5;

const assigned = async (shape: KmeansShape, sample: Float32Array<ArrayBuffer>, start: Float32Array<ArrayBuffer>): Promise<Uint32Array> =>
  (await gpu.exclusive(() => trainCentroids(gpu, { ...shape, sample, start, iterations: 1 }))).assigned;

/** Squared distance of a row's segment to a centroid. */
function gap({ dimensions, segments, centroids }: KmeansShape, rows: Float32Array, book: Float32Array, place: number, c: number): number {
  const width = dimensions / segments;
  const row = Math.floor(place / segments) * dimensions + (place % segments) * width;
  const first = ((place % segments) * centroids + c) * width;
  let sum = 0;
  for (let d = 0; d < width; d++) sum += (rows[row + d] - book[first + d]) ** 2;
  return sum;
}

function expectSame(shape: KmeansShape, rows: Float32Array, book: Float32Array, found: Uint32Array, twin: Uint32Array, who: string): void {
  expect(found.length).toBe(twin.length);
  found.forEach((centroid, place) => {
    if (centroid === twin[place]) return;
    const [one, other] = [gap(shape, rows, book, place, centroid), gap(shape, rows, book, place, twin[place])];
    if (one === other || !(Math.abs(one - other) <= TIE * other))
      throw new Error(`${who} ${JSON.stringify(shape)}: place ${place} is ${centroid}, should be ${twin[place]}`);
  });
}

function sampleOf(random: SeededRandom, rows: number, dimensions: number, kind: RowKind): Float32Array<ArrayBuffer> {
  return randomRows(random, 'l2-squared', rows, dimensions, kind);
}

test('with any number of centroids, segments, rows and dimensions rows go where the scalar twin sends them', async () => {
  const random = new SeededRandom(1);
  for (const kind of ['random', 'duplicates', 'equal'] as const)
    for (const [rows, segments, width, centroids] of [
      [1, 1, 1, 1],
      [63, 3, 1 + random.int(9), 5],
      [65, 1 + random.int(7), 2 * random.int(20) + 1, 1 + random.int(300)],
      [40, 4, 1_024, 7],
      [60_000 + random.int(40_000), 1, 1 + random.int(2), 9],
    ]) {
      const shape = { rows, dimensions: segments * width, segments, centroids };
      const sample = sampleOf(random, rows, shape.dimensions, kind);
      // Some centroids twice, of which the first is the nearest.
      const book = sampleOf(random, centroids, shape.dimensions, kind === 'equal' ? 'random' : kind);
      expectSame(shape, sample, book, await assigned(shape, sample, book), assignCentroids(shape, sample, book), 'scalar');
    }
});

test.each([1, 2, 4, 8, 16])(
  'of 256 centroids of %i dimensions rows go where the engine codes them, and means are its means',
  async (width) => {
    const random = new SeededRandom(width);
    for (const [dimensions, rows] of [
      [16, 1 + random.int(1_500)],
      [48, 257],
      [width < 4 ? 160 : 1_536, 300],
    ]) {
      const shape = { rows, dimensions, segments: dimensions / width, centroids: 256 };
      const sample = sampleOf(random, rows, dimensions, rows % 2 === 0 ? 'random' : 'duplicates');
      const book = sampleOf(random, 256, dimensions, 'random');
      const found = await assigned(shape, sample, book);
      expectSame(shape, sample, book, found, wasmAssign(shape, sample, book), 'wasm');
      expectSame(shape, sample, book, found, assignCentroids(shape, sample, book), 'scalar');
    }
    const shape = { rows: 700, dimensions: 32, segments: 32 / width, centroids: 256 };
    // Whole numbers, whose sums are exact in every order.
    const sample = Float32Array.from({ length: shape.rows * 32 }, () => random.int(1_000));
    const start = new Float32Array(256 * 32);
    for (let segment = 0; segment < shape.segments; segment++)
      for (let c = 0; c < 256; c++) {
        const from = Math.floor((c * shape.rows) / 256) * 32 + segment * width;
        start.set(sample.subarray(from, from + width), (segment * 256 + c) * width);
      }
    const trained = await gpu.exclusive(() => trainCentroids(gpu, { ...shape, sample, start, iterations: 3 }));
    const engine = wasmTrain(shape, sample, 2);
    const scalar = start.slice();
    for (let i = 0; i < 2; i++) moveCentroids(shape, sample, assignCentroids(shape, sample, scalar), scalar);
    trained.centroids.forEach((value, i) => {
      expect(Math.abs(value - engine[i])).toBeLessThanOrEqual(MEAN_TOLERANCE * 1_000);
      expect(Math.abs(value - scalar[i])).toBeLessThanOrEqual(MEAN_TOLERANCE * 1_000);
    });
  },
);
