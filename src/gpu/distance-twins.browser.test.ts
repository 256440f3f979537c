import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { distanceOfKey, EMPTY } from '../kernels/gpu/ordered-key.ts';
import { rowFormatCode, type RowFormat } from '../kernels/gpu/row-format.ts';
import { TILE_SHAPES, type TileShape } from '../kernels/gpu/tile-distances.ts';
import { preparedRow } from '../kernels/scalar/distances.ts';
import { codeEngineRow } from '../kernels/scalar/engine-codes.ts';
import { codeQuery, type CodeSpace } from '../kernels/scalar/gpu-codes.ts';
import { codeDistance } from '../kernels/scalar/gpu-distance.ts';
import { halfBits, valueOfHalf } from '../kernels/scalar/gpu-half.ts';
import type { GpuDevice } from './gpu-device.ts';
import { DISTANCES, openTestDevice, randomRows, ROW_TYPES, spaceFor, twinDistances, type RowKind } from './gpu-fixture.ts';
import { runGather, runScore, runTile, runTileOfRows, type Queries, type Rows } from './kernel-runs.ts';
import { encodeQueries, encodeRows, rowBytes } from './row-words.ts';
import { wasmCodes, wasmCodeSums, wasmDistances } from './wasm-twin.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openTestDevice();
});
afterAll(() => gpu?.destroy());

/**
 * Compiling a tile of many sums takes a software adapter seconds, so most of these are of few; the shapes that are used otherwise are
 * the same code, and `exact-search.browser.test.ts` compares each of them, with every format, with the scalar twin.
 */
const SMALL: TileShape = { lanes: 8, each: 2, words: 4 };
const SMALLEST: TileShape = { lanes: 8, each: 1, words: 2 };

interface Shape {
  readonly dimensions: number;
  readonly rows: number;
  readonly queries: number;
  readonly kind: RowKind;
}

/** Terms of one comparison, so that plain code is done with it in a moment. */
const TERMS_MAX = 400_000;

/** Sizes over the whole range: many rows, many dimensions, odd ones, fewer than a word, more queries than a tile; all kinds of rows. */
function shapesFor(random: SeededRandom): Shape[] {
  const upTo = (most: number): number => 1 + random.int(Math.max(1, Math.floor(most)));
  const odd = 5 + 2 * random.int(2_000);
  const wide = 4_096 - random.int(2);
  const narrow = upTo(40);
  return [
    { dimensions: upTo(3), rows: 100_000 - random.int(100), queries: 1, kind: 'random' },
    { dimensions: wide, rows: upTo(TERMS_MAX / wide / 2), queries: 2, kind: 'random' },
    { dimensions: odd, rows: upTo(TERMS_MAX / odd / 3), queries: 3, kind: 'duplicates' },
    { dimensions: upTo(20), rows: upTo(9), queries: upTo(9), kind: 'random' },
    { dimensions: narrow, rows: upTo(TERMS_MAX / narrow / 70), queries: 66 + random.int(5), kind: 'equal' },
  ];
}

interface Case {
  readonly format: RowFormat;
  readonly shape: Shape;
  readonly space: CodeSpace | null;
  /** As the kernels see them: f16 rows already rounded. */
  readonly plainRows: Float32Array<ArrayBuffer>;
  readonly plainQueries: Float32Array<ArrayBuffer>;
  readonly rows: Rows;
  readonly queries: Queries;
}

function caseOf(random: SeededRandom, format: RowFormat, shape: Shape): Case {
  const { dimensions, kind } = shape;
  const { distance, rowType } = format;
  const plain = randomRows(random, distance, shape.rows, dimensions, kind);
  const plainQueries = randomRows(random, distance, shape.queries, dimensions, 'random');
  plainQueries.set(plain.subarray(0, dimensions)); // a row's distance to itself is among them
  const space = rowType === 'u7' ? spaceFor(distance, plain) : null;
  return {
    format,
    shape,
    space,
    plainRows: rowType === 'f16' ? plain.map((value) => valueOfHalf(halfBits(value))) : plain,
    plainQueries,
    rows: { format, dimensions, count: shape.rows, encoded: encodeRows(format, dimensions, plain, space) },
    queries: { count: shape.queries, encoded: encodeQueries(format, dimensions, plainQueries, space) },
  };
}

const at = (rows: Float32Array, row: number, dimensions: number): Float32Array => rows.subarray(row * dimensions, (row + 1) * dimensions);

interface Twins {
  readonly scalar: Float64Array;
  readonly wasm: ArrayLike<number>;
  readonly tolerance: Float64Array;
}

