import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { distanceOfKey, EMPTY, keyOfDistance } from '../kernels/gpu/ordered-key.ts';
import type { RowFormat } from '../kernels/gpu/row-format.ts';
import { halfBits, valueOfHalf } from '../kernels/scalar/gpu-half.ts';
import { pruneLinks } from '../kernels/scalar/gpu-prune.ts';
import { walkGraph } from '../kernels/scalar/gpu-walk.ts';
import type { Distance } from '../schema/collection-schema.ts';
import type { GpuDevice } from './gpu-device.ts';
import { DISTANCES, openTestDevice, randomRows, ROW_TYPES, spaceFor, twinDistances, type RowKind } from './gpu-fixture.ts';
import { listOf, runForward, runReverse, runTile, runWalk, type Rows } from './kernel-runs.ts';
import { encodeQueries, encodeRows } from './row-words.ts';
import { WasmGraph } from './wasm-twin.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openTestDevice();
});
afterAll(() => gpu?.destroy());

const at = (rows: Float32Array, row: number, dimensions: number): Float32Array => rows.subarray(row * dimensions, (row + 1) * dimensions);

/** Rows of a format, and as the kernels see them. */
function table(format: RowFormat, plain: Float32Array<ArrayBuffer>, dimensions: number): { rows: Rows; seen: Float32Array<ArrayBuffer> } {
  const encoded = encodeRows(format, dimensions, plain, format.rowType === 'u7' ? spaceFor(format.distance, plain) : null);
  const seen = format.rowType === 'f16' ? plain.map((value) => valueOfHalf(halfBits(value))) : plain;
  return { rows: { format, dimensions, count: plain.length / dimensions, encoded }, seen };
}

interface Shape {
  readonly dimensions: number;
  readonly rows: number;
  readonly kind: RowKind;
}

const DEGREE = 16;

/** Links drawn at random, some places empty: walks need no good graph to be compared. */
function randomLinks(random: SeededRandom, rows: number): Uint32Array<ArrayBuffer> {
  const links = new Uint32Array(rows * DEGREE).fill(EMPTY);
  for (let row = 0; row < rows; row++) {
    const count = random.int(DEGREE + 1);
    for (let i = 0; i < count; i++) links[row * DEGREE + i] = random.int(rows);
  }
  return links;
}

/** A walk's lists against the scalar twin's, place by place, and every distance in them against its own row's. */
async function checkWalk(random: SeededRandom, format: RowFormat, shape: Shape, ef: number, queryIsRow: boolean): Promise<void> {
  const { dimensions } = shape;
  const plain = randomRows(random, format.distance, shape.rows, dimensions, shape.kind);
  const { rows, seen } = table(format, plain, dimensions);
  const space = format.rowType === 'u7' ? spaceFor(format.distance, plain) : null;
  const links = randomLinks(random, shape.rows);
  const seeds = Uint32Array.from({ length: 1 + random.int(40) }, () => random.int(shape.rows));
  const count = queryIsRow ? Math.min(5, shape.rows) : 5;
  const firstRow = queryIsRow ? random.int(shape.rows - count + 1) : 0;
  const asked = queryIsRow ? seen.subarray(firstRow * dimensions) : randomRows(random, format.distance, count, dimensions, 'random');
  const queries = queryIsRow ? { firstRow, count } : { count, encoded: encodeQueries(format, dimensions, asked, space) };
  const { pairs, effort } = await runWalk(gpu, rows, queries, { ef, degree: DEGREE, links, seeds });
  for (let q = 0; q < count; q++) {
    const { value, tolerance } = twinDistances(format, space, at(asked, q, dimensions), seen, dimensions);
    const twin = walkGraph({ degree: DEGREE, links, seeds }, ef, (row) => value[row]);
    const say = `${format.rowType} ${format.distance} ${JSON.stringify(shape)} ef ${ef}: query ${q}`;
    const places = Array.from({ length: ef }, (_, i) => ({ key: pairs[(q * ef + i) * 2], row: pairs[(q * ef + i) * 2 + 1] }));
    const found = places.filter(({ row }) => row !== EMPTY);
    expect(found.length, say).toBe(twin.rows.length);
    expect(new Set(found.map(({ row }) => row)).size, say).toBe(found.length);
    found.forEach(({ key, row }, i) => {
      const distance = distanceOfKey(key);
      expect(Math.abs(distance - value[row]), say).toBeLessThanOrEqual(tolerance[row]);
      expect(Math.abs(distance - twin.distances[i]), say).toBeLessThanOrEqual(tolerance[row] + tolerance[twin.rows[i]]);
    });
    const isExact = shape.kind === 'equal' || (space && (format.distance === 'manhattan' || format.distance === 'hamming'));
    if (isExact) {
      expect(found.map(({ row }) => row)).toEqual([...twin.rows]);
      expect([...effort.subarray(2 * q, 2 * q + 2)][0]).toBe(twin.hops);
    }
  }
}

