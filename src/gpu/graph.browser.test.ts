import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import type { RowFormat } from '../kernels/gpu/row-format.ts';
import { TILE_SHAPES } from '../kernels/gpu/tile-distances.ts';
import { codeQuery, codeRow } from '../kernels/scalar/gpu-codes.ts';
import { codeDistance, codeSum, floatDistance } from '../kernels/scalar/gpu-distance.ts';
import { pruneLinks } from '../kernels/scalar/gpu-prune.ts';
import { walkGraph } from '../kernels/scalar/gpu-walk.ts';
import { exactSearch } from './exact-search.ts';
import type { GpuDevice } from './gpu-device.ts';
import { openTestDevice, randomRows, spaceFor } from './gpu-fixture.ts';
import { buildGraph, drawLevels, type BuiltGraph } from './graph-build.ts';
import { dropGraph, graphSearch, uploadGraph, type GraphView } from './graph-search.ts';
import { RowTable } from './row-table.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const ROWS = 700;
const DIMENSIONS = 32;
const QUERIES = 100;
const K = 10;
const M = 8;
const EF_CONSTRUCTION = 64;
const SHAPE = TILE_SHAPES[0];
const SCRATCH = 2 ** 22;
const FLOATS: RowFormat = { rowType: 'f32', distance: 'cosine', packedDot: true };
const CODES: RowFormat = { rowType: 'u7', distance: 'cosine', packedDot: true };

const random = new SeededRandom(7);
const rows = randomRows(random, 'cosine', ROWS, DIMENSIONS, 'random');
const queries = randomRows(random, 'cosine', QUERIES, DIMENSIONS, 'random');
const space = spaceFor('cosine', rows);
const docIDs = Uint32Array.from({ length: ROWS }, (_, i) => i);
const rowAt = (i: number): Float32Array => rows.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
const queryAt = (q: number): Float32Array => queries.subarray(q * DIMENSIONS, (q + 1) * DIMENSIONS);
const between = (a: number, b: number): number => Math.fround(floatDistance('cosine', rowAt(a), rowAt(b)).value);

let gpu: GpuDevice;
let floats: RowTable;
let codes: RowTable;
let walked: BuiltGraph;
let scanned: BuiltGraph;
let truth: Set<number>[];

const build = (scanRowsMax: number): Promise<BuiltGraph> => {
  const seeded = new SeededRandom(11);
  const levels = drawLevels(ROWS, M, () => seeded.next());
  return gpu.exclusive(() =>
    buildGraph(gpu, floats, {
      maxConnections: M,
      efConstruction: EF_CONSTRUCTION,
      levels,
      shape: SHAPE,
      scratchBytesMax: SCRATCH,
      scanRowsMax,
    }),
  );
};
const viewOf = (graph: BuiltGraph): GraphView => ({
  degree: graph.levels[0].degree,
  links: graph.levels[0].links,
  seeds: docIDs.slice(0, 64),
});
const recallOf = (found: (q: number) => Iterable<number>): number => {
  let hits = 0;
  for (let q = 0; q < QUERIES; q++) for (const id of found(q)) if (truth[q].has(id)) hits++;
  return hits / (QUERIES * K);
};

/** The same graph made one row at a time in plain code: HNSW's level 0 as the CPU builds it. */
function buildOneByOne(): GraphView {
  const degree = 2 * M;
  const lists: number[][] = [];
  for (let row = 0; row < ROWS; row++) {
    const seeds = docIDs.slice(0, Math.min(row, 64));
    const found = walkLists(lists, seeds, EF_CONSTRUCTION, (other) => between(row, other));
    const chosen = pruneLinks(found, M, between);
    lists.push(chosen);
    for (const target of chosen) {
      const grown = [...lists[target], row];
      lists[target] =
        grown.length <= degree
          ? grown
          : pruneLinks(
              grown.map((r) => ({ row: r, distance: between(target, r) })),
              degree,
              between,
            );
    }
  }
  const links = new Uint32Array(ROWS * degree).fill(EMPTY);
  lists.forEach((list, row) => links.set(list, row * degree));
  return { degree, links, seeds: docIDs.slice(0, 64) };
}

