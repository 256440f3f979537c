/**
 * npm run bench -- gpu [--rows 100000] [--dimensions 384] [--only kernels,exact,graph,million] [--json FILE]
 *
 * The GPU's kernels through Dawn in Node: whether they compute what plain code computes, and on hardware how fast exact search,
 * batched graph search and graph building are, next to the wasm engine in the same run.
 *
 * On a software adapter everything is run at a small size, for the rows of the report; figures of speed are then left out and
 * named as missing, since they would say nothing.
 */
import { SeededRandom, systemClock } from '../../../src/core/clock.ts';
import { calibrate } from '../../../src/gpu/calibration.ts';
import { exactSearch, type GpuHits } from '../../../src/gpu/exact-search.ts';
import { openGpuDevice, type GpuDevice } from '../../../src/gpu/gpu-device.ts';
import { buildGraph, drawLevels, type BuiltGraph } from '../../../src/gpu/graph-build.ts';
import { dropGraph, graphSearch, uploadGraph } from '../../../src/gpu/graph-search.ts';
import { RowTable } from '../../../src/gpu/row-table.ts';
import { selfTest, type KernelFamily } from '../../../src/gpu/self-test.ts';
import type { RowFormat, RowType } from '../../../src/kernels/gpu/row-format.ts';
import { TILE_SHAPES } from '../../../src/kernels/gpu/tile-distances.ts';
import { codeSpace } from '../../../src/kernels/scalar/gpu-codes.ts';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { rounded } from '../../run/statistics.ts';
import { openDawn } from './dawn.ts';
import { FIGURES } from './figures.ts';
import { peakPerSecond } from './peak.ts';
import { wasmIndex } from './wasm-index.ts';

export const figures = FIGURES;

const QUERIES = 1000;
const K = 10;
const M = 16;
const EF_CONSTRUCTION = 128;
const MEMORY_BYTES_MAX = 8 * 2 ** 30;
const SCRATCH_BYTES_MAX = 2 ** 27;
const SCAN_ROWS_MAX = 32_768;
const ROUNDS = 5;
const WIDTHS = [16, 24, 32, 48, 64, 96, 128, 192, 256];
/** On a software adapter: enough to see that all parts run. */
const SOFTWARE_WIDTHS = [32, 128];
const SOFTWARE_QUERIES = 16;
const DISTANCES = ['cosine', 'dot', 'l2-squared', 'manhattan', 'hamming'] as const;
const ROW_TYPES = ['f32', 'f16', 'u7'] as const;

interface Bench {
  readonly context: BenchContext;
  readonly gpu: GpuDevice;
  readonly shape: number;
  readonly figures: Figure[];
  readonly rows: Record<string, unknown>[];
}

export async function run(context: BenchContext): Promise<SuiteResult> {
  const dawn = await openDawn();
  const gpu = dawn && (await openGpuDevice({ gpu: dawn, memoryBytesMax: MEMORY_BYTES_MAX }));
  if (!gpu) return { figures: [], rows: [], missing: FIGURES.map((name) => ({ name, reason: 'no WebGPU adapter in Node' })) };
  const { isSoftware, description } = gpu.facts;
  context.log(`adapter: ${description}${isSoftware ? ' (software)' : ''}`);
  const calibration = isSoftware ? null : await gpu.exclusive(() => calibrate(gpu, systemClock));
  const bench: Bench = { context, gpu, shape: calibration?.shape ?? 0, figures: [], rows: [] };
  bench.figures.push({ name: 'gpu.adapter', value: `${description}${isSoftware ? ' (software)' : ''}`, unit: '' });
  bench.rows.push({ what: 'adapter', ...gpu.facts, calibration });
  const only = context.option('only')?.split(',');
  const wants = (part: string): boolean => only?.includes(part) ?? true;
  if (wants('kernels')) await checkKernels(bench);

  const count = Number(context.option('rows') ?? (isSoftware ? 1_200 : 100_000));
  const dimensions = Number(context.option('dimensions') ?? (isSoftware ? 48 : 384));
  const queryCount = isSoftware ? SOFTWARE_QUERIES : QUERIES;
  const sample = clustered(count + queryCount, dimensions);
  const rows = sample.subarray(0, count * dimensions);
  const queries = sample.slice(count * dimensions);
  const isStated = !isSoftware && count === 100_000 && dimensions === 384;
  if (wants('exact')) await benchExact(bench, rows, queries, dimensions, isStated);
  if (wants('graph')) await benchGraph(bench, rows, queries, dimensions, isStated);
  if (!isSoftware && wants('million')) await benchMillion(bench, dimensions);

  const given = new Set(bench.figures.map(({ name }) => name));
  const reason = only
    ? 'left out by --only'
    : isSoftware
      ? 'software adapter: speed is not measured on it'
      : 'measured at another size, or over a limit of this device; see the rows';
  return {
    figures: bench.figures,
    rows: bench.rows,
    missing: FIGURES.filter((name) => !given.has(name)).map((name) => ({ name, reason })),
  };
}

