import { afterEach, expect, test, vi } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { connect, type ConnectOptions, type Database } from './index.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const opened: Database[] = [];
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
});

const random = new SeededRandom(6);
const vector = (): number[] => Array.from({ length: 8 }, () => random.next() - 0.5);
const rows = Array.from({ length: 400 }, (_, n) => ({ properties: { n }, vectors: vector() }));
const queries = Array.from({ length: 20 }, vector);

async function answers(gpu: ConnectOptions['gpu']): Promise<{ db: Database; found: number[][] }> {
  const db = await connect(`gpu-${gpu}-${crypto.randomUUID()}`, { storage: 'memory', engines: 1, gpu });
  opened.push(db);
  const notes = await db.collections.ensure('Note', { properties: { n: 'int' }, vectors: { default: { dimensions: 8 } } });
  await notes.data.insertMany(rows);
  await notes.query.nearVector(queries[0], { limit: 5 });
  await notes.query.nearVector(queries, { limit: 5 });
  const results = await notes.query.nearVector(queries, { limit: 5 });
  return { db, found: results.map(({ objects }) => objects.map(({ properties }) => properties.n)) };
}

test('a batch of queries answered by the GPU worker is the batch that the CPU answers, and db.gpu() tells', async () => {
  const forced = await answers('force');
  const forbidden = await answers('forbid');
  expect(forced.found).toEqual(forbidden.found);
  expect(await forced.db.gpu()).toMatchObject({
    state: 'ready',
    mode: 'force',
    adapter: { isSoftware: true },
    jobsRun: 2,
    jobsFailed: 0,
    kernelsWrong: [],
  });
  expect(await forbidden.db.gpu()).toBeNull();
});

test('by itself nothing goes to a software adapter', async () => {
  const { db, found } = await answers('auto');
  expect(found.every((hits) => hits.length === 5)).toBe(true);
  expect(await db.gpu()).toMatchObject({ state: 'ready', mode: 'auto', jobsRun: 0, costs: null });
});

const WIDE = 12;
const MANY = 2_450;
/** The rest is enough to be built at once. */
const FIRST = 1_050;
const K = 10;
const clustered = (): number[] => {
  const centre = centres[random.int(centres.length)];
  return centre.map((value) => value + 0.5 * (random.next() + random.next() - 1));
};
const centres = Array.from({ length: 40 }, () => Array.from({ length: WIDE }, () => random.next() * 2 - 1));
const manyRows = Array.from({ length: MANY }, (_, n) => ({ properties: { n }, vectors: clustered() }));
const manyQueries = Array.from({ length: 60 }, clustered);

/** The true ten nearest of each query by l2-squared. */
const truth = manyQueries.map((query) => {
  const scored = manyRows.map(({ vectors }, n) => ({ n, distance: vectors.reduce((sum, v, d) => sum + (v - query[d]) ** 2, 0) }));
  scored.sort((a, b) => a.distance - b.distance);
  return new Set(scored.slice(0, K).map(({ n }) => n));
});

interface Graphed {
  readonly recall: number;
  readonly explain: Record<string, Record<string, unknown>>;
}

async function open(name: string, gpu: ConnectOptions['gpu']): Promise<Database> {
  const db = await connect(name, { engines: 1, gpu });
  opened.push(db);
  return db;
}
const SCHEMA = {
  properties: { n: 'int' },
  vectors: {
    default: { dimensions: WIDE, distance: 'l2-squared', index: { type: 'hnsw', maxConnections: 8, efConstruction: 48 } },
  },
} as const;

async function indexed(db: Database): Promise<void> {
  const notes = await db.collections.ensure('Note', SCHEMA);
  const waiting = async (): Promise<number> =>
    ((await notes.health()) as { rows: number; inGraph: number }[]).reduce((sum, { rows: all, inGraph }) => sum + all - inGraph, 0);
  await vi.waitUntil(async () => (await waiting()) === 0, { timeout: 150_000, interval: 250 });
}

async function graphed(db: Database): Promise<Graphed> {
  const notes = await db.collections.ensure('Note', SCHEMA);
  await notes.query.nearVector(manyQueries[0], { limit: K });
  const results = await notes.query.nearVector(manyQueries, { limit: K, explain: true });
  let found = 0;
  results.forEach(({ objects }, q) => (found += objects.filter(({ properties }) => truth[q].has(properties.n)).length));
  return { recall: found / (manyQueries.length * K), explain: results[0].explain as Graphed['explain'] };
}

test('an import that waits is built into a graph on the GPU, walked there in batches, and is there after reopening', async () => {
  const name = `gpu-graph-${crypto.randomUUID()}`;
  const first = await open(name, 'force');
  const notes = await first.collections.ensure('Note', SCHEMA);
  await notes.data.insertMany(manyRows.slice(0, FIRST));
  await indexed(first);
  await graphed(first);
  const before = (await first.gpu())!;
  await notes.data.insertMany(manyRows.slice(FIRST));
  await indexed(first);
  const built = (await first.gpu())!;
  expect(built).toMatchObject({ state: 'ready', kernelsWrong: [], jobsFailed: 0 });
  expect(built.jobsRun).toBeGreaterThan(before.jobsRun);
  const walked = await graphed(first);
  expect(JSON.stringify(walked.explain)).toMatch(/"path":"graph","backend":"gpu"/);
  expect(JSON.stringify(walked.explain)).toMatch(/the GPU is forced/);
  expect((await first.gpu())!.jobsRun).toBe(built.jobsRun + 1);
  await first.close();
  opened.pop();

  const again = await open(name, 'forbid');
  await indexed(again);
  const plain = await graphed(again);
  expect(JSON.stringify(plain.explain)).toMatch(/"path":"graph","backend":"wasm"/);
  expect(walked.recall).toBeGreaterThanOrEqual(plain.recall - 0.005);

  const other = await open(`gpu-plain-${crypto.randomUUID()}`, 'forbid');
  const inserted = await other.collections.ensure('Note', SCHEMA);
  await inserted.data.insertMany(manyRows);
  await indexed(other);
  const oneByOne = await graphed(other);
  expect(oneByOne.recall).toBeGreaterThan(0.95);
  expect(plain.recall).toBeGreaterThanOrEqual(oneByOne.recall - 0.005);
});
