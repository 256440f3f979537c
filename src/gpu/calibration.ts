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

const keyOf = (gpu: Pick<GpuDevice, 'facts'>): string => `heddle-gpu:${gpu.facts.description}`;

/** The kept calibration of this adapter, or a new one, which is kept. */
export async function calibrated(
  gpu: Pick<GpuDevice, 'facts'>,
  store: KeyValueStore | null,
  measure: () => Promise<Calibration>,
): Promise<Calibration> {
  const known = (await store?.get(keyOf(gpu))) as Calibration | undefined;
  if (known?.version === 1 && TILE_SHAPES[known.shape]) return known;
  const fresh = await measure();
  await keepCalibration(gpu, store, fresh);
  return fresh;
}

export async function keepCalibration(gpu: Pick<GpuDevice, 'facts'>, store: KeyValueStore | null, calibration: Calibration): Promise<void> {
  await store?.set(keyOf(gpu), calibration);
}

/** Measures; runs inside `exclusive`. f16 rows are read like f32 ones and differ little in speed, so they get the same figure. */
export async function calibrate(
  gpu: GpuDevice,
  clock: Clock,
  size: CalibrationSize = SIZE,
  shapes = TILE_SHAPES.length,
): Promise<Calibration> {
  const random = new SeededRandom(1);
  const sample = Float32Array.from({ length: size.rows * size.dimensions }, () => random.next() - 0.5);
  const queries = sample.slice(0, size.queries * size.dimensions);
  const roundTripMs = await best(clock, () => roundTrip(gpu));
  const uploadMs = await best(clock, () => upload(gpu, sample));
  const uploadBytesPerMs = sample.byteLength / workMs(uploadMs, roundTripMs);
  const terms = size.rows * size.queries * size.dimensions;

  const floats = await tableOf(gpu, 'f32', size, sample);
  const shape = await fastestShape(clock, shapes, (tile) => scan(gpu, floats, queries, tile));
  const f32 = terms / workMs(await best(clock, () => scan(gpu, floats, queries, shape)), roundTripMs);
  floats.drop();
  const codes = await tableOf(gpu, 'u7', size, sample);
  const u7 = terms / workMs(await best(clock, () => scan(gpu, codes, queries, shape)), roundTripMs);
  const walkTermsPerMs = await walkRate(gpu, clock, codes, queries, roundTripMs);
  codes.drop();
  return { version: 1, costs: { roundTripMs, uploadBytesPerMs, scanTermsPerMs: { f32, f16: f32, u7 }, walkTermsPerMs }, shape };
}

/** Time without the round trip; never nothing, as clocks are coarse. */
const workMs = (tookMs: number, roundTripMs: number): number => Math.max(tookMs - roundTripMs, 0.01);

const scan = (gpu: GpuDevice, table: RowTable, queries: Float32Array, tile: number): Promise<unknown> =>
  exactSearch(gpu, { table, queries, k: 10, allow: null, shape: TILE_SHAPES[tile], scratchBytesMax: SCRATCH_BYTES });

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

async function fastestShape(clock: Clock, shapes: number, run: (tile: number) => Promise<unknown>): Promise<number> {
  if (shapes === 1) return 0;
  const took: number[] = [];
  for (let tile = 0; tile < shapes; tile++) took.push(await best(clock, () => run(tile)));
  return took.indexOf(Math.min(...took));
}

async function tableOf(gpu: GpuDevice, rowType: RowType, size: CalibrationSize, sample: Float32Array): Promise<RowTable> {
  const format: RowFormat = { rowType, distance: 'dot', packedDot: gpu.facts.packedDot };
  const table = new RowTable(gpu, { format, dimensions: size.dimensions, space: rowType === 'u7' ? codeSpace(-0.5, 0.5) : null });
  await table.append(
    Uint32Array.from({ length: size.rows }, (_, i) => i),
    sample,
  );
  return table;
}

function roundTrip(gpu: GpuDevice): Promise<unknown> {
  return withBatch(gpu, async (batch) => {
    const one = batch.upload(Uint32Array.of(0, 0, 0, 0));
    const out = batch.scratch(16);
    batch.dispatch(
      await gatherKernel(gpu),
      { 1: one, 2: batch.upload(Uint32Array.of(0)), 3: out },
      gatherParams({ rows: 1, wordsOfRow: 1, gridX: 1 }),
      1,
    );
    return batch.read({ buffer: out, bytes: 4 });
  });
}

function upload(gpu: GpuDevice, sample: Float32Array<ArrayBuffer>): Promise<unknown> {
  return withBatch(gpu, async (batch) => batch.read({ buffer: batch.upload(sample), bytes: 4 }));
}

/** Walks links drawn at random: what costs is reading rows in no order, whichever rows they are. */
async function walkRate(gpu: GpuDevice, clock: Clock, table: RowTable, queries: Float32Array, roundTripMs: number): Promise<number> {
  const random = new SeededRandom(2);
  const degree = 16;
  const graph = uploadGraph(gpu, {
    degree,
    links: Uint32Array.from({ length: table.count * degree }, () => random.int(table.count)),
    seeds: Uint32Array.of(0),
  });
  let scored = 0;
  const took = await best(clock, async () => {
    ({ scored } = await graphSearch(gpu, { table, graph, exact: null, queries, k: 10, ef: 64, rescore: 10 }));
  });
  dropGraph(gpu, graph);
  return (scored * table.dimensions) / workMs(took, roundTripMs);
}
