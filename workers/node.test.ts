import { afterEach, expect, expectTypeOf, test } from 'vitest';
import { connect, HeddleError, type Database, type Vectorizer } from './node.ts';

const open: Database[] = [];
afterEach(async () => {
  for (const db of open.splice(0)) await db.close();
});

async function database(options: Parameters<typeof connect>[1] = {}): Promise<Database> {
  const db = await connect('test', { storage: 'memory', ...options });
  open.push(db);
  return db;
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(HeddleError);
    return (error as HeddleError).code;
  }
  return 'nothing';
};

/** Words become axes: texts that share words are near. */
const AXES = ['tap', 'kitchen', 'water', 'garden', 'apple', 'tree', 'music', 'song'];
const toy: Vectorizer = {
  id: 'toy-1',
  dimensions: AXES.length,
  embed: async (texts) => texts.map((text) => Float32Array.from(AXES, (axis) => (text.toLowerCase().includes(axis) ? 1 : 0.05))),
};

const NOTE = {
  properties: { title: 'text', body: 'text', tags: 'text[]', stars: 'int?', edited: 'date' },
  vectors: { default: { vectorizer: toy, from: ['title', 'body'] } },
} as const;
const rows = [
  { title: 'Leaky tap', body: 'The tap in the kitchen drips water.', tags: ['home'], stars: 5, edited: '2026-01-02T00:00:00Z' },
  { title: 'Apple tree', body: 'Prune it in the garden.', tags: ['garden', 'home'], edited: new Date('2026-02-03') },
  { title: 'Song list', body: 'Music for the evening.', tags: [], stars: 2, edited: '2026-03-04' },
];

test('from connect to whole objects back', async () => {
  const db = await database();
  const notes = await db.collections.ensure('Note', NOTE);
  const { uuids, written } = await notes.data.insertMany(rows);
  expect(written).toBe(3);
  expect(await notes.length()).toBe(3);

  const found = await notes.query.fetchObjectById(uuids[0]!);
  expect(found?.properties).toEqual({ ...rows[0], edited: new Date('2026-01-02') });
  expectTypeOf(found!.properties.edited).toEqualTypeOf<Date>();
  expectTypeOf(found!.properties.stars).toEqualTypeOf<number | undefined>();

  const near = await notes.query.nearText('water tap', { limit: 1, includeVector: true });
  expect(near.objects[0].uuid).toBe(uuids[0]);
  expect(near.objects[0].metadata.certainty).toBeGreaterThan(0.7);
  expect(near.objects[0].vectors.default).toHaveLength(AXES.length);

  const byWord = await notes.query.bm25('garden', { filters: { tags: { containsAny: ['home'] } }, facets: ['tags'], totalCount: true });
  expect(byWord.objects.map(({ uuid }) => uuid)).toEqual([uuids[1]]);
  expect(byWord.total).toBe(1);
  expect(byWord.facets?.[0].values).toContainEqual({ value: 'garden', count: 1 });

  const hybrid = await notes.query.hybrid('music song', { filters: { stars: { lessThan: 5 } } });
  expect(hybrid.objects[0].properties.title).toBe('Song list');
  const sorted = await notes.query.fetchObjects({ sort: [{ edited: 'desc' }], limit: 2 });
  expect(sorted.objects.map(({ properties }) => properties.title)).toEqual(['Song list', 'Apple tree']);
});

