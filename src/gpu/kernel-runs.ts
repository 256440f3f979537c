/**
 * Each kernel run by itself, its raw output read back: what tests compare with the twins. Inputs are those of the kernel's
 * bindings; what stands above them (tables, chunks, planning) has tests of its own. Tests only.
 */
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import { gatherParams, GATHER_LANES } from '../kernels/gpu/gather-rows.ts';
import { walkHashEntries, walkParams } from '../kernels/gpu/graph-walk.ts';
import { pruneParams } from '../kernels/gpu/prune-links.ts';
import { wordsOf, type RowFormat } from '../kernels/gpu/row-format.ts';
import { scorePairsParams } from '../kernels/gpu/score-pairs.ts';
import { selectParams, selectWidthFor } from '../kernels/gpu/select-nearest.ts';
import { tileParams, tileSide, type TileShape } from '../kernels/gpu/tile-distances.ts';
import { withBatch, type CommandBatch } from './command-batch.ts';
import type { GpuDevice } from './gpu-device.ts';
import { gatherKernel, pruneKernel, scoreKernel, selectKernel, tileKernel, walkKernel } from './kernels.ts';
import type { EncodedRows } from './row-words.ts';

/** Rows in the kernels' words. */
export interface Rows {
  readonly format: RowFormat;
  readonly dimensions: number;
  readonly count: number;
  readonly encoded: EncodedRows;
}
/** Queries in the kernels' words. */
export interface Queries {
  readonly count: number;
  readonly encoded: EncodedRows;
}

/** Runs `work` alone on the device, in a batch of its own. */
const alone = <T>(gpu: GpuDevice, work: (batch: CommandBatch) => Promise<T>): Promise<T> => gpu.exclusive(() => withBatch(gpu, work));
/** A binding that a kernel may not have. */
const at = (binding: number, buffer: GPUBuffer | null): Record<number, GPUBuffer> => (buffer ? { [binding]: buffer } : {});
const wordsOfRows = ({ format, dimensions }: Rows): number => wordsOf(format.rowType, dimensions);
const uploadTerms = (batch: CommandBatch, { format, encoded }: Rows, queries: Queries, first: number): Record<number, GPUBuffer> =>
  format.rowType === 'u7' ? { [first]: batch.upload(queries.encoded.terms), [first + 1]: batch.upload(encoded.terms) } : {};

/** Distances `[queries × rows]`, rows by `list` where there is one. */
export function runTile(
  gpu: GpuDevice,
  shape: TileShape,
  rows: Rows,
  queries: Queries,
  list: Uint32Array<ArrayBuffer> | null,
): Promise<Float32Array> {
  return alone(gpu, async (batch) => {
    const kernel = await tileKernel(gpu, { format: rows.format, shape, gather: list !== null, queryIsRow: false });
    const count = list?.length ?? rows.count;
    const bytes = queries.count * count * 4;
    const bindings = {
      1: batch.upload(queries.encoded.words),
      2: batch.upload(rows.encoded.words),
      3: batch.scratch(bytes),
      ...at(4, list && batch.upload(list)),
      ...uploadTerms(batch, rows, queries, 5),
    };
    const params = tileParams({ queries: queries.count, rows: count, words: wordsOfRows(rows), firstRow: 0, firstQuery: 0, stride: count });
    batch.dispatch(kernel, bindings, params, Math.ceil(count / tileSide(shape)), Math.ceil(queries.count / tileSide(shape)));
    return new Float32Array((await batch.read({ buffer: bindings[3], bytes }))[0]);
  });
}

/** Distances of `queries` rows of the table from `firstQuery` on to all of its rows; `earlierOnly` as in the kernel. */
export function runTileOfRows(
  gpu: GpuDevice,
  shape: TileShape,
  rows: Rows,
  { firstQuery, queries, earlierOnly }: { firstQuery: number; queries: number; earlierOnly: boolean },
): Promise<Float32Array> {
  return alone(gpu, async (batch) => {
    const kernel = await tileKernel(gpu, { format: rows.format, shape, gather: false, queryIsRow: true });
    const bytes = queries * rows.count * 4;
    const out = batch.scratch(bytes);
    const params = tileParams({
      queries,
      rows: rows.count,
      words: wordsOfRows(rows),
      firstRow: 0,
      firstQuery,
      stride: rows.count,
      earlierOnly,
    });
    const side = tileSide(shape);
    batch.dispatch(
      kernel,
      { 2: batch.upload(rows.encoded.words), 3: out },
      params,
      Math.ceil(rows.count / side),
      Math.ceil(queries / side),
    );
    return new Float32Array((await batch.read({ buffer: out, bytes }))[0]);
  });
}