function shapesFor(random: SeededRandom): Shape[] {
  const odd = 3 + 2 * random.int(300);
  return [
    { dimensions: 1 + random.int(5), rows: 40_000 + random.int(60_000), kind: 'random' },
    { dimensions: 4_096 - random.int(2), rows: 1 + random.int(90), kind: 'random' },
    { dimensions: odd, rows: 1 + random.int(Math.floor(300_000 / odd)), kind: 'duplicates' },
    { dimensions: 1 + random.int(30), rows: 1 + random.int(4), kind: 'random' },
    { dimensions: 1 + random.int(30), rows: 500 + random.int(1_000), kind: 'equal' },
  ];
}

describe.each(DISTANCES)('%s', (distance) => {
  test.each(ROW_TYPES)('of %s rows: walks find what the scalar twin finds, place by place', async (rowType) => {
    const random = new SeededRandom(10 * DISTANCES.indexOf(distance) + ROW_TYPES.indexOf(rowType));
    const format: RowFormat = { rowType, distance, packedDot: gpu.facts.packedDot };
    for (const shape of shapesFor(random)) await checkWalk(random, format, shape, 32, false);
  });
});

test('walks from rows of the table, and with lists of other lengths, as well', async () => {
  const random = new SeededRandom(8);
  const format = (rowType: RowFormat['rowType'], distance: Distance): RowFormat => ({ rowType, distance, packedDot: true });
  for (const shape of shapesFor(random)) {
    await checkWalk(random, format('f32', 'l2-squared'), shape, 32, true);
    await checkWalk(random, format('f16', 'cosine'), shape, 32, true);
    await checkWalk(random, format('u7', 'dot'), shape, 16, false);
    await checkWalk(random, format('f32', 'cosine'), shape, 400, false);
  }
});

const M = 8;

/**
 * Rows of which hardly two are equally far from a third, so that every list has one right order. By hamming: two runs of ones in zeros
 * and a few odd values.
 */
function distinctRows(random: SeededRandom, distance: Distance, count: number, dimensions: number): Float32Array<ArrayBuffer> {
  if (distance !== 'hamming') return randomRows(random, distance, count, dimensions, 'random');
  const rows = new Float32Array(count * dimensions);
  for (let i = 0; i < count; i++) {
    const row = at(rows, i, dimensions);
    row.fill(1, 0, random.int(dimensions / 2));
    row.fill(1, dimensions / 2, dimensions / 2 + random.int(dimensions / 2));
  }
  return rows;
}

/** Exact distances between rows, as f32. */
function between(distance: Distance, rows: Float32Array, dimensions: number): (a: number, b: number) => number {
  const known = new Map<number, Float64Array>();
  return (a, b) => {
    let of = known.get(a);
    if (!of)
      known.set(
        a,
        (of = twinDistances({ rowType: 'f32', distance, packedDot: true }, null, at(rows, a, dimensions), rows, dimensions).value),
      );
    return Math.fround(of[b]);
  };
}

/** Lists that may differ from a twin's because two distances were told apart by rounding, or not at all: one in so many. */
const DECIDED_BY_ROUNDING = 50;