/** What both twins say of every query. */
const allTwins = (c: Case): Twins[] => Array.from({ length: c.shape.queries }, (_, q) => twinsOf(c, q));

/** What both twins say of a query and every row, and how far the kernel may be from each. */
function twinsOf({ format, shape, space, plainRows, plainQueries, rows }: Case, query: number): Twins {
  const { dimensions } = shape;
  const asked = at(plainQueries, query, dimensions);
  const { value, tolerance } = twinDistances(format, space, asked, plainRows, dimensions);
  if (!space) return { scalar: value, tolerance, wasm: wasmDistances(format.distance, asked, plainRows) };
  const bytes = rowBytes(format, dimensions);
  const codes = new Uint8Array(bytes);
  const term = codeQuery(space, format.distance, asked, codes);
  const sums = wasmCodeSums(format.distance, codes, rows.encoded.words, bytes);
  return { scalar: value, tolerance, wasm: Float64Array.from(sums, (sum, row) => codeDistance(sum, term, rows.encoded.terms[row])) };
}

/** Twins agree with each other within one tolerance and with the kernel within another: wasm rounds as the kernel does, so twice. */
function compare(c: Case, twins: Twins, row: number, found: number, what: string): void {
  const slack = twins.tolerance[row];
  const isRight = Math.abs(found - twins.scalar[row]) <= slack && Math.abs(found - twins.wasm[row]) <= 2 * slack;
  if (!isRight)
    throw new Error(
      `${what} ${c.format.rowType} ${c.format.distance} ${JSON.stringify(c.shape)}: row ${row} at ${found}, scalar ${twins.scalar[row]}, wasm ${twins.wasm[row]}, ± ${slack}`,
    );
}

async function checkTile(c: Case, twins: readonly Twins[], tile = SMALL): Promise<void> {
  const { rows, queries, shape } = c;
  const found = await runTile(gpu, tile, rows, queries, null);
  expect(found.length).toBe(shape.rows * shape.queries);
  twins.forEach((twin, q) => {
    for (let row = 0; row < shape.rows; row++) compare(c, twin, row, found[q * shape.rows + row], 'tile');
  });
}

async function checkTileByList(c: Case, twins: readonly Twins[], random: SeededRandom): Promise<void> {
  const list = Uint32Array.from({ length: 1 + random.int(300) }, () => random.int(c.shape.rows));
  const found = await runTile(gpu, SMALLEST, c.rows, c.queries, list);
  twins.forEach((twin, q) => list.forEach((row, i) => compare(c, twin, row, found[q * list.length + i], 'tile by list')));
}

/** Queries that are rows of the table, from any of them on; with `earlierOnly` later rows and the row itself are out of reach. */
async function checkTileOfRows(c: Case, random: SeededRandom): Promise<void> {
  const { shape, plainRows } = c;
  const firstQuery = random.int(shape.rows);
  const count = Math.min(shape.rows - firstQuery, shape.queries);
  const own = { ...c, plainQueries: plainRows.subarray(firstQuery * shape.dimensions) };
  const twins = Array.from({ length: count }, (_, q) => twinsOf(own, q));
  for (const earlierOnly of [false, true]) {
    const found = await runTileOfRows(gpu, SMALLEST, c.rows, { firstQuery, queries: count, earlierOnly });
    for (let q = 0; q < count; q++) {
      for (let row = 0; row < shape.rows; row++) {
        const distance = found[q * shape.rows + row];
        if (earlierOnly && row >= firstQuery + q) expect(distance).toBeGreaterThan(3e38);
        else compare(own, twins[q], row, distance, 'tile of rows');
      }
    }
  }
}

async function checkScore(c: Case, twins: readonly Twins[], random: SeededRandom): Promise<void> {
  const { rows, queries, shape } = c;
  const count = 1 + random.int(90);
  const found = Uint32Array.from({ length: queries.count * count * 2 }, () => (random.int(10) === 0 ? EMPTY : random.int(shape.rows)));
  const ids = Uint32Array.from({ length: shape.rows }, (_, row) => (random.int(6) === 0 ? EMPTY : 7 * row + 3));
  const pairs = await runScore(gpu, rows, queries, found, ids);
  for (let q = 0; q < queries.count; q++) {
    for (let i = 0; i < count; i++) {
      const place = (q * count + i) * 2;
      const row = found[place + 1];
      const id = row === EMPTY ? EMPTY : ids[row];
      expect(pairs[place + 1]).toBe(id);
      if (id === EMPTY) expect(pairs[place]).toBe(EMPTY);
      else compare(c, twins[q], row, distanceOfKey(pairs[place]), 'scored pairs');
    }
  }
}