/** The words of some rows. */
export function runGather(gpu: GpuDevice, rows: Rows, numbers: Uint32Array<ArrayBuffer>, gridX: number): Promise<Uint8Array> {
  return alone(gpu, async (batch) => {
    const rowBytes = rows.encoded.words.length / rows.count;
    const bytes = numbers.length * rowBytes;
    const out = batch.scratch(bytes);
    const params = gatherParams({ rows: numbers.length, wordsOfRow: rowBytes / 4, gridX });
    const groups = Math.ceil(bytes / 4 / GATHER_LANES);
    const bindings = { 1: batch.upload(rows.encoded.words), 2: batch.upload(numbers), 3: out };
    batch.dispatch(await gatherKernel(gpu), bindings, params, gridX, Math.ceil(groups / gridX));
    return new Uint8Array((await batch.read({ buffer: out, bytes }))[0]);
  });
}

/** Pairs (key, id) `[queries × stride]`, scored: `found` holds (anything, row), `ids` those of the rows. */
export function runScore(
  gpu: GpuDevice,
  rows: Rows,
  queries: Queries,
  found: Uint32Array<ArrayBuffer>,
  ids: Uint32Array<ArrayBuffer>,
): Promise<Uint32Array> {
  return alone(gpu, async (batch) => {
    const count = found.length / 2 / queries.count;
    const out = batch.scratch(found.byteLength);
    const bindings = {
      1: batch.upload(queries.encoded.words),
      2: batch.upload(rows.encoded.words),
      3: batch.upload(found),
      4: out,
      5: batch.upload(ids),
      ...uploadTerms(batch, rows, queries, 6),
    };
    const params = scorePairsParams({ words: wordsOfRows(rows), count, stride: count });
    batch.dispatch(await scoreKernel(gpu, rows.format), bindings, params, queries.count);
    return new Uint32Array((await batch.read({ buffer: out, bytes: found.byteLength }))[0]);
  });
}

export interface SelectRun {
  readonly k: number;
  /** `[queries × ids]`. */
  readonly distances: Float32Array<ArrayBuffer>;
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Rows of one dispatch, and workgroups for each query of it. */
  readonly chunk: number;
  readonly segments: number;
  /** Bitset of the ids that are let through. */
  readonly allowed: Uint32Array<ArrayBuffer> | null;
}

/** Best lists (key, id) `[queries × width]`, segments merged. */
export function runSelect(gpu: GpuDevice, { k, distances, ids, chunk, segments, allowed }: SelectRun): Promise<Uint32Array> {
  return alone(gpu, async (batch) => {
    const width = selectWidthFor(k);
    const queries = distances.length / ids.length;
    const select = await selectKernel(gpu, { width, source: 'distances', allow: allowed !== null });
    const best = batch.scratch(queries * segments * width * 8);
    const allow = allowed && batch.upload(allowed);
    const rowIds = batch.upload(ids);
    for (let firstRow = 0; firstRow === 0 || firstRow < ids.length; firstRow += chunk) {
      const count = Math.min(chunk, ids.length - firstRow);
      const block = new Float32Array(queries * count);
      for (let q = 0; q < queries; q++)
        block.set(distances.subarray(q * ids.length + firstRow, q * ids.length + firstRow + count), q * count);
      const bindings = { 1: best, 2: batch.upload(block), 3: rowIds, ...at(4, allow) };
      const allowBits = (allowed?.length ?? 0) * 32;
      batch.dispatch(
        select,
        bindings,
        selectParams({ count, stride: count, firstRow, segments, isFirst: firstRow === 0, allowBits }),
        segments,
        queries,
      );
    }
    const merged = batch.scratch(queries * width * 8);
    const merge = await selectKernel(gpu, { width, source: 'pairs', allow: false });
    const stride = segments * width;
    batch.dispatch(
      merge,
      { 1: merged, 2: best },
      selectParams({ count: stride, stride, firstRow: 0, segments: 1, isFirst: true, allowBits: 0 }),
      1,
      queries,
    );
    return new Uint32Array((await batch.read({ buffer: merged, bytes: queries * width * 8 }))[0]);
  });
}

export interface WalkRun {
  readonly ef: number;
  readonly degree: number;
  readonly links: Uint32Array<ArrayBuffer>;
  readonly seeds: Uint32Array<ArrayBuffer>;
}

