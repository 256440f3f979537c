import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { BufferPool } from './buffer-pool.ts';
import { exactSearch } from './exact-search.ts';
import type { GpuDevice } from './gpu-device.ts';
import { openTestDevice, randomRows } from './gpu-fixture.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { RowTable } from './row-table.ts';
import { TILE_SHAPES } from '../kernels/gpu/tile-distances.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const BUDGET = 2 ** 20;
let gpu: GpuDevice;
let pool: BufferPool;
beforeAll(async () => {
  gpu = await openTestDevice();
});
beforeEach(() => {
  pool = new BufferPool(gpu.device, BUDGET);
});
afterAll(() => gpu?.destroy());

test('a buffer that was given back serves the next of about its size, and none of another kind', () => {
  const first = pool.take('storage', 10_000);
  const { bytes } = pool;
  pool.give(first);
  expect(pool.take('read', 10_000)).not.toBe(first);
  expect(pool.take('storage', 60_000)).not.toBe(first);
  expect(pool.take('storage', 100)).not.toBe(first);
  expect(pool.take('storage', 9_500)).toBe(first);
  expect(first.size).toBeGreaterThanOrEqual(10_000);
  expect(bytes).toBe(first.size);
});

test('whatever is taken and given back, bytes are those of all buffers and never pass the budget; idle ones make room', () => {
  const random = new SeededRandom(1);
  const held: GPUBuffer[] = [];
  let refused = 0;
  const destroyed = vi.spyOn(GPUBuffer.prototype, 'destroy');
  for (let i = 0; i < 2_000; i++) {
    if (held.length > 0 && random.int(2) === 0) pool.give(held.splice(random.int(held.length), 1)[0]);
    else
      try {
        const wanted = 1 + random.int(200_000);
        const buffer = pool.take(random.int(2) === 0 ? 'storage' : 'uniform', wanted);
        expect(buffer.size).toBeGreaterThanOrEqual(wanted);
        expect(held).not.toContain(buffer);
        held.push(buffer);
      } catch (error) {
        expect(error).toBeInstanceOf(GpuUnavailable);
        refused++;
        expect(held.reduce((sum, buffer) => sum + buffer.size, 0)).toBeGreaterThan(BUDGET - 300_000);
      }
    expect(pool.bytes).toBeLessThanOrEqual(BUDGET);
  }
  expect(refused).toBeGreaterThan(0);
  expect(destroyed.mock.calls.length).toBeGreaterThan(10);
  for (const buffer of held) pool.give(buffer);
  pool.trim();
  expect(pool.bytes).toBe(0);
  vi.restoreAllMocks();
});

test('rows that come take the places of rows that went; what is there is not sent again', async () => {
  const random = new SeededRandom(2);
  const dimensions = 12;
  const rows = randomRows(random, 'l2-squared', 900, dimensions, 'random');
  const table = new RowTable(gpu, { format: { rowType: 'f32', distance: 'l2-squared', packedDot: true }, dimensions, space: null });
  const numbers = (from: number, to: number): Uint32Array<ArrayBuffer> => Uint32Array.from({ length: to - from }, (_, i) => from + i);
  const written = vi.spyOn(GPUQueue.prototype, 'writeBuffer');
  const sent = (): number =>
    written.mock.calls.reduce((sum, [, , from, , size]) => sum + (size ?? (from as ArrayBufferView).byteLength), 0);
  const hits = await gpu.exclusive(async () => {
    await table.append(numbers(0, 600), rows.subarray(0, 600 * dimensions));
    const before = sent();
    table.remove(numbers(100, 300));
    await table.append(numbers(600, 900), rows.subarray(600 * dimensions));
    expect([table.count, table.live]).toEqual([700, 700]);
    expect(sent() - before).toBeLessThan(300 * (dimensions * 4 + 4) + 200 * 4 + 1);
    const queries = rows.slice(250 * dimensions, 251 * dimensions);
    return exactSearch(gpu, { table, queries, k: 700, allow: null, shape: TILE_SHAPES[0], scratchBytesMax: 2 ** 20 });
  });
  table.drop();
  vi.restoreAllMocks();
  expect([...hits.docIDs].toSorted((a, b) => a - b)).toEqual([...numbers(0, 100), ...numbers(300, 900)]);
});