describe.each(DISTANCES)('%s', (distance) => {
  test.each(ROW_TYPES)('of %s rows: tiles, tiles by list, tiles of rows and scored pairs are the twins’', async (rowType) => {
    const format: RowFormat = { rowType, distance, packedDot: gpu.facts.packedDot };
    const random = new SeededRandom(100 * DISTANCES.indexOf(distance) + ROW_TYPES.indexOf(rowType));
    for (const shape of shapesFor(random)) {
      const c = caseOf(random, format, shape);
      const twins = allTwins(c);
      await checkTile(c, twins);
      await checkTileByList(c, twins, random);
      if (rowType !== 'u7') await checkTileOfRows(c, random);
      await checkScore(c, twins, random);
    }
  });
});

test('a tile of the size that is used, and the 8-bit product spelled out, are the twins’', async () => {
  const random = new SeededRandom(9);
  const spelled: RowFormat = { rowType: 'u7', distance: 'dot', packedDot: false };
  expect(rowFormatCode(spelled).functions).not.toMatch('dot4I8Packed');
  for (const shape of shapesFor(random)) {
    const floats = caseOf(random, { rowType: 'f32', distance: 'l2-squared', packedDot: true }, shape);
    await checkTile(floats, allTwins(floats), TILE_SHAPES[0]);
    const codes = caseOf(random, spelled, shape);
    await checkTile(codes, allTwins(codes));
  }
});

test('gathered rows are the rows, word for word', async () => {
  const random = new SeededRandom(4);
  for (const rowType of ROW_TYPES)
    for (const shape of shapesFor(random)) {
      const { rows } = caseOf(random, { rowType, distance: 'dot', packedDot: true }, shape);
      const bytes = rowBytes(rows.format, shape.dimensions);
      const numbers = Uint32Array.from({ length: 1 + random.int(2 * TERMS_MAX) / bytes }, () => random.int(shape.rows));
      const gathered = await runGather(gpu, rows, numbers, 3);
      const expected = new Uint8Array(numbers.length * bytes);
      numbers.forEach((row, i) => expected.set(rows.encoded.words.subarray(row * bytes, (row + 1) * bytes), i * bytes));
      expect(
        gathered.every((byte, i) => byte === expected[i]),
        JSON.stringify(shape),
      ).toBe(true);
    }
});

test.each(DISTANCES)('the engine’s own codes: rows bit for bit, and what queries measure to them, by %s', async (distance) => {
  const format: RowFormat = { rowType: 'u7', distance, packedDot: gpu.facts.packedDot };
  const random = new SeededRandom(31 + DISTANCES.indexOf(distance));
  for (const dimensions of [1, 15, 16, 17 + 2 * random.int(400), 4_095, 4_096]) {
    const count = 1 + random.int(Math.min(900, TERMS_MAX / dimensions));
    const plain = randomRows(random, distance, count, dimensions, 'random');
    const query = randomRows(random, distance, 1, dimensions, 'random');
    const center = Float32Array.from({ length: dimensions }, () => (distance === 'hamming' ? 0 : (random.next() - 0.5) * 0.3));
    const space = { center, step: Math.fround(distance === 'cosine' ? 0.04 / Math.sqrt(dimensions) + 0.002 : 0.02) };
    const { codes, terms, distances } = wasmCodes(distance, space, plain, query);
    const own = new Uint8Array(dimensions);
    for (let row = 0; row < count; row++) {
      codeEngineRow(space, distance, preparedRow(distance, at(plain, row, dimensions)), own);
      expect([...codes.subarray(row * (codes.length / count), row * (codes.length / count) + dimensions)]).toEqual([...own]);
    }
    const queries = {
      count: 1,
      encoded: encodeQueries(format, dimensions, preparedRow(distance, query) as Float32Array<ArrayBuffer>, space),
    };
    const rows: Rows = { format, dimensions, count, encoded: { words: codes, terms } };
    const found = await runTile(gpu, SMALLEST, rows, queries, null);
    const [scale, offset] = queries.encoded.terms;
    found.forEach((measured, row) => {
      // A code that is off by one moves a distance by 64 × scale or so.
      const slack = 2e-6 * (Math.abs(offset) + Math.abs(terms[row]) + Math.abs(distances[row])) + Math.abs(scale) / 8;
      if (!(Math.abs(measured - distances[row]) <= slack))
        throw new Error(`${distance} ${dimensions}: row ${row} at ${measured}, the engine has it at ${distances[row]} ± ${slack}`);
    });
  }
});
