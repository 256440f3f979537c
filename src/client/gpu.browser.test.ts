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
