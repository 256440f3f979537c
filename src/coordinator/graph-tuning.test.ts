import { afterEach, expect, test } from 'vitest';
import { ByteWriter, utf8 } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { WriteKind, writeEntry } from '../protocol/write-batch.ts';
import { request } from '../query/testing/collection.ts';
import type { CollectionConfig } from '../schema/collection-config.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { coordinatorOpener, TestEngines, testClient, type TestClient } from './testing.ts';

const open = coordinatorOpener(afterEach);

const OBJECTS = 1_500;
const DIMENSIONS = 8;
const config = (vector: NonNullable<CollectionConfig['vectors']>[string]): CollectionConfig => ({
  properties: { title: 'text' },
  vectors: { default: { dimensions: DIMENSIONS, ...vector } },
});
const random = new SeededRandom(11);
const rows = Array.from({ length: OBJECTS }, () => Float32Array.from({ length: DIMENSIONS }, () => random.next() - 0.5));

/** Enough objects for a graph, and background work done. */
async function filled(client: TestClient, wanted: CollectionConfig): Promise<CollectionSchema> {
  const schema = await client.call('ensureCollection', ['Note', wanted]);
  const [{ ordinal }] = schema.vectors;
  const writer = new ByteWriter();
  for (const values of rows)
    writeEntry(writer, {
      kind: WriteKind.insert,
      uuid: random.fill(new Uint8Array(16)),
      properties: utf8(JSON.stringify(['a row'])),
      vectors: [{ ordinal, values }],
      expectedDocID: 0,
    });
  await client.call('write', [
    { collection: schema.id, version: schema.version, sequence: 1, batch: writer.finish().slice(), atomic: false },
  ]);
  await client.call('compact', []);
  return schema;
}

/** How the nearest of a row were found, and that it is among them. */
async function searched(client: TestClient, n = 7): Promise<{ path: string; ef: number; distance: number }> {
  const vector = { targets: [{ name: 'default', query: rows[n], weight: 1 }], combination: 'sum', maxDistance: null, ef: null } as const;
  const { explain, distances } = await client.call('search', [request({ collection: 'Note', vector, limit: 10, explain: true })]);
  const { shards } = explain as { shards: { vector: { default: { path: string; ef: number } } }[] };
  return { ...shards[0].vector.default, distance: distances![0] };
}

test('the width of a graph is changed while it is in use, and stays changed', async () => {
  const engines = new TestEngines(1);
  const client = await testClient(await open(engines));
  const schema = await filled(client, config({ index: { type: 'hnsw', ef: 40 } }));
  expect(await searched(client)).toMatchObject({ path: 'graph', ef: 40 });
  const changed = await client.call('changeCollection', [schema.id, { kind: 'updateVector', name: 'default', tuning: { ef: 75 } }]);
  expect(changed.vectors[0].index).toMatchObject({ ef: 75, maxConnections: 16 });
  expect(await searched(client)).toMatchObject({ path: 'graph', ef: 75 });
  engines.die(0);
  expect(await searched(client)).toMatchObject({ path: 'graph', ef: 75 });
});

test('what is in every node of a graph cannot be changed, and a flat index has no graph', async () => {
  const client = await testClient(await open(new TestEngines(1)));
  const { id } = await client.call('ensureCollection', ['Note', config({})]);
  const tuned = (collection: number, tuning: object): Promise<unknown> =>
    client.call('changeCollection', [collection, { kind: 'updateVector', name: 'default', tuning }]);
  await expect(tuned(id, { maxConnections: 8 })).rejects.toMatchObject({ code: 'InvalidInput', details: { property: 'maxConnections' } });
  await expect(tuned(id, { ef: 0.5 })).rejects.toMatchObject({ code: 'InvalidInput' });
  const flat = await client.call('ensureCollection', ['Flat', config({ index: 'flat' })]);
  await expect(tuned(flat.id, { ef: 64 })).rejects.toMatchObject({ code: 'InvalidInput' });
});

test.each([
  ['none', 'hnsw', 'graph'],
  ['sq', 'hnsw', 'graph'],
  ['bq', 'hnsw', 'graph'],
  ['pq', 'hnsw', 'graph'],
  ['sq', 'flat', 'exact'],
  ['sq', { type: 'dynamic', threshold: 1_200 }, 'graph'],
  ['sq', { type: 'dynamic', threshold: 100_000 }, 'exact'],
] as const)('quantizer %s with index %j finds a row by itself: %s', async (quantizer, index, path) => {
  const client = await testClient(await open(new TestEngines(1)));
  const schema = await filled(client, config({ quantizer, index }));
  for (const n of [0, 700, OBJECTS - 1]) {
    const found = await searched(client, n);
    expect(found.path).toBe(path);
    expect(Math.abs(found.distance)).toBeLessThan(1e-6);
  }
  const [health] = (await client.call('health', [schema.id, schema.vectors[0].ordinal])) as { rows: number; recallAt10: number }[];
  expect(health).toMatchObject({ rows: OBJECTS, backlog: 0 });
  expect(health.recallAt10).toBeGreaterThan(0.9);
});
