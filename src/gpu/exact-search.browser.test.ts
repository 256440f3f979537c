import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { DocSet } from '../core/doc-set.ts';
import { SeededRandom } from '../core/clock.ts';
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import type { RowFormat } from '../kernels/gpu/row-format.ts';
import { TILE_SHAPES } from '../kernels/gpu/tile-distances.ts';
import { exactSearch, type GpuAllow } from './exact-search.ts';
import type { GpuDevice } from './gpu-device.ts';
import { DISTANCES, openTestDevice, randomRows, ROW_TYPES, spaceFor, twinDistances, type RowKind } from './gpu-fixture.ts';
import { RowTable } from './row-table.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

interface Case {
  readonly format: RowFormat;
  readonly dimensions: number;
  readonly rows: number;
  readonly queries: number;
  readonly k: number;
  readonly kind: RowKind;
  readonly allow: 'none' | 'bits' | 'list';
  readonly shape: number;
  readonly scratchBytesMax: number;
}

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openTestDevice();
});
afterAll(() => gpu?.destroy());

/** Checks order, membership and distances of every hit against the twin, allowing for rounding at the boundary only. */
async function check(c: Case, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const { format, dimensions } = c;
  const rows = randomRows(random, format.distance, c.rows, dimensions, c.kind);
  const queries = randomRows(random, format.distance, c.queries, dimensions, 'random');
  if (c.kind !== 'random') queries.set(rows.subarray(0, Math.min(rows.length, dimensions)));
  const space = format.rowType === 'u7' ? spaceFor(format.distance, rows) : null;
  const docIDs = Uint32Array.from({ length: c.rows }, (_, i) => i * 3 + 1);
  const table = new RowTable(gpu, { format, dimensions, space });
  const allowed = DocSet.of(docIDs.filter(() => random.int(c.allow === 'list' ? 10 : 2) === 0));
  const removed = docIDs.filter(() => random.int(20) === 0);
  const allow: GpuAllow | null =
    c.allow === 'none' ? null : c.allow === 'bits' ? { kind: 'bits', words: allowed.words } : { kind: 'list', docIDs: allowed.toArray() };
  const hits = await gpu.exclusive(async () => {
    const half = Math.floor(c.rows / 2);
    await table.append(docIDs.subarray(0, half), rows.subarray(0, half * dimensions));
    await table.append(docIDs.subarray(half), rows.subarray(half * dimensions));
    table.remove(removed);
    return exactSearch(gpu, { table, queries, k: c.k, allow, shape: TILE_SHAPES[c.shape], scratchBytesMax: c.scratchBytesMax });
  });
  table.drop();
  const gone = new Set(removed);
  const ids = Array.from(docIDs, (id) => (gone.has(id) || (allow && !allowed.has(id)) ? EMPTY : id));
  for (let q = 0; q < c.queries; q++) {
    const twin = twinDistances(format, space, queries.subarray(q * dimensions, (q + 1) * dimensions), rows, dimensions);
    const live = ids.map((id, i) => ({ id, i })).filter(({ id }) => id !== EMPTY);
    const order = live.toSorted((a, b) => twin.value[a.i] - twin.value[b.i] || a.id - b.id);
    const expected = Math.min(c.k, order.length);
    const found = [...hits.docIDs.subarray(q * c.k, (q + 1) * c.k)];
    expect(found.filter((id) => id !== EMPTY).length).toBe(expected);
    expect(new Set(found.slice(0, expected)).size).toBe(expected);
    const last = order[expected - 1];
    let worst = 0;
    for (let i = 0; i < expected; i++) {
      const row = (found[i] - 1) / 3;
      const distance = hits.distances[q * c.k + i];
      const slack = twin.tolerance[row];
      if (!(Math.abs(distance - twin.value[row]) <= slack))
        throw new Error(`${JSON.stringify(c)}: hit ${i} has ${distance}, twin says ${twin.value[row]} ± ${slack}`);
      worst = Math.max(worst, twin.value[row] - twin.value[last.i] - slack - twin.tolerance[last.i]);
      if (ids[row] === EMPTY) throw new Error(`${JSON.stringify(c)}: hit ${found[i]} is deleted or not allowed`);
      if (i > 0) {
        const before = hits.distances[q * c.k + i - 1];
        expect(before < distance || (before === distance && found[i - 1] < found[i])).toBe(true);
      }
    }
    expect(worst).toBeLessThanOrEqual(0);
    const isExact = space !== null && (format.distance === 'manhattan' || format.distance === 'hamming');
    if (isExact || c.kind === 'equal') expect(found.slice(0, expected)).toEqual(order.slice(0, expected).map((o) => o.id));
  }
}

