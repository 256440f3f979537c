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
import { walkWidth, walkWidthMax } from './graph-search.ts';
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

/** A level while it is built. */
interface Level {
  readonly gpu: GpuDevice;
  readonly rows: Rows;
  readonly degree: number;
  /** `[rows × degree]`. */
  readonly links: GPUBuffer;
  readonly options: BuildOptions;
}

/** Rows that are inserted together. */
interface Batch {
  readonly first: number;
  readonly size: number;
}

/** Scored candidates of a batch's rows: pairs of (key, row), `width` a row. */
interface Candidates {
  readonly pairs: GPUBuffer;
  readonly width: number;
}

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
    levels.push(await buildLevel(gpu, table, rows, level === 0, options));
  }
  return { levels, entry: levels[levels.length - 1].rows[0] ?? EMPTY };
}

/** `members`: the table's rows that are on the level; on level 0 (`isBase`) all of them, in order. */
async function buildLevel(
  gpu: GpuDevice,
  table: RowTable,
  members: Uint32Array<ArrayBuffer>,
  isBase: boolean,
  options: BuildOptions,
): Promise<BuiltLevel> {
  const degree = isBase ? 2 * options.maxConnections : options.maxConnections;
  if (members.length === 0) return { degree, rows: members, links: new Uint32Array(0) };
  return withBatch(gpu, async (batch) => {
    const rows: Rows = isBase ? table : await gatherRows(gpu, batch, table, members);
    const bytes = members.length * degree * 4;
    const level: Level = { gpu, rows, degree, links: batch.scratch(bytes), options };
    for (let first = 0; first < members.length;) {
      const size = Math.min(members.length - first, Math.max(BATCH_MIN, Math.min(BATCH_MAX, first >> 2)));
      await withBatch(gpu, (step) => insertBatch(step, level, { first, size }));
      first += size;
      if (isBase) options.onProgress?.(first, members.length);
    }
    const [links] = await batch.read({ buffer: level.links, bytes });
    return { degree, rows: members, links: new Uint32Array(links) };
  });
}

async function gatherRows(gpu: GpuDevice, batch: CommandBatch, table: RowTable, members: Uint32Array<ArrayBuffer>): Promise<Rows> {
  const { format, words, rowBytes } = table;
  const rows = batch.scratch(members.length * rowBytes);
  const wordsOfRow = rowBytes / 4;
  batch.dispatchAll(
    await gatherKernel(gpu),
    { 1: table.rows, 2: batch.upload(members), 3: rows },
    (gridX) => gatherParams({ rows: members.length, wordsOfRow, gridX }),
    Math.ceil((members.length * wordsOfRow) / GATHER_LANES),
  );
  batch.flush();
  return { format, words, rowBytes, rows, count: members.length };
}

async function insertBatch(batch: CommandBatch, level: Level, { first, size }: Batch): Promise<void> {
  const { gpu, rows, links, degree, options } = level;
  const range = { firstQuery: first, queries: size, firstRow: first, rows: size, width: BUILD_INSIDE, earlierOnly: true };
  const inside = await scanRows(batch, level, range);
  const before = first === 0 ? noCandidates(batch, size) : await candidatesBefore(batch, level, { first, size });
  const forward = await pruneKernel(gpu, {
    format: rows.format,
    mode: 'forward',
    degree,
    keep: Math.min(options.maxConnections, degree),
    widthA: before.width,
    widthB: inside.width,
  });
  const bindings = { 1: rows.rows, 2: links, 3: before.pairs, 4: inside.pairs };
  batch.dispatchAll(forward, bindings, (gridX) => pruneParams({ count: size, words: rows.words, firstRow: first, gridX }), size);
  const bytes = size * degree * 4;
  const chosen = batch.scratch(bytes);
  batch.copy(links, first * degree * 4, chosen, 0, bytes);
  const [contents] = await batch.read({ buffer: chosen, bytes });
  await linkBack(batch, level, first, new Uint32Array(contents));
}

const noCandidates = (batch: CommandBatch, size: number): Candidates => ({
  pairs: batch.upload(new Uint32Array(size * 2).fill(EMPTY)),
  width: 1,
});