/** Lists (key, row) `[queries × ef]` and (hops, distances) of each query. `queries` null: rows of the table, as in building. */
export function runWalk(
  gpu: GpuDevice,
  rows: Rows,
  queries: Queries | { readonly firstRow: number; readonly count: number },
  { ef, degree, links, seeds }: WalkRun,
): Promise<{ pairs: Uint32Array; effort: Uint32Array }> {
  return alone(gpu, async (batch) => {
    const own = 'encoded' in queries ? queries : null;
    const hashEntries = walkHashEntries(ef, degree, gpu.facts.workgroupBytes);
    const walk = await walkKernel(gpu, { format: rows.format, ef, degree, hashEntries, queryIsRow: own === null });
    const pairs = batch.scratch(queries.count * ef * 8);
    const effort = batch.scratch(queries.count * 8);
    const bindings = {
      ...at(1, own && batch.upload(own.encoded.words)),
      2: batch.upload(rows.encoded.words),
      3: batch.upload(links),
      4: batch.upload(seeds),
      5: pairs,
      6: effort,
      ...(own && uploadTerms(batch, rows, own, 7)),
    };
    const firstQuery = 'firstRow' in queries ? queries.firstRow : 0;
    batch.dispatch(
      walk,
      bindings,
      walkParams({ queries: queries.count, words: wordsOfRows(rows), firstQuery, seeds: seeds.length, gridX: 7 }),
      7,
      Math.ceil(queries.count / 7),
    );
    const [pairBytes, effortBytes] = await batch.read(
      { buffer: pairs, bytes: queries.count * ef * 8 },
      { buffer: effort, bytes: queries.count * 8 },
    );
    return { pairs: new Uint32Array(pairBytes), effort: new Uint32Array(effortBytes) };
  });
}

/**
 * Links `[count × degree]` chosen for rows from `firstRow` on among scored candidates: `before` are (key, row)
 * `[count × width]`, `inside` (key, place in the batch) `[count × width]`.
 */
export function runForward(
  gpu: GpuDevice,
  rows: Rows,
  o: { firstRow: number; count: number; keep: number; degree: number; before: Uint32Array<ArrayBuffer>; inside: Uint32Array<ArrayBuffer> },
): Promise<Uint32Array> {
  return alone(gpu, async (batch) => {
    const { format } = rows;
    const { keep, degree, count, firstRow } = o;
    const widthA = o.before.length / 2 / count;
    const widthB = o.inside.length / 2 / count;
    const kernel = await pruneKernel(gpu, { format, mode: 'forward', degree, keep, widthA, widthB });
    const links = batch.scratch(rows.count * degree * 4);
    const bindings = { 1: batch.upload(rows.encoded.words), 2: links, 3: batch.upload(o.before), 4: batch.upload(o.inside) };
    batch.dispatch(kernel, bindings, pruneParams({ count, words: wordsOfRows(rows), firstRow, gridX: 5 }), 5, Math.ceil(count / 5));
    const [bytes] = await batch.read({ buffer: links, bytes: rows.count * degree * 4 });
    return new Uint32Array(bytes).slice(firstRow * degree, (firstRow + count) * degree);
  });
}

/** All links `[rows × degree]` after each of `targets` was offered its `incoming` rows. */
export function runReverse(
  gpu: GpuDevice,
  rows: Rows,
  degree: number,
  links: Uint32Array<ArrayBuffer>,
  targets: Uint32Array<ArrayBuffer>,
  incoming: readonly (readonly number[])[],
): Promise<Uint32Array> {
  return alone(gpu, async (batch) => {
    const kernel = await pruneKernel(gpu, { format: rows.format, mode: 'reverse', degree, keep: degree, widthA: 0, widthB: 0 });
    const offsets = new Uint32Array(targets.length + 1);
    incoming.forEach((list, t) => (offsets[t + 1] = offsets[t] + list.length));
    const onGpu = batch.upload(links);
    const bindings = {
      1: batch.upload(rows.encoded.words),
      2: onGpu,
      3: batch.upload(targets),
      4: batch.upload(offsets),
      5: batch.upload(Uint32Array.from(incoming.flat())),
    };
    const params = pruneParams({ count: targets.length, words: wordsOfRows(rows), firstRow: 0, gridX: 5 });
    batch.dispatch(kernel, bindings, params, 5, Math.ceil(targets.length / 5));
    return new Uint32Array((await batch.read({ buffer: onGpu, bytes: links.byteLength }))[0]);
  });
}

/** Lists without the places that hold nothing. */
export const listOf = (links: Uint32Array, at: number, degree: number): number[] =>
  [...links.subarray(at * degree, (at + 1) * degree)].filter((link) => link !== EMPTY);
