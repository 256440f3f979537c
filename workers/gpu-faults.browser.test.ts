import { get, set } from 'idb-keyval';
import { afterEach, expect, test, vi } from 'vitest';
import { connect, type ConnectOptions, type Database } from '../src/client/index.ts';
import { SeededRandom } from '../src/core/clock.ts';
import type { Calibration } from '../src/gpu/calibration.ts';
import { WIN } from '../src/gpu/gpu-planner.ts';
import type { TestGpu, TestGpuOrder } from './testing/gpu-faults.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const opened: Database[] = [];
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
});

const random = new SeededRandom(16);
const vector = (): number[] => Array.from({ length: 8 }, () => random.next() - 0.5);
const rows = Array.from({ length: 400 }, (_, n) => ({ properties: { n }, vectors: vector() }));
const queries = Array.from({ length: 20 }, vector);

/** What the five nearest are, by plain arithmetic. */
const expected = queries.map((query) => {
  const cosine = (row: readonly number[]): number => row.reduce((sum, v, d) => sum + v * query[d], 0) / Math.hypot(...row);
  return rows
    .toSorted((a, b) => cosine(b.vectors) - cosine(a.vectors))
    .slice(0, 5)
    .map(({ properties }) => properties.n);
});

interface TestDatabase {
  readonly db: Database;
  /** Asks all queries in one turn: what was found, and what is said of the first. */
  ask(): Promise<{ found: number[][]; explain: string }>;
  tell(order: TestGpuOrder): Promise<void>;
}

async function open(mode: ConnectOptions['gpu'], gpu: Partial<TestGpu> = {}): Promise<TestDatabase> {
  const channel = `gpu-faults-${crypto.randomUUID()}`;
  const name = JSON.stringify({ card: null, shader: null, ...gpu, channel } satisfies TestGpu);
  const worker = (): Worker => new Worker(new URL('./testing/coordinator.worker.ts', import.meta.url), { type: 'module', name });
  const db = await connect(channel, { storage: 'memory', engines: 1, gpu: mode, worker, timeoutMs: 30_000 });
  opened.push(db);
  const notes = await db.collections.ensure('Note', { properties: { n: 'int' }, vectors: { default: { dimensions: 8 } } });
  await notes.data.insertMany(rows);
  await notes.query.nearVector(queries[0], { limit: 5 });
  const orders = new BroadcastChannel(channel);
  return {
    db,
    async ask() {
      const results = await notes.query.nearVector(queries, { limit: 5, explain: true });
      return {
        found: results.map(({ objects }) => objects.map(({ properties }) => properties.n)),
        explain: JSON.stringify(results[0].explain),
      };
    },
    tell: (order) =>
      new Promise((resolve) => {
        orders.onmessage = () => resolve();
        orders.postMessage(order);
      }),
  };
}

test('a device destroyed in mid-batch leaves the answer to the CPU, and is back after a while', async () => {
  const { db, ask, tell } = await open('force');
  expect(await ask()).toMatchObject({ found: expected, explain: expect.stringContaining('"backend":"gpu"') });
  await tell('lose');
  expect(await ask()).toMatchObject({ found: expected, explain: expect.stringContaining('"backend":"wasm"') });
  expect(await db.gpu()).toMatchObject({ state: 'lost', devicesLost: 1, jobsRun: 1 });
  await vi.waitUntil(async () => (await ask()).explain.includes('"backend":"gpu"'), { timeout: 60_000, interval: 500 });
  expect((await ask()).found).toEqual(expected);
  expect(await db.gpu()).toMatchObject({ state: 'ready', devicesLost: 1 });
});

