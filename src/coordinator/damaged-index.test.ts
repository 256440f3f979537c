import { afterEach, expect, test } from 'vitest';
import { BucketKind, bucketOf } from '../inverted/fields.ts';
import { damageSection, openStorage } from '../lsm/testing.ts';
import { keyword, request } from '../query/testing/collection.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import { memoryVfs } from '../vfs/memory.ts';
import type { Coordinator } from './coordinator.ts';
import { engineDirectory } from './engine-directories.ts';
import { coordinatorOpener, filledNotes, TestEngines, testClient, type TestClient } from './testing.ts';

const open = coordinatorOpener(afterEach);

const OBJECTS = 600;
const [TITLE, STARS] = [0, 1];
/** Of object n. */
const titleOf = (n: number): string => (n % 3 === 0 ? 'river' : 'stone light');
const starsOf = (n: number): number => n % 7;

const filled = (client: TestClient): Promise<CollectionSchema> =>
  filledNotes(client, { title: 'text', stars: 'int' }, OBJECTS, (n) => [titleOf(n), starsOf(n)]);

/** Damages buckets of the collection's shard on an engine that does not run. */
async function damage(engines: TestEngines, schema: CollectionSchema, engine: number, buckets: readonly number[]): Promise<void> {
  const storage = await openStorage(memoryVfs(engines.storage).directory(engineDirectory(engine)), { limits: {} });
  const shard = schema.shards.find((id) => storage.shards().some((manifest) => manifest.id === id))!;
  for (const bucket of buckets) damageSection(storage, shard, bucket);
  await storage.close();
}

const rivers = async (client: TestClient): Promise<number> =>
  (await client.call('search', [request({ collection: 'Note', keyword: keyword('river'), limit: 1, totalCount: true })])).total!;

async function starred(client: TestClient, schema: CollectionSchema): Promise<number> {
  const filter = parseFilter({ stars: 3 }, schema);
  return (await client.call('search', [request({ collection: 'Note', filter, limit: 1, totalCount: true })])).total!;
}

const countOf = (holds: (n: number) => boolean): number => Array.from({ length: OBJECTS }, (_, n) => n).filter(holds).length;
const RIVERS = countOf((n) => titleOf(n) === 'river');
const STARRED = countOf((n) => starsOf(n) === 3);

/** Asks until the answer comes; meanwhile it may only be refused as damaged. */
async function answered(ask: () => Promise<number>): Promise<number> {
  for (let tries = 0; tries < 400; tries++) {
    try {
      return await ask();
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'Corruption' });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  throw new Error('no answer came');
}

async function quarantineEnds(coordinator: Coordinator): Promise<void> {
  for (let tries = 0; (await coordinator.stats()).quarantined.length > 0; tries++) {
    expect(tries).toBeLessThan(400);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await coordinator.verify()).toEqual([]);
}

async function damaged(buckets: readonly number[]): Promise<{ engines: TestEngines; schema: CollectionSchema }> {
  const engines = new TestEngines(2);
  const coordinator = await open(engines);
  const schema = await filled(await testClient(coordinator));
  await coordinator.close();
  await damage(engines, schema, 1, buckets);
  return { engines, schema };
}

const POSTINGS = [bucketOf(TITLE, BucketKind.searchable), bucketOf(STARS, BucketKind.terms)];

test('damaged postings are built anew from the objects: until then they are refused, then the answers are right', async () => {
  const { engines, schema } = await damaged(POSTINGS);
  const coordinator = await open(engines);
  const client = await testClient(coordinator);
  await expect(rivers(client)).rejects.toMatchObject({ code: 'Corruption' });
  const named = new Set<string>();
  engines.interfere = async (engine, method, _args, after) => {
    if (after && method === 'maintain' && engine === 1)
      for (const name of (await coordinator.stats()).collections[0].damagedIndexes) named.add(name);
  };
  expect((await coordinator.stats()).quarantined).toHaveLength(1);
  expect(await answered(() => rivers(client))).toBe(RIVERS);
  expect(await answered(() => starred(client, schema))).toBe(STARRED);
  await quarantineEnds(coordinator);
  expect([...named].sort()).toEqual(['stars', 'title']);
  expect((await coordinator.stats()).collections[0].damagedIndexes).toEqual([]);
});

test('an engine that dies meanwhile and another owner after it go on with the building', async () => {
  const { engines, schema } = await damaged(POSTINGS);
  const first = await open(engines);
  const client = await testClient(first);
  let slices = 0;
  engines.interfere = (engine, method) => {
    if (method === 'maintain' && engine === 1 && ++slices % 5 === 0 && slices < 20) engines.die(1);
  };
  await expect(rivers(client)).rejects.toMatchObject({ code: 'Corruption' });
  for (let tries = 0; (await client.call('describeCollection', [schema.id])).version === schema.version; tries++) {
    expect(tries).toBeLessThan(400);
    await rivers(client).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  engines.interfere = () => undefined;
  await first.close();
  const next = await open(engines);
  const other = await testClient(next);
  expect(await answered(() => rivers(other))).toBe(RIVERS);
  expect(await answered(() => starred(other, schema))).toBe(STARRED);
  await quarantineEnds(next);
});

test('where objects are damaged, too, nothing is built of what is left', async () => {
  const objects = 2;
  const { engines, schema } = await damaged([...POSTINGS, objects]);
  const coordinator = await open(engines);
  const client = await testClient(coordinator);
  for (let tries = 0; tries < 20; tries++) {
    await expect(rivers(client)).rejects.toMatchObject({ code: 'Corruption' });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await client.call('describeCollection', [schema.id])).toEqual(schema);
  expect((await coordinator.stats()).quarantined).toHaveLength(3);
});