async function candidatesBefore(batch: CommandBatch, level: Level, { first, size }: Batch): Promise<Candidates> {
  const { gpu, rows, links, degree, options } = level;
  const ef = Math.min(walkWidth(options.efConstruction), walkWidthMax(gpu, degree), PRUNE_CANDIDATES_MAX / 2);
  if (first < options.scanRowsMax || ef === 0) {
    const width = Math.min(options.efConstruction, 256);
    return scanRows(batch, level, { firstQuery: first, queries: size, firstRow: 0, rows: first, width, earlierOnly: false });
  }
  const hashEntries = walkHashEntries(ef, degree, gpu.facts.workgroupBytes);
  const walk = await walkKernel(gpu, { format: rows.format, ef, degree, hashEntries, queryIsRow: true });
  const seeds = Uint32Array.from({ length: Math.min(WALK_SEEDS_MAX, first) }, (_, i) => i);
  const pairs = batch.scratch(size * ef * 8);
  const bindings = { 2: rows.rows, 3: links, 4: batch.upload(seeds), 5: pairs, 6: batch.scratch(size * 8) };
  const params = { queries: size, words: rows.words, firstQuery: first, seeds: seeds.length };
  batch.dispatchAll(walk, bindings, (gridX) => walkParams({ ...params, gridX }), size);
  batch.flush();
  return { pairs, width: ef };
}

/** Exact nearest of a range of rows for rows of the same level: best lists of (key, place in the range), `width` or a few more. */
async function scanRows(
  batch: CommandBatch,
  { gpu, rows, options: { shape, scratchBytesMax } }: Level,
  range: { firstQuery: number; queries: number; firstRow: number; rows: number; width: number; earlierOnly: boolean },
): Promise<Candidates> {
  const side = tileSide(shape);
  const { queries, firstQuery, earlierOnly } = range;
  const width = selectWidthFor(range.width);
  const tile = await tileKernel(gpu, { format: rows.format, shape, gather: false, queryIsRow: true });
  const select = await selectKernel(gpu, { width, source: 'distances', allow: false });
  const chunk = Math.max(side, Math.floor(Math.min(scratchBytesMax, gpu.facts.bindingBytesMax) / (queries * 4 * side)) * side);
  const distances = batch.scratch(queries * Math.min(chunk, Math.ceil(range.rows / side) * side) * 4);
  const best = batch.scratch(queries * width * 8);
  const places = batch.upload(Uint32Array.from({ length: range.rows }, (_, i) => i));
  for (let at = 0; at < range.rows; at += chunk) {
    const count = Math.min(chunk, range.rows - at);
    const firstRow = range.firstRow + at;
    const params = tileParams({ queries, rows: count, words: rows.words, firstRow, firstQuery, stride: count, earlierOnly });
    batch.dispatch(tile, { 2: rows.rows, 3: distances }, params, Math.ceil(count / side), Math.ceil(queries / side));
    const selecting = selectParams({ count, stride: count, firstRow: at, segments: 1, isFirst: at === 0, allowBits: 0 });
    batch.dispatch(select, { 1: best, 2: distances, 3: places }, selecting, 1, queries);
    batch.flush();
  }
  return { pairs: best, width };
}

/** Offers each new row to the rows it links to; `chosen` is `[batch × degree]`. */
async function linkBack(batch: CommandBatch, { gpu, rows, links, degree }: Level, first: number, chosen: Uint32Array): Promise<void> {
  const { targets, offsets, incoming } = groupByTarget(chosen, degree, first);
  const reverse = await pruneKernel(gpu, { format: rows.format, mode: 'reverse', degree, keep: degree, widthA: 0, widthB: 0 });
  const bindings = { 1: rows.rows, 2: links, 3: batch.upload(targets), 4: batch.upload(offsets), 5: batch.upload(incoming) };
  const { length: count } = targets;
  batch.dispatchAll(reverse, bindings, (gridX) => pruneParams({ count, words: rows.words, firstRow: 0, gridX }), count);
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
