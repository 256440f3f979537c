/**
 * Search of a proximity graph for a batch of queries: the walk over level 0, then exact distances of the best candidates,
 * then the k nearest of those.
 *
 * The graph lies over the walked table's rows (usually codes). Rescoring reads a second table that holds the same docIDs as
 * floats; where there is none the caller rescores, and gets the walk's own distances.
 */
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import { scorePairsParams } from '../kernels/gpu/score-pairs.ts';
import { selectWidthFor } from '../kernels/gpu/select-nearest.ts';
import { WALK_DEGREE_MAX, WALK_SEEDS_MAX, walkHashEntries, walkParams } from '../kernels/gpu/graph-walk.ts';
import { withBatch, type CommandBatch } from './command-batch.ts';
import { mergeSegments, unpack, type GpuHits } from './exact-search.ts';
import type { GpuDevice } from './gpu-device.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { scoreKernel, walkKernel } from './kernels.ts';
import { encodeQueries } from './row-words.ts';
import type { RowTable } from './row-table.ts';

/** Level 0 of a graph as any engine can export it. Row numbers are those of the table that is walked. */
export interface GraphView {
  readonly degree: number;
  /** `[rows × degree]`, padded with EMPTY. */
  readonly links: Uint32Array<ArrayBuffer>;
  /** Rows that the walk starts from: the nodes of the upper levels, the entry point among them. */
  readonly seeds: Uint32Array<ArrayBuffer>;
}

/** A graph in GPU memory. */
export interface GpuGraph {
  readonly degree: number;
  readonly links: GPUBuffer;
  readonly seeds: Uint32Array<ArrayBuffer>;
}

export interface GraphJob {
  readonly table: RowTable;
  readonly graph: GpuGraph;
  /** Holds the same rows at the same places, as floats; null: hits keep the walk's distances. */
  readonly exact: RowTable | null;
  readonly queries: Float32Array;
  readonly k: number;
  readonly ef: number;
  /** Candidates rescored; at least k. */
  readonly rescore: number;
}

export interface GraphHits extends GpuHits {
  /** Rows expanded and distances computed, over all queries. */
  readonly hops: number;
  readonly scored: number;
}

/** Queries of one submission: a long walk times many queries must stay below a watchdog's patience. */
const QUERIES_MAX = 2048;
/** List widths that are compiled; a walk takes the next larger one, which only helps its recall. */
const EF_STEP = 16;

/** Widest list of the walk on this device, or 0 when the degree is too large for it. */
export function walkWidthMax(gpu: GpuDevice, degree: number): number {
  if (degree > WALK_DEGREE_MAX) return 0;
  let ef = 1024;
  while (ef > 0 && walkHashEntries(ef, degree, gpu.facts.workgroupBytes) === 0) ef -= EF_STEP;
  return ef;
}

/** The list width that is compiled for `ef`. */
export const walkWidth = (ef: number): number => Math.ceil(ef / EF_STEP) * EF_STEP;

/** Copies a graph into GPU memory; `dropGraph` frees it. */
export function uploadGraph(gpu: GpuDevice, view: GraphView): GpuGraph {
  if (view.links.byteLength > gpu.facts.bindingBytesMax)
    throw new GpuUnavailable('limit', `links of ${view.links.byteLength} bytes pass the device's binding limit`);
  const links = gpu.pool.take('storage', view.links.byteLength);
  gpu.device.queue.writeBuffer(links, 0, view.links);
  return { degree: view.degree, links, seeds: spreadSeeds(view.seeds) };
}

export function dropGraph(gpu: GpuDevice, graph: GpuGraph): void {
  gpu.pool.destroy(graph.links);
}

/** At most `WALK_SEEDS_MAX` of them, evenly. */
export function spreadSeeds(seeds: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  if (seeds.length <= WALK_SEEDS_MAX) return seeds;
  return Uint32Array.from({ length: WALK_SEEDS_MAX }, (_, i) => seeds[Math.floor((i * seeds.length) / WALK_SEEDS_MAX)]);
}

export async function graphSearch(gpu: GpuDevice, job: GraphJob): Promise<GraphHits> {
  const { table, k } = job;
  const ef = walkWidth(Math.max(job.ef, k));
  if (ef > walkWidthMax(gpu, job.graph.degree))
    throw new GpuUnavailable('limit', `ef ${ef} at degree ${job.graph.degree} does not fit workgroup memory`);
  const count = job.queries.length / table.dimensions;
  const hits = { k, docIDs: new Uint32Array(count * k).fill(EMPTY), distances: new Float32Array(count * k).fill(NaN), hops: 0, scored: 0 };
  for (let first = 0; first < count; first += QUERIES_MAX) {
    const end = Math.min(count, first + QUERIES_MAX);
    const queries = job.queries.subarray(first * table.dimensions, end * table.dimensions);
    const { pairs, effort } = await withBatch(gpu, (batch) => walkPass(gpu, batch, job, queries, ef));
    unpack(pairs, end - first, k, first, hits);
    for (let q = 0; q < end - first; q++) {
      hits.hops += effort[2 * q];
      hits.scored += effort[2 * q + 1];
    }
  }
  return hits;
}

async function walkPass(
  gpu: GpuDevice,
  batch: CommandBatch,
  job: GraphJob,
  queries: Float32Array,
  ef: number,
): Promise<{ pairs: Uint32Array; effort: Uint32Array }> {
  const { table, graph, k } = job;
  const count = queries.length / table.dimensions;
  const hashEntries = walkHashEntries(ef, graph.degree, gpu.facts.workgroupBytes);
  const walk = await walkKernel(gpu, { format: table.format, ef, degree: graph.degree, hashEntries, queryIsRow: false });
  const encoded = encodeQueries(table.format, table.dimensions, queries, table.space);
  const queryWords = batch.upload(encoded.words);
  const found = batch.scratch(count * ef * 8);
  const effort = batch.scratch(count * 8);
  const bindings: Record<number, GPUBuffer> = {
    1: queryWords,
    2: table.rows,
    3: graph.links,
    4: batch.upload(graph.seeds),
    5: found,
    6: effort,
  };
  if (table.terms) Object.assign(bindings, { 7: batch.upload(encoded.terms), 8: table.terms });
  const params = { queries: count, words: table.words, firstQuery: 0, seeds: graph.seeds.length };
  batch.dispatchAll(walk, bindings, (gridX) => walkParams({ ...params, gridX }), count);

  const exact = job.exact ?? table;
  const rescored = Math.min(ef, Math.max(k, job.exact ? job.rescore : k));
  const exactQueries = job.exact ? encodeQueries(exact.format, exact.dimensions, queries, exact.space) : encoded;
  const scored = batch.scratch(count * rescored * 8);
  const scoreBindings: Record<number, GPUBuffer> = {
    1: job.exact ? batch.upload(exactQueries.words) : queryWords,
    2: exact.rows,
    3: found,
    4: scored,
    5: exact.ids,
  };
  if (exact.terms) Object.assign(scoreBindings, { 6: batch.upload(exactQueries.terms), 7: exact.terms });
  batch.dispatch(
    await scoreKernel(gpu, exact.format),
    scoreBindings,
    scorePairsParams({ words: exact.words, count: rescored, stride: ef }),
    count,
  );
  const best = await mergeSegments(gpu, batch, scored, count, rescored, k);
  const [pairBytes, effortBytes] = await batch.read(
    { buffer: best, bytes: count * selectWidthFor(k) * 8 },
    { buffer: effort, bytes: count * 8 },
  );
  return { pairs: new Uint32Array(pairBytes), effort: new Uint32Array(effortBytes) };
}