test('a full GPU memory leaves the answer to the CPU', async () => {
  const { db, ask, tell } = await open('force');
  expect((await ask()).explain).toContain('"backend":"gpu"');
  await tell('fill');
  expect(await ask()).toMatchObject({ found: expected, explain: expect.stringContaining('"backend":"wasm"') });
  expect(await db.gpu()).toMatchObject({ state: 'ready', jobsRun: 1, lastFailure: expect.stringMatching(/out of GPU memory/) });
  await tell('mend');
  expect(await ask()).toMatchObject({ found: expected, explain: expect.stringContaining('"backend":"gpu"') });
});

test('a kernel that computes wrongly is reported and never used', async () => {
  const { db, ask } = await open('force', { shader: ['return sum + dot(q, r);', 'return sum + 1.001 * dot(q, r);'] });
  for (let round = 0; round < 2; round++)
    expect(await ask()).toMatchObject({ found: expected, explain: expect.stringContaining('"backend":"wasm"') });
  const { kernelsWrong, jobsRun } = (await db.gpu())!;
  expect(jobsRun).toBe(0);
  expect(kernelsWrong).toHaveLength(1);
  expect(kernelsWrong[0]).toMatch(/^exact-f32-cosine: .*should be/);
});

/** What a card was measured to do, as an earlier session kept it. */
const measured = (roundTripMs: number): Calibration => ({
  version: 1,
  costs: { roundTripMs, uploadBytesPerMs: 1e9, scanTermsPerMs: { f32: 1e11, f16: 1e11, u7: 1e11 }, walkTermsPerMs: 1e11 },
  shape: 0,
});

test('a card that was measured to be fast gets the batches; what they took changes what is kept of it', async () => {
  const card = `Fast card ${crypto.randomUUID()}`;
  const key = `heddle-gpu:${card}`;
  await set(key, measured(1e-6));
  const { db, ask } = await open('auto', { card });
  for (let round = 0; round < 6; round++) expect((await ask()).found).toEqual(expected);
  const { explain } = await ask();
  expect(explain).toContain('"backend":"gpu"');
  const [, times] = /expected ([\d.]+) times as fast as the CPU, at least 1.5/.exec(explain)!;
  expect(Number(times)).toBeGreaterThanOrEqual(WIN);
  const report = (await db.gpu())!;
  expect(report).toMatchObject({ state: 'ready', mode: 'auto', adapter: { description: card, isSoftware: false }, jobsFailed: 0 });
  expect(report.jobsRun).toBe(7);
  const kept = (await get<Calibration>(key))!;
  expect(kept.costs).not.toEqual(measured(1e-6).costs);
  expect(kept.costs.scanTermsPerMs.u7).toBe(1e11);
  await db.close();
  opened.pop();

  const again = await open('auto', { card });
  await again.ask();
  const { costs, jobsRun } = (await again.db.gpu())!;
  expect(jobsRun).toBe(1);
  // One job more moves them by an eighth at most.
  expect(costs!.roundTripMs).toBeGreaterThan(kept.costs.roundTripMs / 2);
});

test('a card that is slow to answer gets nothing by itself, but all of it when forced', async () => {
  const card = `Slow card ${crypto.randomUUID()}`;
  await set(`heddle-gpu:${card}`, measured(10_000));
  const { db, ask } = await open('auto', { card });
  for (let round = 0; round < 2; round++) expect((await ask()).found).toEqual(expected);
  const { explain } = await ask();
  expect(explain).toContain('"backend":"wasm"');
  expect(explain).toMatch(/expected 0\.0\d times as fast as the CPU, less than 1.5/);
  expect(await db.gpu()).toMatchObject({ state: 'ready', jobsRun: 0, costs: { roundTripMs: 10_000 }, adapter: { isSoftware: false } });
  const forced = await open('force', { card });
  expect(await forced.ask()).toMatchObject({ found: expected, explain: expect.stringMatching(/"backend":"gpu".*the GPU is forced/) });
  const forbidden = await open('forbid', { card });
  expect((await forbidden.ask()).explain).toContain('"backend":"wasm"');
  expect(await forbidden.db.gpu()).toBeNull();
});
