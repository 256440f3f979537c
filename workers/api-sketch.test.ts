import { expect, expectTypeOf, test } from 'vitest';
import { connect, HeddleError, type Collection, type ErrorCode, type Vectorizer } from './node.ts';

/** Stands in for a model: the letters of the text are its axes. */
const letters: Vectorizer = {
  id: 'letters-1',
  dimensions: 26,
  embed: async (texts, { purpose }) => {
    expect(['document', 'query']).toContain(purpose);
    return texts.map((text) => Float32Array.from({ length: 26 }, (_, i) => text.toLowerCase().split(String.fromCharCode(97 + i)).length));
  },
};

test('the API in one piece: open, ensure, write, search, iterate, vectorize, watch, keep, close', async () => {
  const { signal } = new AbortController();
  const options = { storage: 'memory', durability: 'strict', signal, onEvicted() {}, onBlocked() {}, logger() {} } as const;
  await using db = await connect('my-app', options);

  const config = {
    properties: {
      title: 'text',
      body: 'text',
      tags: 'text[]',
      edited: 'date',
      stars: 'int?',
      path: { type: 'text', tokenization: 'field' },
    },
    key: 'path',
    vectors: { default: { vectorizer: letters, from: ['title', 'body'], when: 'background' } },
  } as const;
  const notes = await db.collections.ensure('Note', config);
  expectTypeOf(notes).toExtend<Collection<typeof config>>();
  expect(await db.collections.exists('Note')).toBe(true);
  expect((await db.collections.listAll()).map(({ name }) => name)).toEqual(['Note']);

  const uuid = await notes.data.insert({
    title: 'Leaky tap',
    body: 'It drips.',
    tags: ['home'],
    edited: new Date(0),
    path: '/a',
    stars: 4,
  });
  expectTypeOf(uuid).toEqualTypeOf<string>();
  const row = (n: number) => ({
    title: `Tap ${n}`,
    body: 'Another tap.',
    tags: ['home', 'n'],
    edited: new Date(n),
    path: `/${n}`,
    stars: n,
  });
  const seen: number[] = [];
  await notes.data.upsertMany([row(5), row(6)], { signal, onProgress: ({ done }) => seen.push(done) });
  expect(seen.at(-1)).toBe(2);
  await notes.data.upsert(row(7));
  await notes.data.update({ uuid, properties: { stars: 9 } });
  await notes.data.replace({ uuid, properties: { ...row(0), path: '/a', stars: 8 } });
  await notes.vectorizing.finished();

  const found = await notes.query.hybrid('leaky tap', {
    filters: { tags: { containsAny: ['home'] }, stars: { greaterThan: 3 } },
    sort: [{ edited: 'desc' }],
    limit: 10,
    signal,
    explain: true,
  });
  expect(found.objects.map(({ properties }) => properties.path)).toEqual(['/7', '/6', '/5', '/a']);
  expectTypeOf(found.objects[0].properties.title).toEqualTypeOf<string>();
  expectTypeOf(found.objects[0].properties.stars).toEqualTypeOf<number | undefined>();
  expectTypeOf(found.objects[0].metadata.score).toEqualTypeOf<number>();
  expect(found.explain).toBeDefined();
  for (const answer of [
    notes.query.bm25('tap'),
    notes.query.nearText('tap'),
    notes.query.nearVector(new Float32Array(26).fill(1)),
    notes.query.nearObject(uuid),
    notes.query.fetchObjects(),
  ])
    expect((await answer).objects.length).toBe(4);
  expect((await notes.query.fetchObjectById(uuid))?.properties.stars).toBe(8);

  let vectors = 0;
  for await (const object of notes.iterator({ includeVector: true })) vectors += object.vectors.default?.length ?? 0;
  expect(vectors).toBe(4 * 26);

  const { done, total, etaMs } = await notes.vectorizing.status();
  expect([done, total, etaMs]).toEqual([4, 4, 0]);
  await notes.vectorizing.pause();
  await notes.vectorizing.resume();

  const error = await notes.data.insert({ ...row(1), stars: 'MMXX' as never }).catch((thrown: unknown) => thrown);
  if (!(error instanceof HeddleError)) throw error;
  expect(error).toMatchObject({ code: 'InvalidInput', details: { property: 'stars', value: 'MMXX' }, hint: expect.any(String) });
  expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();

  expect(await notes.data.deleteById(uuid)).toBe(true);
  expect((await notes.data.deleteMany({ stars: { greaterThan: 6 } })).written).toBe(1);
  expect((await db.storage()).diskBytes).toBeGreaterThan(0);
  expect((await new Response(db.backup()).arrayBuffer()).byteLength).toBeGreaterThan(0);
  for await (const { objects } of notes.live((query) => query.fetchObjects())) {
    expect(objects.length).toBe(2);
    break;
  }
  const other: Vectorizer = { ...letters, id: 'letters-2' };
  const conflict = db.collections.ensure('Note', { ...config, vectors: { default: { ...config.vectors.default, vectorizer: other } } });
  await expect(conflict).rejects.toMatchObject({ code: 'SchemaConflict', hint: expect.stringContaining('reembed') });
  await notes.config.reembed(other);
  await notes.vectorizing.finished();
  expect(await db.collections.delete('Note')).toBe(true);
});
