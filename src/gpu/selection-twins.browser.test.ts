import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { DocSet } from '../core/doc-set.ts';
import { distanceOfKey, EMPTY } from '../kernels/gpu/ordered-key.ts';
import { selectWidthFor } from '../kernels/gpu/select-nearest.ts';
import { nearest } from '../kernels/scalar/gpu-select.ts';
import type { GpuDevice } from './gpu-device.ts';
import { openTestDevice } from './gpu-fixture.ts';
import { runSelect } from './kernel-runs.ts';
import { wasmNearest } from './wasm-twin.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openTestDevice();
});
afterAll(() => gpu?.destroy());

type Kind = 'random' | 'few distances' | 'equal' | 'rising' | 'falling';
interface Case {
  readonly k: number;
  readonly rows: number;
  readonly queries: number;
  readonly kind: Kind;
  readonly allow: 'none' | 'half' | 'few' | 'nothing';
  readonly chunk: number;
  readonly segments: number;
}

function distancesOf(random: SeededRandom, { kind, rows, queries }: Case): Float32Array<ArrayBuffer> {
  const level = random.next() - 0.5;
  return Float32Array.from({ length: rows * queries }, (_, i) => {
    if (kind === 'equal') return level;
    if (kind === 'few distances') return [-1.5, -0, 0, 2, 1e-30, 3e30][random.int(6)];
    if (kind === 'random') return (random.next() - 0.5) * 10 ** random.int(6);
    return (kind === 'rising' ? i % rows : rows - (i % rows)) / 7 - rows / 20;
  });
}

/** Ids in no order, some of them of removed rows. */
function idsOf(random: SeededRandom, rows: number): Uint32Array<ArrayBuffer> {
  const ids = Uint32Array.from({ length: rows }, (_, i) => 2 * i + 5);
  for (let i = rows - 1; i > 0; i--) {
    const other = random.int(i + 1);
    [ids[i], ids[other]] = [ids[other], ids[i]];
  }
  return ids.map((id) => (random.int(30) === 0 ? EMPTY : id));
}

async function check(c: Case, random: SeededRandom): Promise<void> {
  const { k, rows, queries } = c;
  const distances = distancesOf(random, c);
  const ids = idsOf(random, rows);
  const share = { none: 1, half: 2, few: 40, nothing: Infinity }[c.allow];
  // Its bits end before the highest id, so that some ids lie beyond them.
  const allowed = c.allow === 'none' ? null : DocSet.of(ids.filter((id) => id < 1.9 * rows && random.next() * share < 1));
  const words = allowed && (allowed.words.length > 0 ? allowed.words : new Uint32Array(1));
  const pairs = await runSelect(gpu, { ...c, distances, ids, allowed: words });
  for (let q = 0; q < queries; q++) {
    const row = distances.subarray(q * rows, (q + 1) * rows);
    const scalar = nearest(row, ids, k, allowed ? (id) => allowed.has(id) : undefined);
    const wasm = wasmNearest(row, ids, k, words);
    const list = pairs.subarray(q * selectWidthFor(k) * 2, (q * selectWidthFor(k) + k) * 2);
    const found = Array.from({ length: k }, (_, i) => list[2 * i + 1]).filter((id) => id !== EMPTY);
    expect(found, JSON.stringify(c)).toEqual([...scalar.ids]);
    expect(found, JSON.stringify(c)).toEqual(wasm.ids);
    const measured = found.map((_, i) => distanceOfKey(list[2 * i]));
    expect(measured).toEqual([...scalar.keys].map(distanceOfKey));
    expect(measured).toEqual(wasm.distances.map((distance) => distance + 0));
  }
}

const KINDS: readonly Kind[] = ['random', 'few distances', 'equal', 'rising', 'falling'];
const ALLOWS = ['none', 'half', 'few', 'nothing'] as const;

for (const most of [16, 64, 256, 1000])
  test(`lists of up to ${most}: of all and of few rows, in chunks and segments, filtered or not, the twins’ to the bit`, async () => {
    const random = new SeededRandom(most);
    const shapes = [1, 511, 512, 513, 1_025, 1 + random.int(5_000), 1 + random.int(20_000)];
    for (const [i, rows] of shapes.entries()) {
      const kind = KINDS[i % KINDS.length];
      const lowest = selectWidthFor(most) === 16 ? 1 : 1 + [16, 64, 256].findLast((width) => width < most)!;
      const k = [lowest, most, lowest + random.int(most - lowest + 1)][i % 3];
      const chunk = 1 + random.int(rows);
      const queries = 1 + random.int(3);
      for (const allow of [ALLOWS[i % 4], 'none'] as const)
        await check({ k, rows, queries, kind, allow, chunk: Math.max(chunk, rows >> 3), segments: 1 + random.int(4) }, random);
    }
  });

test('of a hundred thousand rows at once, by k 1 and 1,000', async () => {
  const random = new SeededRandom(77);
  for (const [k, kind, allow, segments] of [
    [1, 'falling', 'none', 7],
    [1000, 'random', 'half', 16],
    [1000, 'equal', 'none', 1],
    [64, 'few distances', 'few', 3],
  ] as const)
    await check({ k, rows: 100_000, queries: 1, kind, allow, chunk: 64_000, segments }, random);
});
