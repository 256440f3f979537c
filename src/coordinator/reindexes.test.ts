import { afterEach, expect, test } from 'vitest';
import { keyword, request } from '../query/testing/collection.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { isReindexing } from '../schema/reindex.ts';
import { coordinatorOpener, filledNotes, TestEngines, testClient, type TestClient } from './testing.ts';

const open = coordinatorOpener(afterEach);

const OBJECTS = 600;

/** Two shards; every second object is found by "runs" as it stands, all of them once words are stemmed. */
const filled = (client: TestClient): Promise<CollectionSchema> =>
  filledNotes(client, { title: 'text' }, OBJECTS, (n) => [n % 2 === 0 ? 'running' : 'runs']);

async function found(client: TestClient): Promise<number> {
  const { total } = await client.call('search', [request({ collection: 'Note', keyword: keyword('runs'), limit: 1, totalCount: true })]);
  return total!;
}

const stem = (client: TestClient, schema: CollectionSchema): Promise<CollectionSchema> =>
  client.call('changeCollection', [schema.id, { kind: 'updateProperty', name: 'title', index: { stemming: 'english' } }]);

test('the new index takes its place by itself, on all shards as one', async () => {
  const engines = new TestEngines(2);
  const client = await testClient(await open(engines));
  const schema = await filled(client);
  // The last shard is told of the new index late.
  let late = 0;
  engines.interfere = (engine, method, args, after) => {
    if (after || method !== 'putShard' || engine !== 1 || isReindexing(args[1] as CollectionSchema)) return undefined;
    late++;
    return new Promise((resolve) => setTimeout(resolve, 40));
  };
  expect((await stem(client, schema)).properties[0].next).toMatchObject({ stemming: 'english' });
  const progress: { done: number; total: number }[] = [];
  let finished = false;
  const waited = client.caller
    .call<CollectionSchema>('reindexed', [schema.id], { onProgress: (value: never) => void progress.push(value) })
    .then((now) => {
      finished = true;
      return now;
    });
  const counts = new Set<number>();
  while (!finished) {
    counts.add(await found(client));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(late).toBe(1);
  expect([...counts].filter((count) => count !== OBJECTS / 2 && count !== OBJECTS)).toEqual([]);
  const now = await waited;
  expect(now.properties[0]).toMatchObject({ stemming: 'english' });
  expect(isReindexing(now)).toBe(false);
  expect(await found(client)).toBe(OBJECTS);
  expect(progress.every(({ done, total }) => done <= total && total === OBJECTS)).toBe(true);
});

test('an engine that dies meanwhile goes on where it was, and so does the next owner', async () => {
  const engines = new TestEngines(2);
  const coordinator = await open(engines);
  const client = await testClient(coordinator);
  const schema = await filled(client);
  let slices = 0;
  engines.interfere = (engine, method) => {
    if (method === 'maintain' && engine === 1 && ++slices === 2) engines.die(1);
  };
  await stem(client, schema);
  await client.call('reindexed', [schema.id]);
  expect(engines.starts[1]).toBeGreaterThan(1);
  expect(await found(client)).toBe(OBJECTS);

  await client.call('changeCollection', [schema.id, { kind: 'updateProperty', name: 'title', index: { stemming: null } }]);
  await coordinator.close();
  const next = await testClient(await open(engines));
  await next.call('reindexed', [schema.id]);
  expect(await found(next)).toBe(OBJECTS / 2);
});

test('a collection without objects is re-indexed at once, and what asks no index holds without', async () => {
  const client = await testClient(await open(new TestEngines(2)));
  const schema = await client.call('ensureCollection', ['Note', { properties: { title: 'text' }, shards: 2 }]);
  await stem(client, schema);
  const now = await client.call('reindexed', [schema.id]);
  expect(isReindexing(now)).toBe(false);
  const changed = await client.call('changeCollection', [
    schema.id,
    { kind: 'updateInvertedIndex', invertedIndex: { k1: 2, stopwords: { additions: ['etc'] } } },
  ]);
  expect(changed.invertedIndex).toMatchObject({ k1: 2, b: 0.75, stopwords: { preset: 'en', additions: ['etc'], removals: [] } });
  expect(isReindexing(changed)).toBe(false);
});

test('a write that was encoded before is taken after a change of indexes, and refused as stale after a change of properties', async () => {
  const client = await testClient(await open(new TestEngines(2)));
  const schema = await filled(client);
  await stem(client, schema);
  const now = await client.call('reindexed', [schema.id]);
  const later = await client.call('changeCollection', [schema.id, { kind: 'updateInvertedIndex', invertedIndex: { k1: 2 } }]);
  expect(later.version).toBeGreaterThan(now.version);
  const all = { operation: 'deleteMany', options: [], filter: null, patch: null };
  expect(await client.call('writeMatching', [{ collection: schema.id, version: schema.version, ...all }])).toMatchObject({
    matched: OBJECTS,
    written: OBJECTS,
  });
  await client.call('changeCollection', [schema.id, { kind: 'addProperty', name: 'pages', config: 'int?' }]);
  const refused = client.call('writeMatching', [{ collection: schema.id, version: later.version, ...all }]);
  await expect(refused).rejects.toMatchObject({ code: 'SchemaConflict', details: { stale: true } });
});
