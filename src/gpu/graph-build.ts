/**
 * Builds an HNSW graph from a table of float rows, on the GPU.
 *
 * Rows are inserted in batches in the order in which they lie in the table, which the caller has shuffled: early rows thus get
 * long links and late ones short links, as in one-by-one insertion (Malkov and Yashunin 2016), and the result is an ordinary
 * HNSW graph. For each batch:
 *  1. candidates among the rows before: by exact scan while there are few (`scanRowsMax`), by a walk of the graph so far above;
 *  2. candidates within the batch, exact, among the rows before the row: as if rows had come one by one;
 *  3. the heuristic picks at most M links a row (`prune-links`, forward);
 *  4. each linked row takes the new rows into its own list, pruned again where it overflows (reverse).
 *
 * Levels are drawn as HNSW does; the rows of each upper level are gathered into a small table and linked in the same manner.
 * Why not a k-nearest-neighbour graph by NN-descent: docs/adr/gpu-batches-never-hops.md.
 */
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import { gatherParams, GATHER_LANES } from '../kernels/gpu/gather-rows.ts';
import { WALK_SEEDS_MAX, walkHashEntries, walkParams } from '../kernels/gpu/graph-walk.ts';
import { pruneParams, PRUNE_CANDIDATES_MAX } from '../kernels/gpu/prune-links.ts';
import { selectParams, selectWidthFor } from '../kernels/gpu/select-nearest.ts';
import { tileParams, tileSide, type TileShape } from '../kernels/gpu/tile-distances.ts';
import { withBatch, type CommandBatch } from './command-batch.ts';
import type { GpuDevice } from './gpu-device.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { GRID_X, walkWidth, walkWidthMax } from './graph-search.ts';
import { gatherKernel, pruneKernel, selectKernel, tileKernel, walkKernel } from './kernels.ts';
import type { RowTable } from './row-table.ts';

