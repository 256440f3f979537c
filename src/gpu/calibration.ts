/**
 * Measures what a device can do, once; the result is kept by adapter in the key-value store that is passed in (IndexedDB in a
 * browser), so that later sessions start with it. Also finds the tile shape that this device runs fastest.
 *
 * Takes a few tens of milliseconds on hardware. A software adapter is not measured: nothing is ever sent to it by itself.
 */
import type { Clock } from '../core/clock.ts';
import { SeededRandom } from '../core/clock.ts';
import type { RowFormat, RowType } from '../kernels/gpu/row-format.ts';
import { gatherParams } from '../kernels/gpu/gather-rows.ts';
import { TILE_SHAPES } from '../kernels/gpu/tile-distances.ts';
import { codeSpace } from '../kernels/scalar/gpu-codes.ts';
import { withBatch } from './command-batch.ts';
import { exactSearch } from './exact-search.ts';
import type { GpuDevice } from './gpu-device.ts';
import type { GpuCosts } from './gpu-planner.ts';
import { drawLevels, buildGraph } from './graph-build.ts';
import { dropGraph, graphSearch, uploadGraph } from './graph-search.ts';
import { gatherKernel } from './kernels.ts';
import { RowTable } from './row-table.ts';

/** Where calibrations are kept: `idb-keyval`'s get and set in a browser, a Map in tests. */
export interface KeyValueStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
}

export interface Calibration {
  /** Raised when what is measured changes; an older one is measured again. */
  readonly version: 1;
  readonly costs: GpuCosts;
  /** Index into `TILE_SHAPES`. */
  readonly shape: number;
}

/** Rows, dimensions and queries of the measured scan; about 1.6 billion terms. */
export interface CalibrationSize {
  readonly rows: number;
  readonly dimensions: number;
  readonly queries: number;
}
const SIZE: CalibrationSize = { rows: 16_384, dimensions: 384, queries: 256 };
const SCRATCH_BYTES = 2 ** 25;
const ROUNDS = 3;

const keyOf = (gpu: GpuDevice): string => `heddle-gpu:${gpu.facts.description}`;

/** The kept calibration of this adapter, or a new one. */
export async function calibrated(gpu: GpuDevice, clock: Clock, store: KeyValueStore | null): Promise<Calibration> {
  const known = (await store?.get(keyOf(gpu))) as Calibration | undefined;
  if (known?.version === 1 && TILE_SHAPES[known.shape]) return known;
  const fresh = await calibrate(gpu, clock);
  await keepCalibration(gpu, store, fresh);
  return fresh;
}

export async function keepCalibration(gpu: GpuDevice, store: KeyValueStore | null, calibration: Calibration): Promise<void> {
  await store?.set(keyOf(gpu), calibration);
}

/** Measures; runs inside `exclusive`. */
export async function calibrate(gpu: GpuDevice, clock: Clock, size: CalibrationSize = SIZE): Promise<Calibration> {
  const random = new SeededRandom(1);
  const sample = Float32Array.from({ length: size.rows * size.dimensions }, () => random.next() - 0.5);
  const queries = sample.slice(0, size.queries * size.dimensions);
  const roundTripMs = await best(clock, () => roundTrip(gpu));
  const uploadMs = await best(clock, () => upload(gpu, sample));
  const uploadBytesPerMs = sample.byteLength / Math.max(uploadMs - roundTripMs, 0.01);
  const terms = size.rows * size.queries * size.dimensions;

  let shape = 0;
  const scanTermsPerMs = { f32: 0, f16: 0, u7: 0 };
  let walkTermsPerMs = 0;
  for (const rowType of ['f32', 'f16', 'u7'] as const) {
    const table = await tableOf(gpu, rowType, size, sample);
    const scan = (tile: number): Promise<unknown> =>
      exactSearch(gpu, { table, queries, k: 10, allow: null, shape: TILE_SHAPES[tile], scratchBytesMax: SCRATCH_BYTES });
    if (rowType === 'f32') shape = await fastestShape(clock, scan);
    scanTermsPerMs[rowType] = terms / Math.max((await best(clock, () => scan(shape))) - roundTripMs, 0.01);
    if (rowType === 'f32') walkTermsPerMs = await walkRate(gpu, clock, table, queries, shape, roundTripMs);
    table.drop();
  }
  return { version: 1, costs: { roundTripMs, uploadBytesPerMs, scanTermsPerMs, walkTermsPerMs }, shape };
}

async function best(clock: Clock, run: () => Promise<unknown>): Promise<number> {
  await run();
  let least = Infinity;
  for (let i = 0; i < ROUNDS; i++) {
    const started = clock.monotonic();
    await run();
    least = Math.min(least, clock.monotonic() - started);
  }
  return least;
}

async function fastestShape(clock: Clock, scan: (tile: number) => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let tile = 0; tile < TILE_SHAPES.length; tile++) took.push(await best(clock, () => scan(tile)));
  return took.indexOf(Math.min(...took));
}

async function tableOf(gpu: GpuDevice, rowType: RowType, size: CalibrationSize, sample: Float32Array): Promise<RowTable> {
  const format: RowFormat = { rowType, distance: 'dot', packedDot: gpu.facts.packedDot };
  const table = new RowTable(gpu, { format, dimensions: size.dimensions, space: rowType === 'u7' ? codeSpace(-0.5, 0.5) : null });
  await table.append(Uint32Array.from({ length: size.rows }, (_, i) => i), sample);
  return table;
}

function roundTrip(gpu: GpuDevice): Promise<unknown> {
  return withBatch(gpu, async (batch) => {
    const one = batch.upload(Uint32Array.of(0, 0, 0, 0));
    const out = batch.scratch(16);
    batch.dispatch(await gatherKernel(gpu), { 1: one, 2: batch.upload(Uint32Array.of(0)), 3: out }, gatherParams({ rows: 1, wordsOfRow: 1, gridX: 1 }), 1);
    return batch.read({ buffer: out, bytes: 4 });
  });
}

function upload(gpu: GpuDevice, sample: Float32Array<ArrayBuffer>): Promise<unknown> {
  return withBatch(gpu, async (batch) => batch.read({ buffer: batch.upload(sample), bytes: 4 }));
}

async function walkRate(gpu: GpuDevice, clock: Clock, table: RowTable, queries: Float32Array, shape: number, roundTripMs: number): Promise<number> {
  const levels = drawLevels(table.count, 255, () => 0);
  const built = await buildGraph(gpu, table, { maxConnections: 8, efConstruction: 32, levels, shape: TILE_SHAPES[shape], scratchBytesMax: SCRATCH_BYTES, scanRowsMax: Infinity });
  const { degree, links, rows } = built.levels[0];
  const graph = uploadGraph(gpu, { degree, links, seeds: rows.slice(0, 64) });
  let scored = 0;
  const took = await best(clock, async () => {
    ({ scored } = await graphSearch(gpu, { table, graph, exact: null, queries, k: 10, ef: 64, rescore: 10 }));
  });
  dropGraph(gpu, graph);
  return (scored * table.dimensions) / Math.max(took - roundTripMs, 0.01);
}