function walkLists(
  lists: number[][],
  seeds: Uint32Array,
  ef: number,
  distanceTo: (row: number) => number,
): { row: number; distance: number }[] {
  const degree = 2 * M;
  const links = new Uint32Array(lists.length * degree).fill(EMPTY);
  lists.forEach((list, row) => links.set(list, row * degree));
  const { rows: found, distances } = walkGraph({ degree, links, seeds }, ef, distanceTo);
  return [...found].map((row, i) => ({ row, distance: distances[i] }));
}

beforeAll(async () => {
  gpu = await openTestDevice();
  floats = new RowTable(gpu, { format: FLOATS, dimensions: DIMENSIONS, space: null });
  codes = new RowTable(gpu, { format: CODES, dimensions: DIMENSIONS, space });
  const exact = await gpu.exclusive(async () => {
    await floats.append(docIDs, rows);
    await codes.append(docIDs, rows);
    return exactSearch(gpu, { table: floats, queries, k: K, allow: null, shape: SHAPE, scratchBytesMax: SCRATCH });
  });
  truth = Array.from({ length: QUERIES }, (_, q) => new Set(exact.docIDs.subarray(q * K, (q + 1) * K)));
  scanned = await build(Infinity);
  walked = await build(0);
});
afterAll(() => gpu?.destroy());

test('every list of a built graph is within bounds, without repeats or the row itself, and every row can be reached', () => {
  for (const graph of [scanned, walked]) {
    for (const { rows: members, links, degree } of graph.levels) {
      const reached = new Set<number>();
      for (let i = 0; i < members.length; i++) {
        const list = [...links.subarray(i * degree, (i + 1) * degree)].filter((link) => link !== EMPTY);
        expect(new Set(list).size).toBe(list.length);
        expect(list.includes(i)).toBe(false);
        expect(list.every((link) => link < members.length)).toBe(true);
        for (const link of list) reached.add(link);
      }
      if (members.length > M) expect(members.length - reached.size).toBeLessThanOrEqual(members.length * 0.002);
    }
  }
});

for (const ef of [16, 96]) {
  test(`the walk of a batch at ef ${ef} finds what the walk in plain code finds`, async () => {
    const view = viewOf(scanned);
    const graph = uploadGraph(gpu, view);
    const hits = await gpu.exclusive(() => graphSearch(gpu, { table: codes, graph, exact: floats, queries, k: K, ef, rescore: 2 * K }));
    dropGraph(gpu, graph);
    const queryCodes = new Uint8Array(DIMENSIONS);
    const coded = Array.from({ length: ROWS }, (_, row) => {
      const rowCodes = new Uint8Array(DIMENSIONS);
      codeRow(space, 'cosine', rowAt(row), rowCodes);
      return rowCodes;
    });
    let hops = 0;
    const twin = Array.from({ length: QUERIES }, (_, q) => {
      const term = codeQuery(space, 'cosine', queryAt(q), queryCodes);
      const walk = walkGraph(view, ef, (row) => codeDistance(codeSum('cosine', queryCodes, coded[row]), term, 0));
      hops += walk.hops;
      const rescored = [...walk.rows.subarray(0, 2 * K)].map((row) => ({
        row,
        distance: floatDistance('cosine', queryAt(q), rowAt(row)).value,
      }));
      return rescored
        .toSorted((a, b) => a.distance - b.distance || a.row - b.row)
        .slice(0, K)
        .map((c) => c.row);
    });
    const recall = recallOf((q) => hits.docIDs.subarray(q * K, (q + 1) * K));
    const twinRecall = recallOf((q) => twin[q]);
    expect(Math.abs(recall - twinRecall)).toBeLessThanOrEqual(0.005);
    expect(Math.abs(hits.hops - hops)).toBeLessThanOrEqual(hops * 0.01);
  });
}

test('graphs built on the GPU answer as well as one built row by row in plain code', async () => {
  const reference = uploadGraph(gpu, buildOneByOne());
  const recalls: number[] = [];
  for (const graph of [reference, uploadGraph(gpu, viewOf(scanned)), uploadGraph(gpu, viewOf(walked))]) {
    for (const ef of [48, 96]) {
      const hits = await gpu.exclusive(() => graphSearch(gpu, { table: floats, graph, exact: null, queries, k: K, ef, rescore: K }));
      recalls.push(recallOf((q) => hits.docIDs.subarray(q * K, (q + 1) * K)));
    }
    dropGraph(gpu, graph);
  }
  for (const built of [2, 4]) for (const i of [0, 1]) expect(recalls[built + i]).toBeGreaterThanOrEqual(recalls[i] - 0.005);
});