function expectLists(found: readonly (readonly number[])[], twin: readonly (readonly number[])[], say: string): void {
  const wrong = found.flatMap((list, i) => (list.join() === twin[i].join() ? [] : [`${i}: ${list.join()} for ${twin[i].join()}`]));
  expect(found.length, say).toBe(twin.length);
  if (wrong.length > found.length / DECIDED_BY_ROUNDING) throw new Error(`${say}: ${wrong.length} of ${found.length} differ; ${wrong[0]}`);
}

interface Offer {
  readonly target: number;
  readonly before: readonly number[];
  readonly incoming: number;
  readonly after: readonly number[];
}

describe.each(DISTANCES)('%s', (distance) => {
  const dimensions = distance === 'hamming' ? 2_000 : 23;
  const count = 150;
  const degree = 2 * M;
  const plain = distinctRows(new SeededRandom(60 + DISTANCES.indexOf(distance)), distance, count, dimensions);

  /** What the engine does when rows are inserted one by one with lists that hold all of them. */
  function insertAll(): { own: number[][]; offers: Offer[] } {
    const graph = new WasmGraph(distance, dimensions, M);
    const offers: Offer[] = [];
    const own: number[][] = [];
    for (let row = 0; row < count; row++) {
      const before = Array.from({ length: row }, (_, other) => graph.linksOf(other));
      graph.insert(at(plain, row, dimensions), count);
      own.push(graph.linksOf(row));
      for (const target of own[row]) offers.push({ target, before: before[target], incoming: row, after: graph.linksOf(target) });
    }
    return { own, offers };
  }

  test.each(['f32', 'f16'] as const)('of %s rows: the links that rows choose are the twins’', async (rowType) => {
    const { rows, seen } = table({ rowType, distance, packedDot: true }, plain, dimensions);
    const gap = between(distance, seen, dimensions);
    // Half of the candidates come as rows before the batch, half from inside it.
    const firstRow = 70;
    const size = count - firstRow;
    const before = new Uint32Array(size * firstRow * 2);
    const inside = new Uint32Array(size * size * 2).fill(EMPTY);
    for (let item = 0; item < size; item++)
      for (let other = 0; other < count; other++) {
        const key = keyOfDistance(gap(firstRow + item, other));
        if (other < firstRow) before.set([key, other], (item * firstRow + other) * 2);
        else inside.set([key, other - firstRow], (item * size + other - firstRow) * 2);
      }
    const links = await runForward(gpu, rows, { firstRow, count: size, keep: M, degree, before, inside });
    const found = Array.from({ length: size }, (_, item) => listOf(links, item, degree));
    const scalar = found.map((_, item) => {
      const row = firstRow + item;
      return pruneLinks(
        Array.from({ length: row }, (_unused, other) => ({ row: other, distance: gap(row, other) })),
        M,
        gap,
      );
    });
    expectLists(found, scalar, 'scalar');
    if (rowType === 'f32') expectLists(found, insertAll().own.slice(firstRow), 'wasm');
  });

  test.each(['f32', 'f16'] as const)('of %s rows: lists that take in new links are the twins’', async (rowType) => {
    const { offers } = insertAll();
    // Each offer has a row of its own, a copy of its target's, so that one dispatch does them all.
    const copies = new Float32Array((count + offers.length) * dimensions);
    copies.set(plain);
    offers.forEach(({ target }, i) => copies.set(at(plain, target, dimensions), (count + i) * dimensions));
    const { rows, seen } = table({ rowType, distance, packedDot: true }, copies, dimensions);
    const gap = between(distance, seen, dimensions);
    const links = new Uint32Array((count + offers.length) * degree).fill(EMPTY);
    offers.forEach(({ before }, i) => links.set(before, (count + i) * degree));
    const targets = Uint32Array.from(offers, (_, i) => count + i);
    const after = await runReverse(
      gpu,
      rows,
      degree,
      links,
      targets,
      offers.map(({ incoming }) => [incoming]),
    );
    const found = offers.map((_, i) => listOf(after, count + i, degree));
    const candidates = ({ target, before, incoming }: Offer): { row: number; distance: number }[] =>
      [...before, incoming].map((row) => ({ row, distance: gap(target, row) }));
    const scalar = offers.map((offer) => {
      const all = candidates(offer);
      if (all.length > degree) return pruneLinks(all, degree, gap);
      return all.toSorted((a, b) => a.distance - b.distance || a.row - b.row).map(({ row }) => row);
    });
    expectLists(found, scalar, 'scalar');
    if (rowType !== 'f32') return;
    // The engine appends while there is room and keeps whoever would lose its last in-link; what the heuristic chose is in the list.
    const full = offers.map(({ before }, i) => ({ i, isFull: before.length === degree })).filter(({ isFull }) => isFull);
    const sorted = (list: readonly number[]): number[] => list.toSorted((a, b) => a - b);
    expectLists(
      found.map(sorted).filter((_, i) => offers[i].before.length < degree),
      offers.filter(({ before }) => before.length < degree).map(({ after: list }) => sorted(list)),
      'wasm, room left',
    );
    expectLists(
      full.map(({ i }) => sorted(found[i].filter((link) => offers[i].after.includes(link)))),
      full.map(({ i }) => sorted(found[i])),
      'wasm, full',
    );
  });

  test('a row that all others want to be linked from chooses among them as the scalar twin does', async () => {
    const { rows, seen } = table({ rowType: 'f32', distance, packedDot: true }, plain, dimensions);
    const gap = between(distance, seen, dimensions);
    const links = new Uint32Array(count * degree).fill(EMPTY);
    const incoming = Array.from({ length: count - 1 }, (_, i) => i + 1);
    const after = await runReverse(gpu, rows, degree, links, Uint32Array.of(0), [incoming]);
    expectLists(
      [listOf(after, 0, degree)],
      [
        pruneLinks(
          incoming.map((row) => ({ row, distance: gap(0, row) })),
          degree,
          gap,
        ),
      ],
      'scalar',
    );
  });

  test.each(['f32', 'u7'] as const)(
    'a walk of the engine’s graph of %s rows comes as near as the engine’s own walk at equal width',
    async (rowType) => {
      const random = new SeededRandom(5);
      const [wide, many, asked] = [distance === 'hamming' ? 160 : 19, 900, 40];
      const all = distinctRows(random, distance, many + asked, wide);
      const [graphRows, queries] = [all.slice(0, many * wide), all.slice(many * wide)];
      const step = Math.fround(distance === 'cosine' ? 0.012 : 0.016);
      const space = rowType === 'u7' ? { center: new Float32Array(wide).fill(0.01), step } : null;
      const graph = new WasmGraph(distance, wide, M, space);
      for (let row = 0; row < many; row++) graph.insert(at(graphRows, row, wide), 48);
      const format: RowFormat = { rowType, distance, packedDot: gpu.facts.packedDot };
      const rows: Rows = space ? { format, dimensions: wide, count: many, encoded: graph.codes() } : table(format, graphRows, wide).rows;
      const seeds = Uint32Array.from({ length: 32 }, (_, i) => i * 28);
      const encoded = encodeQueries(format, wide, queries, space);
      const every = await runTile(gpu, { lanes: 8, each: 1, words: 2 }, rows, { count: asked, encoded }, null);
      // Compiling for another width takes a software adapter seconds.
      for (const ef of distance === 'l2-squared' ? [32, 96] : [32]) {
        const { pairs } = await runWalk(gpu, rows, { count: asked, encoded }, { ef, degree: 2 * M, links: graph.links(), seeds });
        let [found, theirs] = [0, 0];
        for (let q = 0; q < asked; q++) {
          const tenth = every.slice(q * many, (q + 1) * many).sort()[9] + 1e-5;
          const own = graph.walk(at(queries, q, wide), ef);
          const list = Array.from({ length: 10 }, (_, i) => distanceOfKey(pairs[(q * ef + i) * 2]));
          found += list.filter((d) => d <= tenth).length;
          theirs += [...own.subarray(0, 10)].filter((d) => d <= tenth).length;
        }
        expect(theirs / (asked * 10)).toBeGreaterThan(0.9);
        expect(Math.abs(found - theirs) / (asked * 10)).toBeLessThanOrEqual(0.005);
      }
    },
  );
});