for (const distance of DISTANCES) {
  for (const rowType of ROW_TYPES) {
    test(`${rowType} ${distance}: hits, order and distances are the twin's`, async () => {
      const format: RowFormat = { rowType, distance, packedDot: true };
      const seed = DISTANCES.indexOf(distance) * 10 + ROW_TYPES.indexOf(rowType);
      await check(
        { format, dimensions: 37, rows: 400, queries: 5, k: 10, kind: 'duplicates', allow: 'none', shape: 0, scratchBytesMax: 2 ** 12 },
        seed,
      );
      await check(
        {
          format,
          dimensions: 1 + (seed % 5),
          rows: 333,
          queries: 3,
          k: 100,
          kind: 'random',
          allow: 'bits',
          shape: 0,
          scratchBytesMax: 2 ** 20,
        },
        seed + 1,
      );
    });
  }
}

const L2: RowFormat = { rowType: 'f32', distance: 'l2-squared', packedDot: true };
const CODES: RowFormat = { rowType: 'u7', distance: 'cosine', packedDot: true };
const common = { shape: 0, scratchBytesMax: 2 ** 20, kind: 'random', allow: 'none' } as const;

test('a hundred thousand rows, a thousand hits, segments merged: the twin’s', async () => {
  await check({ ...common, format: L2, dimensions: 1, rows: 100_000, queries: 1, k: 1000 }, 1);
});

test('4,096 dimensions, and more hits asked for than there are rows', async () => {
  for (const format of [L2, CODES]) await check({ ...common, format, dimensions: 4096, rows: 45, queries: 2, k: 64 }, 2);
});

test('rows at equal distances come in the order of their ids', async () => {
  for (const format of [L2, CODES])
    await check({ ...common, format, dimensions: 9, rows: 1500, queries: 2, k: 16, kind: 'equal', scratchBytesMax: 2 ** 12 }, 3);
});

test('a sparse allow-list is scanned through its rows', async () => {
  for (const format of [L2, CODES]) await check({ ...common, format, dimensions: 20, rows: 600, queries: 4, k: 16, allow: 'list' }, 4);
});

test('every tile shape, and the integer product spelled out, compute the same', async () => {
  for (const shape of [1, 2]) await check({ ...common, format: L2, dimensions: 50, rows: 300, queries: 70, k: 16, shape }, 5);
  await check({ ...common, format: { ...CODES, packedDot: false }, dimensions: 50, rows: 100, queries: 3, k: 16 }, 6);
});

test('any size at all', async () => {
  const sizes = fc.record({
    format: fc.constantFrom(L2, CODES),
    dimensions: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 1, max: 1200 }),
    queries: fc.integer({ min: 1, max: 40 }),
    k: fc.constantFrom(1, 2, 15, 16, 64, 1000),
    kind: fc.constantFrom('random', 'duplicates', 'equal') as fc.Arbitrary<RowKind>,
    allow: fc.constant('none' as const),
    shape: fc.constant(0),
    scratchBytesMax: fc.integer({ min: 1, max: 2 ** 18 }),
  });
  await fc.assert(fc.asyncProperty(sizes, fc.nat(), check), { numRuns: 12, seed: 20 });
});