test('insert of an existing UUID is a Conflict, upsert replaces, update changes what is given', async () => {
  const notes = await (await database()).collections.ensure('Note', NOTE);
  const uuid = await notes.data.insert(rows[0]);
  expect(await codeOf(notes.data.insert(rows[1], { uuid }))).toBe('Conflict');
  expect((await notes.query.fetchObjectById(uuid))?.properties.title).toBe('Leaky tap');
  await notes.data.upsert(rows[1], { uuid });
  expect((await notes.query.fetchObjectById(uuid))?.properties).toEqual({ ...rows[1], edited: new Date('2026-02-03') });
  await notes.data.update({ uuid, properties: { stars: 3 } });
  expect((await notes.query.fetchObjectById(uuid))?.properties).toMatchObject({ title: 'Apple tree', stars: 3 });
  await notes.data.update({ uuid, properties: { stars: null } });
  expect((await notes.query.fetchObjectById(uuid))?.properties).not.toHaveProperty('stars');
  await notes.data.replace({ uuid, properties: rows[2] });
  expect((await notes.query.fetchObjectById(uuid))?.properties.title).toBe('Song list');
  expect(await notes.data.deleteById(uuid)).toBe(true);
  expect(await notes.data.deleteById(uuid)).toBe(false);
  expect(await codeOf(notes.data.replace({ uuid, properties: rows[2] }))).toBe('NotFound');
  expect(await codeOf(notes.data.update({ uuid, properties: { stars: 1 } }))).toBe('NotFound');
  expect(await notes.data.exists(uuid)).toBe(false);
});

test('one bad object rejects the call before any write; collect keeps the good ones', async () => {
  const notes = await (await database()).collections.ensure('Note', NOTE);
  const bad = [rows[0], { ...rows[1], stars: 'many' as unknown as number }, rows[2]];
  const error = await notes.data.insertMany(bad).catch((thrown: HeddleError) => thrown);
  expect(error).toMatchObject({ code: 'InvalidInput', details: { index: 1, property: 'stars', value: 'many' } });
  expect(await notes.length()).toBe(0);
  const { uuids, written, errors } = await notes.data.insertMany(bad, { onInvalid: 'collect' });
  expect(written).toBe(2);
  expect(errors.map(({ index }) => index)).toEqual([1]);
  expect(uuids[1]).toBeNull();
});

test('a key gives the same UUID again, so writing twice is writing once', async () => {
  const files = await (await database()).collections.ensure('File', { properties: { path: 'text', size: 'int' }, key: 'path' });
  const first = await files.data.upsert({ path: '/a', size: 1 });
  expect(await files.data.upsert({ path: '/a', size: 2 })).toBe(first);
  expect(await files.data.uuidOfKey('/a')).toBe(first);
  expect(await files.length()).toBe(1);
  await files.data.update({ properties: { path: '/a', size: 3 } });
  expect((await files.query.fetchObjectById(first))?.properties.size).toBe(3);
  expect(await codeOf(files.data.insert({ path: '/b', size: 1 }, { uuid: first }))).toBe('InvalidInput');
});

test('background vectors come after the acknowledgement, words are found at once', async () => {
  const db = await database();
  const slow: Vectorizer = {
    ...toy,
    id: 'slow',
    embed: async (texts, options) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return toy.embed(texts, options);
    },
  };
  const notes = await db.collections.ensure('Note', {
    properties: { title: 'text' },
    vectors: { default: { vectorizer: slow, from: ['title'], when: 'background' } },
  });
  await notes.vectorizing.pause();
  await notes.data.insertMany(Array.from({ length: 100 }, (_, n) => ({ title: `${AXES[n % 8]} ${n}` })));
  expect((await notes.query.bm25('tap')).objects.length).toBeGreaterThan(0);
  expect(await notes.vectorizing.status()).toMatchObject({ done: 0, total: 100, paused: true });
  await notes.vectorizing.resume();
  await notes.vectorizing.finished();
  expect(await notes.vectorizing.status()).toMatchObject({ done: 100, total: 100, etaMs: 0 });
  expect((await notes.query.nearText('music', { limit: 3 })).objects[0].properties.title).toMatch(/^music/);
});

test('delete and update by filter, with a dry run', async () => {
  const notes = await (await database()).collections.ensure('Item', { properties: { n: 'int', mark: 'text?' } });
  await notes.data.insertMany(Array.from({ length: 50 }, (_, n) => ({ n })));
  expect(await notes.data.deleteMany({ n: { lessThan: 10 } }, { dryRun: true })).toMatchObject({ matched: 10, written: 0 });
  expect(await notes.length()).toBe(50);
  expect(await notes.data.deleteMany({ n: { lessThan: 10 } })).toMatchObject({ matched: 10, written: 10 });
  expect(await notes.data.updateMany({ n: { greaterOrEqual: 45 } }, { mark: 'last' })).toMatchObject({ matched: 5, written: 5 });
  expect((await notes.query.bm25('last', { limit: 50 })).objects).toHaveLength(5);
  expect((await notes.aggregate.overAll({ returnMetrics: { n: ['sum', 'minimum'] } })).properties.n).toMatchObject({ minimum: 10 });
});

