/**
 * Exact search of a table for a batch of queries: distances of a chunk of rows into a scratch buffer, selection of the k
 * nearest from it, chunk after chunk, then one small read.
 *
 * A sparse allow-list is scanned through a list of its rows, a dense one by testing each candidate's bit. Queries are taken in
 * groups, so that the scratch buffer stays within its budget; with few queries, a chunk is selected in segments by several
 * workgroups and the segments' lists are merged.
 */
import { tileParams, tileSide, type TileShape } from '../kernels/gpu/tile-distances.ts';
import { SELECT_K_MAX, selectParams, selectWidthFor } from '../kernels/gpu/select-nearest.ts';
import { distanceOfKey, EMPTY } from '../kernels/gpu/ordered-key.ts';
import { withBatch, type Bindings, type CommandBatch } from './command-batch.ts';
import type { GpuDevice } from './gpu-device.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { selectKernel, tileKernel } from './kernels.ts';
import { encodeQueries } from './row-words.ts';
import type { RowTable } from './row-table.ts';

/** Hits of a batch: `k` places a query, unused ones with docID EMPTY. */
export interface GpuHits {
  readonly k: number;
  readonly docIDs: Uint32Array<ArrayBuffer>;
  readonly distances: Float32Array<ArrayBuffer>;
}

/** An allow-list in the form that is cheaper to scan. */
export type GpuAllow =
  | { readonly kind: 'bits'; /** DocSet words. */ readonly words: Uint32Array<ArrayBuffer> }
  | { readonly kind: 'list'; readonly docIDs: Uint32Array<ArrayBuffer> };

export interface ExactJob {
  readonly table: RowTable;
  /** Row-major `[count × dimensions]`; for cosine of unit length. */
  readonly queries: Float32Array;
  readonly k: number;
  readonly allow: GpuAllow | null;
  readonly shape: TileShape;
  /** Bytes of distances held at a time. */
  readonly scratchBytesMax: number;
}

/** Queries of one pass. */
const QUERIES_MAX = 1024;
/** Workgroups that a selection should have to keep a GPU busy. */
const SELECT_GROUPS = 256;
/** Rows below which a segment is not worth a workgroup. */
const SEGMENT_ROWS_MIN = 2048;

export async function exactSearch(gpu: GpuDevice, job: ExactJob): Promise<GpuHits> {
  const { table, k } = job;
  if (k > SELECT_K_MAX) throw new GpuUnavailable('limit', `k ${k} is above ${SELECT_K_MAX}`);
  const count = job.queries.length / table.dimensions;
  const hits: GpuHits = { k, docIDs: new Uint32Array(count * k).fill(EMPTY), distances: new Float32Array(count * k).fill(NaN) };
  const rows = job.allow?.kind === 'list' ? table.locate(job.allow.docIDs) : null;
  for (let first = 0; first < count; first += QUERIES_MAX) {
    const end = Math.min(count, first + QUERIES_MAX);
    const queries = job.queries.subarray(first * table.dimensions, end * table.dimensions);
    const pairs = await withBatch(gpu, (batch) => searchPass(gpu, batch, job, queries, rows));
    unpack(pairs, end - first, k, first, hits);
  }
  return hits;
}

async function searchPass(
  gpu: GpuDevice,
  batch: CommandBatch,
  job: ExactJob,
  queries: Float32Array,
  list: { readonly rows: Uint32Array<ArrayBuffer>; readonly ids: Uint32Array<ArrayBuffer> } | null,
): Promise<Uint32Array> {
  const { table, k, shape } = job;
  const count = queries.length / table.dimensions;
  const total = list ? list.rows.length : table.count;
  const width = selectWidthFor(k);
  const bits = job.allow?.kind === 'bits' ? job.allow.words : null;
  const chunk = chunkRows(gpu, job, count, total);
  const segments = Math.max(1, Math.min(Math.ceil(SELECT_GROUPS / count), Math.floor(Math.min(chunk, total) / SEGMENT_ROWS_MIN)));

  const encoded = encodeQueries(table.format, table.dimensions, queries, table.space);
  const distances = batch.scratch(count * chunk * 4);
  const best = batch.scratch(count * segments * width * 8);
  const tileBindings: Record<number, GPUBuffer> = { 1: batch.upload(encoded.words), 2: table.rows, 3: distances };
  const selectBindings: Record<number, GPUBuffer> = { 1: best, 2: distances, 3: list ? batch.upload(list.ids) : table.ids };
  if (list) tileBindings[4] = batch.upload(list.rows);
  if (table.terms) Object.assign(tileBindings, { 5: batch.upload(encoded.terms), 6: table.terms });
  if (bits) selectBindings[4] = batch.upload(bits);

  const tile = await tileKernel(gpu, { format: table.format, shape, gather: list !== null, queryIsRow: false });
  const select = await selectKernel(gpu, { width, source: 'distances', allow: bits !== null });
  const side = tileSide(shape);
  for (let firstRow = 0; firstRow === 0 || firstRow < total; firstRow += chunk) {
    const rows = Math.min(chunk, total - firstRow);
    const params = tileParams({ queries: count, rows, words: table.words, firstRow, firstQuery: 0, stride: chunk });
    batch.dispatch(tile, tileBindings, params, Math.ceil(rows / side), Math.ceil(count / side));
    const isFirst = firstRow === 0;
    batch.dispatch(
      select,
      selectBindings,
      selectParams({ count: rows, stride: chunk, firstRow, segments, isFirst, allowBits: (bits?.length ?? 0) * 32 }),
      segments,
      count,
    );
    batch.flush();
  }
  const merged = segments > 1 ? await mergeSegments(gpu, batch, best, count, segments * width, k) : best;
  const [bytes] = await batch.read({ buffer: merged, bytes: count * width * 8 });
  return new Uint32Array(bytes);
}

/** Rows of a chunk: a multiple of the tile, within the scratch budget and the device's binding limit. */
function chunkRows(gpu: GpuDevice, job: ExactJob, queries: number, total: number): number {
  const side = tileSide(job.shape);
  const fitting = Math.floor(Math.min(job.scratchBytesMax, gpu.facts.bindingBytesMax) / (queries * 4));
  return Math.max(side, Math.min(Math.floor(fitting / side), Math.ceil(total / side)) * side);
}

/** Sorts `[queries × stride]` pairs of (key, id) into best lists of the width for `k`. */
export async function mergeSegments(
  gpu: GpuDevice,
  batch: CommandBatch,
  pairs: GPUBuffer,
  queries: number,
  stride: number,
  k: number,
): Promise<GPUBuffer> {
  const width = selectWidthFor(k);
  const merged = batch.scratch(queries * width * 8);
  const select = await selectKernel(gpu, { width, source: 'pairs', allow: false });
  const bindings: Bindings = { 1: merged, 2: pairs };
  batch.dispatch(
    select,
    bindings,
    selectParams({ count: stride, stride, firstRow: 0, segments: 1, isFirst: true, allowBits: 0 }),
    1,
    queries,
  );
  return merged;
}

/** Copies best lists of (key, id) pairs into hits from query `first` on. */
export function unpack(pairs: Uint32Array, queries: number, k: number, first: number, hits: GpuHits): void {
  const width = selectWidthFor(k);
  for (let q = 0; q < queries; q++) {
    for (let i = 0; i < k; i++) {
      const id = pairs[(q * width + i) * 2 + 1];
      if (id === EMPTY) break;
      hits.docIDs[(first + q) * k + i] = id;
      hits.distances[(first + q) * k + i] = distanceOfKey(pairs[(q * width + i) * 2]);
    }
  }
}