export interface BuildOptions {
  /** Links of a row on upper levels; twice as many on level 0. */
  readonly maxConnections: number;
  readonly efConstruction: number;
  /** Level of each row of the table, 0 for most. */
  readonly levels: Uint8Array;
  readonly shape: TileShape;
  readonly scratchBytesMax: number;
  /** Below this many rows before a batch, candidates come from an exact scan. */
  readonly scanRowsMax: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One level: `rows[i]` is the table row of the i-th node, `links` are node numbers `[nodes × degree]`, padded with EMPTY. */
export interface BuiltLevel {
  readonly degree: number;
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly links: Uint32Array<ArrayBuffer>;
}

export interface BuiltGraph {
  /** Level 0 first; its node numbers are row numbers. */
  readonly levels: readonly BuiltLevel[];
  /** Row of the entry point: the first of the highest level. */
  readonly entry: number;
}

/** What building needs of a table. */
type Rows = Pick<RowTable, 'format' | 'words' | 'rowBytes' | 'rows'> & { readonly count: number };

/** The smallest and largest batch; a batch is at most a quarter of the rows before it, so that walks see most of the graph. */
const BATCH_MIN = 512;
const BATCH_MAX = 8192;
/** Neighbours inside the batch that are offered to the heuristic. */
export const BUILD_INSIDE = 64;

export async function buildGraph(gpu: GpuDevice, table: RowTable, options: BuildOptions): Promise<BuiltGraph> {
  if (table.format.rowType === 'u7') throw new GpuUnavailable('limit', 'graphs are built on float rows');
  const levels: BuiltLevel[] = [];
  const highest = options.levels.subarray(0, table.count).reduce((high, level) => Math.max(high, level), 0);
  const all = Uint32Array.from({ length: table.count }, (_, i) => i);
  for (let level = 0; level <= highest; level++) {
    const rows = level === 0 ? all : all.filter((row) => options.levels[row] >= level);
    const degree = level === 0 ? 2 * options.maxConnections : options.maxConnections;
    levels.push({ degree, rows, links: await buildLevel(gpu, table, rows, degree, level, options) });
  }
  return { levels, entry: levels[levels.length - 1].rows[0] ?? EMPTY };
}

async function buildLevel(
  gpu: GpuDevice,
  table: RowTable,
  rows: Uint32Array<ArrayBuffer>,
  degree: number,
  level: number,
  options: BuildOptions,
): Promise<Uint32Array<ArrayBuffer>> {
  if (rows.length === 0) return new Uint32Array(0);
  return withBatch(gpu, async (batch) => {
    const members: Rows = level === 0 ? table : await gatherRows(gpu, batch, table, rows);
    const links = batch.scratch(rows.length * degree * 4);
    for (let first = 0; first < rows.length;) {
      const size = Math.min(rows.length - first, Math.max(BATCH_MIN, Math.min(BATCH_MAX, first >> 2)));
      await withBatch(gpu, (step) => insertBatch(gpu, step, members, links, degree, first, size, options));
      first += size;
      if (level === 0) options.onProgress?.(first, rows.length);
    }
    const [bytes] = await batch.read({ buffer: links, bytes: rows.length * degree * 4 });
    return new Uint32Array(bytes);
  });
}

async function gatherRows(gpu: GpuDevice, batch: CommandBatch, table: RowTable, rows: Uint32Array<ArrayBuffer>): Promise<Rows> {
  const gathered = batch.scratch(rows.length * table.rowBytes);
  const groups = Math.ceil((rows.length * table.rowBytes) / 4 / GATHER_LANES);
  const gridX = Math.min(groups, GRID_X);
  const params = gatherParams({ rows: rows.length, wordsOfRow: table.rowBytes / 4, gridX });
  batch.dispatch(await gatherKernel(gpu), { 1: table.rows, 2: batch.upload(rows), 3: gathered }, params, gridX, Math.ceil(groups / gridX));
  batch.flush();
  return { format: table.format, words: table.words, rowBytes: table.rowBytes, rows: gathered, count: rows.length };
}

async function insertBatch(
  gpu: GpuDevice,
  batch: CommandBatch,
  rows: Rows,
  links: GPUBuffer,
  degree: number,
  first: number,
  size: number,
  options: BuildOptions,
): Promise<void> {
  const inside = await scanRows(
    gpu,
    batch,
    rows,
    { firstQuery: first, queries: size, firstRow: first, rows: size, width: selectWidthFor(BUILD_INSIDE), earlierOnly: true },
    options,
  );
  const before = first === 0 ? emptyPairs(batch, size) : await candidatesBefore(gpu, batch, rows, links, degree, first, size, options);
  const keep = Math.min(options.maxConnections, degree);
  const forward = await pruneKernel(gpu, {
    format: rows.format,
    mode: 'forward',
    degree,
    keep,
    widthA: before.width,
    widthB: selectWidthFor(BUILD_INSIDE),
  });
  const gridX = Math.min(size, GRID_X);
  const params = pruneParams({ count: size, words: rows.words, firstRow: first, gridX });
  batch.dispatch(forward, { 1: rows.rows, 2: links, 3: before.pairs, 4: inside }, params, gridX, Math.ceil(size / gridX));
  const chosen = batch.scratch(size * degree * 4);
  batch.copy(links, first * degree * 4, chosen, 0, size * degree * 4);
  const [bytes] = await batch.read({ buffer: chosen, bytes: size * degree * 4 });
  await linkBack(gpu, batch, rows, links, degree, first, new Uint32Array(bytes));
}

function emptyPairs(batch: CommandBatch, size: number): { pairs: GPUBuffer; width: number } {
  return { pairs: batch.upload(new Uint32Array(size * 2).fill(EMPTY)), width: 1 };
}

async function candidatesBefore(
  gpu: GpuDevice,
  batch: CommandBatch,
  rows: Rows,
  links: GPUBuffer,
  degree: number,
  first: number,
  size: number,
  options: BuildOptions,
): Promise<{ pairs: GPUBuffer; width: number }> {
  const ef = Math.min(walkWidth(options.efConstruction), walkWidthMax(gpu, degree), PRUNE_CANDIDATES_MAX / 2);
  if (first < options.scanRowsMax || ef === 0) {
    const width = selectWidthFor(Math.min(options.efConstruction, 256));
    return {
      pairs: await scanRows(
        gpu,
        batch,
        rows,
        { firstQuery: first, queries: size, firstRow: 0, rows: first, width, earlierOnly: false },
        options,
      ),
      width,
    };
  }
  const hashEntries = walkHashEntries(ef, degree, gpu.facts.workgroupBytes);
  const walk = await walkKernel(gpu, { format: rows.format, ef, degree, hashEntries, queryIsRow: true });
  const seeds = Uint32Array.from({ length: Math.min(WALK_SEEDS_MAX, first) }, (_, i) => i);
  const pairs = batch.scratch(size * ef * 8);
  const gridX = Math.min(size, GRID_X);
  const params = walkParams({ queries: size, words: rows.words, firstQuery: first, seeds: seeds.length, gridX });
  batch.dispatch(
    walk,
    { 2: rows.rows, 3: links, 4: batch.upload(seeds), 5: pairs, 6: batch.scratch(size * 8) },
    params,
    gridX,
    Math.ceil(size / gridX),
  );
  batch.flush();
  return { pairs, width: ef };
}

/** Exact nearest of a range of rows for rows of the same table: best lists of (key, place in the range). */
async function scanRows(
  gpu: GpuDevice,
  batch: CommandBatch,
  rows: Rows,
  range: { firstQuery: number; queries: number; firstRow: number; rows: number; width: number; earlierOnly: boolean },
  { shape, scratchBytesMax }: BuildOptions,
): Promise<GPUBuffer> {
  const side = tileSide(shape);
  const width = selectWidthFor(range.width);
  const tile = await tileKernel(gpu, { format: rows.format, shape, gather: false, queryIsRow: true });
  const select = await selectKernel(gpu, { width, source: 'distances', allow: false });
  const chunk = Math.max(side, Math.floor(Math.min(scratchBytesMax, gpu.facts.bindingBytesMax) / (range.queries * 4 * side)) * side);
  const distances = batch.scratch(range.queries * Math.min(chunk, Math.ceil(range.rows / side) * side) * 4);
  const best = batch.scratch(range.queries * width * 8);
  const places = batch.upload(Uint32Array.from({ length: range.rows }, (_, i) => i));
  for (let at = 0; at < range.rows; at += chunk) {
    const count = Math.min(chunk, range.rows - at);
    const params = tileParams({
      queries: range.queries,
      rows: count,
      words: rows.words,
      firstRow: range.firstRow + at,
      firstQuery: range.firstQuery,
      stride: count,
      earlierOnly: range.earlierOnly,
    });
    batch.dispatch(tile, { 2: rows.rows, 3: distances }, params, Math.ceil(count / side), Math.ceil(range.queries / side));
    batch.dispatch(
      select,
      { 1: best, 2: distances, 3: places },
      selectParams({ count, stride: count, firstRow: at, segments: 1, isFirst: at === 0, allowBits: 0 }),
      1,
      range.queries,
    );
    batch.flush();
  }
  return best;
}

/** Offers each new row to the rows it links to; `chosen` is `[size × degree]`. */
async function linkBack(
  gpu: GpuDevice,
  batch: CommandBatch,
  rows: Rows,
  links: GPUBuffer,
  degree: number,
  first: number,
  chosen: Uint32Array,
): Promise<void> {
  const { targets, offsets, incoming } = groupByTarget(chosen, degree, first);
  const reverse = await pruneKernel(gpu, { format: rows.format, mode: 'reverse', degree, keep: degree, widthA: 0, widthB: 0 });
  const gridX = Math.min(targets.length, GRID_X);
  const bindings = { 1: rows.rows, 2: links, 3: batch.upload(targets), 4: batch.upload(offsets), 5: batch.upload(incoming) };
  if (targets.length > 0)
    batch.dispatch(
      reverse,
      bindings,
      pruneParams({ count: targets.length, words: rows.words, firstRow: 0, gridX }),
      gridX,
      Math.ceil(targets.length / gridX),
    );
  batch.flush();
}

/** The links of a batch turned round: for each linked row the new rows that link to it, in rising order. */
export function groupByTarget(
  chosen: Uint32Array,
  degree: number,
  first: number,
): { targets: Uint32Array<ArrayBuffer>; offsets: Uint32Array<ArrayBuffer>; incoming: Uint32Array<ArrayBuffer> } {
  const sources = new Map<number, number[]>();
  for (let i = 0; i < chosen.length; i++) {
    const target = chosen[i];
    if (target === EMPTY) continue;
    const source = first + Math.floor(i / degree);
    const known = sources.get(target);
    if (known) known.push(source);
    else sources.set(target, [source]);
  }
  const targets = Uint32Array.from(sources.keys()).sort();
  const offsets = new Uint32Array(targets.length + 1);
  targets.forEach((target, t) => (offsets[t + 1] = offsets[t] + sources.get(target)!.length));
  const incoming = new Uint32Array(offsets[targets.length]);
  targets.forEach((target, t) => incoming.set(sources.get(target)!, offsets[t]));
  return { targets, offsets, incoming };
}

/** Levels drawn as HNSW does: floor(−ln u ÷ ln M), at most 255. `next` is uniform in [0, 1). */
export function drawLevels(count: number, maxConnections: number, next: () => number): Uint8Array {
  const scale = 1 / Math.log(maxConnections);
  return Uint8Array.from({ length: count }, () => Math.min(255, Math.floor(-Math.log(1 - next()) * scale)));
}