/** Every kernel family for every format, against plain code. */
async function checkKernels({ context, gpu, shape, figures: out, rows }: Bench): Promise<void> {
  let checked = 0;
  const wrong: string[] = [];
  const check = async (family: KernelFamily, format: RowFormat): Promise<void> => {
    const says = await gpu.exclusive(() => selfTest(gpu, family, format, shape)).catch((error: unknown) => String(error));
    checked++;
    if (says !== null) wrong.push(`${family} ${format.rowType} ${format.distance}: ${says}`);
  };
  for (const distance of DISTANCES)
    for (const rowType of ROW_TYPES) {
      const format: RowFormat = { rowType, distance, packedDot: gpu.facts.packedDot };
      await check('exact', format);
      await check('graph', format);
      if (rowType !== 'u7') await check('build', format);
    }
  await check('kmeans', { rowType: 'f32', distance: 'l2-squared', packedDot: false });
  context.log(`kernels: ${checked} checked, ${wrong.length} wrong`);
  out.push(
    { name: 'gpu.kernels', value: checked, unit: 'kernels' },
    { name: 'gpu.kernels-wrong', value: wrong.length, unit: 'kernels', goal: '= 0' },
  );
  rows.push({ what: 'kernels', checked, wrong });
}

/** Rows around 1,000 centres in a space of 48 latent dimensions, with noise, of unit length. */
function clustered(count: number, dimensions: number): Float32Array<ArrayBuffer> {
  const random = new SeededRandom(42);
  const latent = Math.min(48, dimensions);
  const gauss = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const basis = Float32Array.from({ length: latent * dimensions }, gauss);
  const centres = Float32Array.from({ length: 1000 * latent }, gauss);
  const rows = new Float32Array(count * dimensions);
  const place = new Float32Array(latent);
  for (let i = 0; i < count; i++) {
    const centre = random.int(1000) * latent;
    for (let l = 0; l < latent; l++) place[l] = centres[centre + l] + 0.6 * gauss();
    let norm = 0;
    for (let d = 0; d < dimensions; d++) {
      let value = 0.1 * gauss();
      for (let l = 0; l < latent; l++) value += place[l] * basis[l * dimensions + d];
      rows[i * dimensions + d] = value;
      norm += value * value;
    }
    for (let d = 0; d < dimensions; d++) rows[i * dimensions + d] /= Math.sqrt(norm);
  }
  return rows;
}

async function tableOf(gpu: GpuDevice, rowType: RowType, rows: Float32Array, dimensions: number): Promise<RowTable> {
  const format: RowFormat = { rowType, distance: 'cosine', packedDot: gpu.facts.packedDot };
  let high = 0;
  for (const value of rows) high = Math.max(high, Math.abs(value));
  const table = new RowTable(gpu, { format, dimensions, space: rowType === 'u7' ? codeSpace(-high, high) : null });
  const count = rows.length / dimensions;
  await gpu.exclusive(async () => {
    await table.reserve(count);
    const block = 16_384;
    for (let at = 0; at < count; at += block) {
      const end = Math.min(count, at + block);
      await table.append(
        Uint32Array.from({ length: end - at }, (_, i) => at + i),
        rows.subarray(at * dimensions, end * dimensions),
      );
    }
    await gpu.wait(gpu.device.queue.onSubmittedWorkDone());
  });
  return table;
}

