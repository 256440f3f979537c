/**
 * Proves the kernels of a row format on this device against plain code before they are used: drivers and shader compilers have
 * bugs, and a wrong answer is worse than a slow one. Small cases with odd sizes; integer sums must agree exactly, floats
 * within the twin's tolerance.
 *
 * `exact`: tile and selection. `graph`: walk and rescoring. `build`: both prunings, by the lists they choose. `kmeans`.
 */
import { SeededRandom } from '../core/clock.ts';
import type { Distance } from '../schema/collection-schema.ts';
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import type { RowFormat } from '../kernels/gpu/row-format.ts';
import { TILE_SHAPES } from '../kernels/gpu/tile-distances.ts';
import { codeQuery, codeRow, codeSpace, type CodeSpace } from '../kernels/scalar/gpu-codes.ts';
import { codeDistance, codeSum, floatDistance, FLOAT_TOLERANCE } from '../kernels/scalar/gpu-distance.ts';
import { halfBits, valueOfHalf } from '../kernels/scalar/gpu-half.ts';
import { assignCentroids } from '../kernels/scalar/gpu-kmeans.ts';
import { linkBatch } from '../kernels/scalar/gpu-prune.ts';
import { walkGraph } from '../kernels/scalar/gpu-walk.ts';
import { exactSearch, type GpuHits } from './exact-search.ts';
import type { GpuDevice } from './gpu-device.ts';
import { BUILD_INSIDE, buildGraph } from './graph-build.ts';
import { dropGraph, graphSearch, uploadGraph } from './graph-search.ts';
import { trainCentroids } from './kmeans.ts';
import { RowTable } from './row-table.ts';

export type KernelFamily = 'exact' | 'graph' | 'build' | 'kmeans';

const ROWS = 75;
const DIMENSIONS = 21;
const QUERIES = 3;
const K = 7;
const DEGREE = 8;
const EF = 16;

/** What a family computes wrongly, in words; null when it is right. Runs inside `exclusive`. */
export async function selfTest(gpu: GpuDevice, family: KernelFamily, format: RowFormat, shape: number): Promise<string | null> {
  if (family === 'kmeans') return testKmeans(gpu);
  const { distance, rowType } = format;
  const random = new SeededRandom(5);
  const rows = sample(random, distance, ROWS);
  const queries = sample(random, distance, QUERIES);
  // Two equal rows at the front of an answer: ties go by id.
  if (family === 'exact') rows.copyWithin((ROWS - 5) * DIMENSIONS, 0, DIMENSIONS);
  if (family === 'exact') queries.set(rows.subarray(0, DIMENSIONS));
  const space = rowType === 'u7' ? codeSpace(distance === 'hamming' ? 0 : -1, distance === 'hamming' ? 127 : 1) : null;
  const table = new RowTable(gpu, { format, dimensions: DIMENSIONS, space });
  await table.append(
    Uint32Array.from({ length: ROWS }, (_, i) => i),
    rows,
  );
  const twin = (q: number): Float64Array => twinOf(format, space, queries.subarray(q * DIMENSIONS, (q + 1) * DIMENSIONS), rows);
  try {
    if (family === 'exact') {
      const hits = await exactSearch(gpu, { table, queries, k: K, allow: null, shape: TILE_SHAPES[shape], scratchBytesMax: 2 ** 16 });
      return compare(hits, twin, (distances) => [...distances.keys()].toSorted((a, b) => distances[a] - distances[b] || a - b).slice(0, K));
    }
    if (family === 'graph') return await testWalk(gpu, table, queries, twin);
    return await testBuild(gpu, table, rows, shape);
  } finally {
    table.drop();
  }
}

function sample(random: SeededRandom, distance: Distance, count: number): Float32Array<ArrayBuffer> {
  const rows = Float32Array.from({ length: count * DIMENSIONS }, () =>
    distance === 'hamming' ? random.int(3) : random.next() * 1.6 - 0.8,
  );
  if (distance !== 'cosine') return rows;
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
    const norm = Math.hypot(...row);
    row.forEach((value, d) => (row[d] = value / norm));
  }
  return rows;
}

function twinOf(format: RowFormat, space: CodeSpace | null, query: Float32Array, rows: Float32Array): Float64Array {
  const queryCodes = new Uint8Array(DIMENSIONS);
  const rowCodes = new Uint8Array(DIMENSIONS);
  const term = space && codeQuery(space, format.distance, query, queryCodes);
  return Float64Array.from({ length: rows.length / DIMENSIONS }, (_, i) => {
    const row = rows.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
    if (space && term) {
      const rowTerm = codeRow(space, format.distance, row, rowCodes);
      return codeDistance(codeSum(format.distance, queryCodes, rowCodes), term, rowTerm);
    }
    return floatDistance(format.distance, query, format.rowType === 'f16' ? row.map((v) => valueOfHalf(halfBits(v))) : row).value;
  });
}