test('the iterator meets every object once, export and import carry them over', async () => {
  const db = await database({ engines: 2 });
  const notes = await db.collections.ensure('Item', { properties: { n: 'int', at: 'date' }, vectors: { default: { dimensions: 2 } } });
  await notes.data.insertMany(Array.from({ length: 1_234 }, (_, n) => ({ properties: { n, at: new Date(n) }, vectors: [n, 1] })));
  const seen = new Set<number>();
  for await (const { properties } of notes.iterator({ pageSize: 100 })) seen.add(properties.n);
  expect(seen.size).toBe(1_234);
  const text = await new Response(notes.export({ includeVector: true })).text();
  expect(text.trim().split('\n')).toHaveLength(1_234);
  const copy = await db.collections.ensure('Copy', { properties: { n: 'int', at: 'date' }, vectors: { default: { dimensions: 2 } } });
  expect(await copy.import(new Blob([text]))).toEqual({ written: 1_234, errors: [] });
  const one = await copy.query.nearVector([700, 1], { limit: 1, includeVector: true });
  expect(one.objects).toHaveLength(1);
  expect(await copy.length()).toBe(1_234);
  await expect(copy.import('{"properties":{"n":1,"at":"2020-01-01"}}\n{oops')).rejects.toMatchObject({
    code: 'InvalidInput',
    details: { line: 2 },
  });
});

test('a backup restores into another database, a damaged one is refused', async () => {
  const db = await database();
  const notes = await db.collections.ensure('Note', NOTE);
  const { uuids } = await notes.data.insertMany(rows);
  const bytes = new Uint8Array(await new Response(db.backup()).arrayBuffer());
  const other = await database({ engines: 2, vectorizers: [toy] });
  expect(await other.restore(new Blob([bytes]))).toEqual({ collections: ['Note'], objects: 3 });
  const back = other.collections.use<typeof NOTE>('Note');
  expect((await back.query.nearText('tap', { limit: 1 })).objects[0].uuid).toBe(uuids[0]);
  expect(await codeOf(other.restore(new Blob([bytes])))).toBe('Conflict');
  await other.collections.delete('Note');
  for (const at of [3, 20, bytes.length - 10]) {
    const damaged = bytes.slice();
    damaged[at] ^= 1;
    expect(await codeOf(other.restore(new Blob([damaged])))).toMatch(/Corruption|Conflict/);
    await other.collections.delete('Note');
  }
  expect(await codeOf(other.restore(new Blob([bytes.subarray(0, bytes.length - 20)])))).toBe('Corruption');
});

test('live queries answer again after a change', async () => {
  const notes = await (await database()).collections.ensure('Note', { properties: { title: 'text' } });
  const counts: number[] = [];
  const changes: unknown[] = [];
  const stop = notes.onChange((change) => changes.push(change));
  for await (const { objects } of notes.live((query) => query.fetchObjects())) {
    counts.push(objects.length);
    if (counts.length === 3) break;
    await notes.data.insert({ title: 'x' });
  }
  stop();
  expect(counts).toEqual([0, 1, 2]);
  expect(changes).toHaveLength(2);
});

test('a closed database refuses, and everything pending settles', async () => {
  const db = await connect('test', { storage: 'memory' });
  const notes = await db.collections.ensure('Note', { properties: { title: 'text' } });
  await db.close();
  expect(await codeOf(notes.data.insert({ title: 'x' }))).toBe('Closed');
  expect(await codeOf(notes.query.fetchObjects())).toBe('Closed');
  await db.close();
});