async function bestMs(gpu: GpuDevice, run: () => Promise<unknown>): Promise<number> {
  await run();
  let best = Infinity;
  for (let round = 0; round < (gpu.facts.isSoftware ? 1 : ROUNDS); round++) {
    const started = performance.now();
    await run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

const scan = (bench: Bench, table: RowTable, queries: Float32Array): Promise<GpuHits> =>
  bench.gpu.exclusive(() =>
    exactSearch(bench.gpu, { table, queries, k: K, allow: null, shape: TILE_SHAPES[bench.shape], scratchBytesMax: SCRATCH_BYTES_MAX }),
  );

async function benchExact(bench: Bench, rows: Float32Array, queries: Float32Array, dimensions: number, isStated: boolean): Promise<void> {
  const { gpu } = bench;
  const groups = gpu.facts.isSoftware ? 2 : 4096;
  const shares: number[] = [];
  for (const rowType of ROW_TYPES) {
    const uploadStarted = performance.now();
    const table = await tableOf(gpu, rowType, rows, dimensions);
    const uploadMs = performance.now() - uploadStarted;
    const ms = await bestMs(gpu, () => scan(bench, table, queries));
    const perSecond = (queries.length * table.count) / (ms / 1000);
    const peak = await gpu.exclusive(() => peakPerSecond(gpu, rowType === 'u7' ? 'u7' : 'f32', groups));
    shares.push(perSecond / peak);
    bench.rows.push({
      what: 'exact',
      rowType,
      rows: table.count,
      dimensions,
      queries: queries.length / dimensions,
      ms,
      multiplyAddsPerS: perSecond,
      peakPerS: peak,
      encodeAndUploadMs: uploadMs,
      bytes: table.count * table.rowBytes,
    });
    bench.context.log(
      `exact ${rowType}: ${ms.toFixed(2)} ms, ${(perSecond / 1e9).toFixed(1)} G multiply-adds/s, peak ${(peak / 1e9).toFixed(1)}`,
    );
    if (rowType === 'f32' && isStated)
      bench.figures.push({ name: 'gpu.exact.1k-queries-ms', value: rounded(ms), unit: 'ms', goal: '<= 30' });
    table.drop();
  }
  if (isStated) bench.figures.push({ name: 'gpu.exact.share-of-peak', value: rounded(Math.max(...shares)), unit: 'share', goal: '>= 0.4' });
}

async function benchGraph(bench: Bench, rows: Float32Array, queries: Float32Array, dimensions: number, isStated: boolean): Promise<void> {
  const { gpu, context } = bench;
  const floats = await tableOf(gpu, 'f32', rows, dimensions);
  const codes = await tableOf(gpu, 'u7', rows, dimensions);
  const truth = (await scan(bench, floats, queries)).docIDs;
  const recallOf = (ids: Uint32Array): number => {
    let hits = 0;
    for (let q = 0; q * K < truth.length; q++) {
      const wanted = new Set(truth.subarray(q * K, (q + 1) * K));
      for (const id of ids.subarray(q * K, (q + 1) * K)) if (wanted.has(id)) hits++;
    }
    return hits / truth.length;
  };
  const started = performance.now();
  const built = await build(bench, floats);
  const buildS = (performance.now() - started) / 1000;
  bench.rows.push({ what: 'build', rows: floats.count, dimensions, seconds: buildS });
  context.log(`build: ${floats.count} rows in ${buildS.toFixed(2)} s`);
  if (isStated) bench.figures.push({ name: 'gpu.build-100k-s', value: rounded(buildS), unit: 's', goal: '<= 3' });

  const wasm = wasmIndex(rows, dimensions, M, EF_CONSTRUCTION, K);
  context.log(`wasm: ${wasm.buildCpuS.toFixed(1)} CPU s to build`);
  bench.rows.push({ what: 'wasm build', cpuSeconds: wasm.buildCpuS });
  const { degree, links } = built.levels[0];
  const graph = uploadGraph(gpu, { degree, links, seeds: seedsOf(built) });
  const reached: Record<string, number> = {};
  const losses: number[] = [];
  for (const ef of gpu.facts.isSoftware ? SOFTWARE_WIDTHS : WIDTHS) {
    const search = (): ReturnType<typeof graphSearch> =>
      gpu.exclusive(() => graphSearch(gpu, { table: codes, graph, exact: floats, queries, k: K, ef, rescore: 2 * K }));
    const hits = await search();
    const gpuMs = await bestMs(gpu, search);
    const theirs = wasm.search(queries, ef);
    const row = {
      what: 'graph search',
      ef,
      gpuRecall: recallOf(hits.docIDs),
      gpuPerS: queries.length / dimensions / (gpuMs / 1000),
      wasmRecall: recallOf(theirs.docIDs),
      wasmPerCpuS: theirs.perCpuS,
      hops: hits.hops,
      scored: hits.scored,
    };
    bench.rows.push(row);
    losses.push(row.wasmRecall - row.gpuRecall);
    if (row.gpuRecall >= 0.95) reached.gpu ??= row.gpuPerS;
    if (row.wasmRecall >= 0.95) reached.wasm ??= row.wasmPerCpuS;
  }
  dropGraph(gpu, graph);
  bench.figures.push({ name: 'gpu.build.recall-loss', value: rounded(Math.max(...losses.slice(-5))), unit: 'recall', goal: '<= 0.005' });
  if (isStated && reached.gpu && reached.wasm)
    bench.figures.push({ name: 'gpu.graph-search.vs-wasm', value: rounded(reached.gpu / reached.wasm), unit: '×', goal: '>= 10' });
  floats.drop();
  codes.drop();
}

const seedsOf = (built: BuiltGraph): Uint32Array<ArrayBuffer> =>
  (built.levels.findLast((level) => level.rows.length >= 64) ?? built.levels[0]).rows;

function build(bench: Bench, table: RowTable): Promise<BuiltGraph> {
  const random = new SeededRandom(3);
  const levels = drawLevels(table.count, M, () => random.next());
  const options = {
    maxConnections: M,
    efConstruction: EF_CONSTRUCTION,
    levels,
    shape: TILE_SHAPES[bench.shape],
    scratchBytesMax: SCRATCH_BYTES_MAX,
    scanRowsMax: SCAN_ROWS_MAX,
  };
  return bench.gpu.exclusive(() => buildGraph(bench.gpu, table, options));
}

async function benchMillion(bench: Bench, dimensions: number): Promise<void> {
  try {
    const rows = clustered(1_000_000, dimensions);
    const table = await tableOf(bench.gpu, 'f16', rows, dimensions);
    const started = performance.now();
    await build(bench, table);
    const seconds = (performance.now() - started) / 1000;
    bench.figures.push({ name: 'gpu.build-1m-s', value: rounded(seconds), unit: 's', goal: '<= 40' });
    table.drop();
  } catch (error) {
    bench.rows.push({ what: 'build 1m', failed: String(error) });
  }
}