/** Distances here are below about 30, so that one absolute tolerance serves all cases. */
const TOLERANCE = 40 * FLOAT_TOLERANCE;

function compare(hits: GpuHits, twin: (q: number) => Float64Array, expected: (distances: Float64Array) => number[]): string | null {
  for (let q = 0; q < QUERIES; q++) {
    const distances = twin(q);
    const wanted = expected(distances);
    for (let i = 0; i < hits.k; i++) {
      const id = hits.docIDs[q * hits.k + i];
      if (id === EMPTY || id >= ROWS) return `query ${q}: place ${i} holds ${id}`;
      const distance = hits.distances[q * hits.k + i];
      if (!(Math.abs(distance - distances[id]) <= TOLERANCE)) return `query ${q}: row ${id} at ${distance}, should be ${distances[id]}`;
      if (i > 0 && distance === hits.distances[q * hits.k + i - 1] && id < hits.docIDs[q * hits.k + i - 1])
        return `query ${q}: equal distances out of order at place ${i}`;
      if (!(Math.abs(distances[id] - distances[wanted[i]]) <= TOLERANCE))
        return `query ${q}: place ${i} holds row ${id}, should be ${wanted[i]}`;
    }
  }
  return null;
}

async function testWalk(gpu: GpuDevice, table: RowTable, queries: Float32Array, twin: (q: number) => Float64Array): Promise<string | null> {
  const links = new Uint32Array(ROWS * DEGREE).fill(EMPTY);
  for (let row = 0; row < ROWS; row++) for (let i = 0; i < DEGREE - 1; i++) links[row * DEGREE + i] = (row * (i + 2) + 3 * i + 1) % ROWS;
  const view = { degree: DEGREE, links, seeds: Uint32Array.of(0, 31) };
  const graph = uploadGraph(gpu, view);
  const hits = await graphSearch(gpu, { table, graph, exact: null, queries, k: K, ef: EF, rescore: K });
  dropGraph(gpu, graph);
  return compare(hits, twin, (distances) => [...walkGraph(view, EF, (row) => distances[row]).rows.subarray(0, K)]);
}

/** Lists that may differ because a comparison was decided by rounding. */
const LISTS_MAY_DIFFER = 4;

/** The lists of a tiny graph: all rows in one batch, so that forward and reverse pruning both have work. */
async function testBuild(gpu: GpuDevice, table: RowTable, rows: Float32Array, shape: number): Promise<string | null> {
  const options = {
    maxConnections: 4,
    efConstruction: 32,
    levels: new Uint8Array(ROWS),
    shape: TILE_SHAPES[shape],
    scratchBytesMax: 2 ** 16,
    scanRowsMax: Infinity,
  };
  const { links, degree } = (await buildGraph(gpu, table, options)).levels[0];
  const twins = Array.from({ length: ROWS }, (_, row) =>
    twinOf(table.format, null, rows.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS), rows),
  );
  const wanted = linkBatch(ROWS, options.maxConnections, degree, BUILD_INSIDE, (a, b) => twins[a][b]);
  const wrong = wanted.flatMap((list, row) => {
    const found = [...links.subarray(row * degree, (row + 1) * degree)].filter((link) => link !== EMPTY);
    return found.join() === list.join() ? [] : [`row ${row} links to ${found.join(', ')}, should to ${list.join(', ')}`];
  });
  return wrong.length > LISTS_MAY_DIFFER ? wrong[0] : null;
}

async function testKmeans(gpu: GpuDevice): Promise<string | null> {
  const shape = { rows: 70, dimensions: 6, segments: 2, centroids: 5 };
  const random = new SeededRandom(9);
  const rows = Float32Array.from({ length: shape.rows * shape.dimensions }, () => random.int(64));
  const start = Float32Array.from({ length: shape.centroids * shape.dimensions }, () => random.int(64));
  const { assigned } = await trainCentroids(gpu, { ...shape, sample: rows, start, iterations: 1 });
  const wanted = assignCentroids(shape, rows, start);
  const wrong = assigned.findIndex((centroid, i) => centroid !== wanted[i]);
  return wrong >= 0 ? `assignment ${wrong} is ${assigned[wrong]}, should be ${wanted[wrong]}` : null;
}
