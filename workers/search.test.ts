/** Filters, keywords, hybrid search, shaping and aggregates as an app asks for them, over two shards. */
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { connect, HeddleError, type Database } from './node.ts';

const BOOK = {
  properties: {
    title: { type: 'text', stemming: 'english', asciiFold: true },
    body: 'text?',
    tags: { type: 'text[]', tokenization: 'field' },
    pages: { type: 'int', indexRangeFilters: true },
    price: 'number?',
    prices: 'number[]?',
    done: 'boolean?',
    day: 'date?',
    days: 'date[]?',
    ref: 'uuid?',
    place: 'geoCoordinates?',
    author: { type: 'object?', properties: { name: { type: 'text', tokenization: 'field' }, born: 'int?' } },
    cars: { type: 'object[]?', properties: { make: { type: 'text', tokenization: 'field' }, year: 'int?' } },
    code: { type: 'text?', indexFilterable: false, indexSearchable: false },
  },
  vectors: { default: { dimensions: 2, distance: 'l2-squared' }, look: { dimensions: 2 } },
  invertedIndex: { indexNullState: true, indexPropertyLength: true, indexTimestamps: true },
} as const;

const REF = '0190b4f0-5b2a-7c3d-8e4f-0123456789ab';
const id = (n: number): string => `00000000-0000-7000-8000-00000000000${n}`;
const rows = [
  {
    title: 'The leaking taps of Málaga',
    body: 'Water drips in the kitchen, all night long.',
    tags: ['home', 'water'],
    pages: 120,
    price: 9.5,
    prices: [1, 2],
    done: true,
    day: '2026-01-02T00:00:00Z',
    days: ['2026-01-02T00:00:00Z', '2027-01-02T00:00:00Z'],
    ref: REF,
    place: { latitude: 52.52, longitude: 13.4 },
    author: { name: 'Anna Lind', born: 1970 },
    cars: [
      { make: 'Saab', year: 1990 },
      { make: 'Volvo', year: 2001 },
    ],
  },
  {
    title: 'Apple trees',
    body: 'Prune the tree in the garden; water it.',
    tags: ['garden', 'home'],
    pages: 300,
    price: 20,
    done: false,
    day: '2026-02-03T00:00:00Z',
    place: { latitude: 48.86, longitude: 2.35 },
    author: { name: 'Bert Ek' },
    cars: [],
  },
  { title: '日本語の本', body: '東京で本を読む', tags: ['garden'], pages: 50, done: true, day: '2026-03-04T00:00:00Z', code: 'secret' },
  { title: 'To be or not to be', tags: [], pages: 300, price: 20, prices: [3] },
].map((properties, i) => ({
  uuid: id(i),
  properties,
  vectors: i === 3 ? { default: [9, 9] } : { default: [i, 0], look: [1, i] },
}));

let db: Database;
let books: ReturnType<typeof open>;
const open = (from: Database) => from.collections.use<typeof BOOK>('Book');
const opened: Database[] = [];
/** From here on the tests have a database of their own. */
async function fresh(): Promise<void> {
  db = await connect('search', { storage: 'memory', engines: 2 });
  opened.push(db);
  await db.collections.ensure('Book', BOOK);
  books = open(db);
  await books.data.insertMany(rows);
}
beforeAll(fresh);
afterAll(async () => {
  for (const one of opened) await one.close();
});

const numbers = (objects: readonly { readonly uuid: string }[]): number[] => objects.map(({ uuid }) => Number(uuid.slice(-1)));
type Filter = NonNullable<NonNullable<Parameters<typeof books.query.fetchObjects>[0]>['filters']>;
const matching = async (filters: Filter): Promise<number[]> =>
  numbers((await books.query.fetchObjects({ filters })).objects).sort((a, b) => a - b);

describe('filters', () => {
  test.each<[string, Filter, number[]]>([
    ['a value alone', { pages: 300 }, [1, 3]],
    ['equal on text wants every token', { body: { equal: 'water kitchen' } }, [0]],
    ['notEqual takes what has nothing, too', { price: { notEqual: 20 } }, [0, 2]],
    ['a range', { pages: { greaterThan: 50, lessOrEqual: 120 } }, [0]],
    ['a range without a range index', { price: { greaterOrEqual: 9.5, lessThan: 20 } }, [0]],
    ['a date', { day: { greaterOrEqual: new Date('2026-02-03') } }, [1, 2]],
    ['an array of dates', { days: { lessThan: '2026-06-01T00:00:00Z' } }, [0]],
    ['an array of numbers', { prices: { greaterThan: 2 } }, [3]],
    ['a boolean', { done: true }, [0, 2]],
    ['a UUID', { ref: REF }, [0]],
    ['like', { body: { like: 'kit*' } }, [0]],
    ['like with one character', { tags: { like: 'h?me' } }, [0, 1]],
    ['isNull', { price: { isNull: true } }, [2]],
    ['an empty array is null', { tags: { isNull: true } }, [3]],
    ['containsAny', { tags: { containsAny: ['water', 'garden'] } }, [0, 1, 2]],
    ['containsAll', { tags: { containsAll: ['garden', 'home'] } }, [1]],
    ['containsNone', { tags: { containsNone: ['home'] } }, [2, 3]],
    ['and', { and: [{ pages: 300 }, { price: 20 }, { tags: { containsAny: ['home'] } }] }, [1]],
    ['or', { or: [{ pages: 50 }, { price: 9.5 }] }, [0, 2]],
    ['not', { not: { pages: 300 } }, [0, 2]],
    ['a path into an object', { 'author.name': 'Anna Lind' }, [0]],
    ['a number in an object', { 'author.born': { lessThan: 1980 } }, [0]],
    ['a path into an array of objects', { 'cars.make': 'Volvo' }, [0]],
    ['a number in an array of objects', { 'cars.year': { greaterThan: 2000 } }, [0]],
    ['length of an array', { 'len(tags)': 2 }, [0, 1]],
    ['length of a text', { 'len(title)': { lessThan: 6 } }, [2]],
    ['by id', { _id: id(2) }, [2]],
    ['by several ids', { _id: { containsAny: [id(1), id(3), REF] } }, [1, 3]],
    ['by creation time', { _creationTime: { greaterThan: new Date('2020-01-01') } }, [0, 1, 2, 3]],
    ['by update time', { _updateTime: { lessThan: new Date('2020-01-01') } }, []],
    ['within a circle', { place: { withinGeoRange: { latitude: 52.5, longitude: 13.4, distance: 5_000 } } }, [0]],
    ['text is folded', { title: { equal: 'malaga' } }, [0]],
    ['text is not stemmed', { title: { equal: 'tap' } }, []],
  ])('%s', async (_name, filters, expected) => {
    expect(await matching(filters)).toEqual(expected);
  });

  test('are typed by the properties', () => {
    expectTypeOf<{ pages: { greaterThan: number } }>().toExtend<Filter>();
    expectTypeOf<{ pages: { greaterThan: string } }>().not.toExtend<Filter>();
    expectTypeOf<{ place: { like: string } }>().not.toExtend<Filter>();
  });
});

describe('keywords', () => {
  const found = async (query: string, settings: Parameters<typeof books.query.bm25>[1] = {}): Promise<number[]> =>
    numbers((await books.query.bm25(query, settings)).objects);

  test('stems and folds as the property says, and knows scripts without spaces', async () => {
    expect(await found('leak tap malaga', { operator: 'and' })).toEqual([0]);
    expect(await found('本')).toEqual([2]);
    expect(await found('東京')).toEqual([2]);
  });

  test('leaves stopwords out unless there is nothing else', async () => {
    expect(await found('the water')).toEqual(expect.arrayContaining([0, 1]));
    expect(await found('to be or not to be')).toEqual([3]);
  });

  test('or, minimum match, and', async () => {
    expect((await found('water garden kitchen')).sort()).toEqual([0, 1]);
    expect(await found('water garden tree', { minimumMatch: 3 })).toEqual([1]);
    expect(await found('water kitchen', { operator: 'and' })).toEqual([0]);
  });

  test('phrases, prefixes and typos', async () => {
    expect(await found('"all night"', { phrases: true })).toEqual([0]);
    expect(await found('"night all"', { phrases: true })).toEqual([]);
    expect(await found('gard', { prefix: true })).toEqual(expect.arrayContaining([1]));
    expect(await found('gardne', { typos: 'auto' })).toEqual(expect.arrayContaining([1]));
    expect(await found('gardne')).toEqual([]);
  });

  test('boosts weigh, highlights mark, explain says how the score came about', async () => {
    const plain = await books.query.bm25('apple', { queryProperties: ['title'] });
    const boosted = await books.query.bm25('apple', { queryProperties: ['title^4'], highlight: true, explain: true });
    expect(boosted.objects[0].metadata.score).toBeGreaterThan(plain.objects[0].metadata.score * 3);
    expect(boosted.objects[0].metadata.highlights).toEqual({ title: ['<mark>Apple</mark> trees'] });
    expect(boosted.objects[0].metadata.explainScore).toMatch(/BM25 [\d.]+ = title:appl [\d.]+ \(1 in 2\)/);
  });

  test('each property can have a preset of stopwords of its own collection', async () => {
    const plain = await db.collections.ensure('Plain', {
      properties: { text: 'text' },
      invertedIndex: { stopwords: { preset: 'none', additions: ['water'] } },
    });
    await plain.data.insertMany([{ text: 'the water' }, { text: 'the fire' }]);
    expect((await plain.query.bm25('the water')).objects).toHaveLength(2);
  });
});

describe('vectors and both', () => {
  test('nearVector with thresholds, nearObject, autocut', async () => {
    expect(numbers((await books.query.nearVector([0, 0], { targetVector: 'default', limit: 2 })).objects)).toEqual([0, 1]);
    expect(numbers((await books.query.nearVector([0, 0], { targetVector: 'default', distance: 1.5 })).objects)).toEqual([0, 1]);
    const certain = await books.query.nearVector([1, 0], { targetVector: 'look', certainty: 0.99 });
    expect(numbers(certain.objects)).toEqual([0]);
    expect(certain.objects[0].metadata.certainty).toBeCloseTo(1);
    expect(numbers((await books.query.nearObject(id(2), { targetVector: 'default' })).objects)).toEqual([2, 1, 0, 3]);
    expect(numbers((await books.query.nearVector([0, 0], { targetVector: 'default', autoLimit: 1 })).objects)).toEqual([0, 1, 2]);
  });

  test.each([
    ['sum', ['default', 'look'], 0],
    ['minimum', ['default', 'look'], 0],
    ['average', ['default', 'look'], 0],
    ['relativeScore', { default: 1, look: 1 }, 0],
    ['manualWeights', { default: 1, look: 0.001 }, 0],
  ] as const)('several target vectors by %s', async (combination, vectors, first) => {
    const { objects } = await books.query.nearVector({ default: [0, 0], look: [1, 0] }, { targetVector: { combination, vectors } });
    expect(numbers(objects)[0]).toBe(first);
    // One that lacks a vector has no sum; its least distance it has, and as a relative score it counts as the farthest.
    expect(numbers(objects).includes(3)).toBe(combination === 'minimum' || combination === 'relativeScore');
  });

  test('hybrid merges both lists, by alpha and either fusion, and explains both parts', async () => {
    const vector = [1, 0];
    const settings = { vector, targetVector: 'default', queryProperties: ['body'], explain: true } as const;
    for (const fusionType of ['relativeScore', 'ranked'] as const) {
      const { objects } = await books.query.hybrid('water', { ...settings, fusionType });
      expect(numbers(objects)[0]).toBe(1);
      expect(objects[0].metadata.explainScore).toMatch(
        new RegExp(`hybrid ${fusionType}, alpha 0.75: vector [\\d.]+ \\(distance 0.0000\\) \\+ keyword [\\d.]+ \\(BM25`),
      );
    }
    const words = await books.query.hybrid('kitchen', { ...settings, alpha: 0 });
    expect(numbers(words.objects)[0]).toBe(0);
    const near = await books.query.hybrid('kitchen', { ...settings, alpha: 1, maxVectorDistance: 1.5 });
    expect(numbers(near.objects).slice(0, 1)).toEqual([1]);
  });
});

describe('shaping', () => {
  test('sort on several keys, offset, properties and vectors to return', async () => {
    const { objects } = await books.query.fetchObjects({
      sort: [{ pages: 'desc' }, { title: 'asc' }],
      offset: 1,
      limit: 2,
      returnProperties: ['title'],
      includeVector: ['look'],
    });
    expect(numbers(objects)).toEqual([3, 0]);
    expect(objects[1].properties).toEqual({ title: rows[0].properties.title });
    expect(Object.keys(objects[1].vectors)).toEqual(['look']);
    expect(numbers((await books.query.fetchObjects({ sort: [{ price: 'asc' }] })).objects)[0]).toBe(2); // nothing first
    expect(numbers((await books.query.fetchObjects({ sort: [{ _creationTime: 'desc' }] })).objects)).toHaveLength(4);
    const paris = { from: { latitude: 48.9, longitude: 2.3 } };
    const byDistance = await books.query.fetchObjects({ sort: [{ place: paris }], filters: { place: { isNull: false } } });
    expect(numbers(byDistance.objects)).toEqual([1, 0]);
  });

  test('a cursor goes through what a filter lets through', async () => {
    const seen: number[] = [];
    for (let after: string | undefined; ;) {
      const { objects } = await books.query.fetchObjects({ filters: { pages: { greaterThan: 50 } }, limit: 1, ...(after && { after }) });
      if (objects.length === 0) break;
      seen.push(...numbers(objects));
      after = objects[0].uuid;
    }
    expect(seen).toEqual([0, 1, 3]);
  });

  test('groups, totals and facets in one call', async () => {
    const { objects, groups, total, facets } = await books.query.bm25('water garden tree tap', {
      groupBy: { property: 'tags', numberOfGroups: 2, objectsPerGroup: 1 },
      totalCount: true,
      facets: ['tags', { property: 'pages', limit: 1 }, 'author.name'],
    });
    expect(total).toBe(2);
    expect(groups).toHaveLength(2);
    expect(groups!.every((group) => group.objects.length === 1)).toBe(true);
    expect(objects).toHaveLength(2);
    expect(facets).toContainEqual({
      property: 'tags',
      values: [
        { value: 'home', count: 2 },
        { value: 'garden', count: 1 },
        { value: 'water', count: 1 },
      ],
    });
    expect(facets).toContainEqual({ property: 'pages', values: [{ value: 120, count: 1 }] });
    expect(facets).toContainEqual({ property: 'author.name', values: expect.arrayContaining([{ value: 'Bert Ek', count: 1 }]) });
  });

  test('explain says for each shard what was chosen, what was counted and how long it took', async () => {
    const { explain } = await books.query.hybrid('water', {
      vector: [0, 0],
      targetVector: 'default',
      filters: { pages: { greaterThan: 60 } },
      explain: true,
    });
    const shards = explain!.shards as Record<string, unknown>[];
    expect(shards).toHaveLength(2);
    for (const shard of shards) {
      expect(shard).toMatchObject({ filterMs: expect.any(Number), vectorMs: expect.any(Number), keywordMs: expect.any(Number) });
      expect(shard.matchingFilter).toEqual(expect.any(Number));
      expect(shard.estimatedFilter).toEqual(expect.any(Number));
    }
    expect(shards.reduce((sum, shard) => sum + (shard.matchingFilter as number), 0)).toBe(3);
  });
});

describe('aggregates and writes by query', () => {
  beforeAll(fresh);
  test('numbers, texts, booleans and dates, over all, a filter, a group, a search', async () => {
    const all = await books.aggregate.overAll({
      returnMetrics: {
        pages: ['count', 'sum', 'mean', 'median', 'mode', 'minimum', 'maximum'],
        tags: ['count', 'topOccurrences'],
        done: ['totalTrue', 'totalFalse', 'percentageTrue', 'percentageFalse'],
        day: ['count', 'minimum', 'maximum', 'median', 'mode'],
        'author.born': ['maximum'],
      },
      topOccurrencesLimit: 1,
    });
    expect(all.totalCount).toBe(4);
    expect(all.properties.pages).toEqual({ count: 4, sum: 770, mean: 192.5, median: 210, mode: 300, minimum: 50, maximum: 300 });
    expect(all.properties.tags).toEqual({ count: 5, topOccurrences: [{ value: 'garden', occurs: 2 }] });
    expect(all.properties.done).toEqual({ totalTrue: 2, totalFalse: 1, percentageTrue: 2 / 3, percentageFalse: 1 / 3 });
    expect(all.properties.day).toMatchObject({ count: 3, minimum: Date.UTC(2026, 0, 2), maximum: Date.UTC(2026, 2, 4) });
    expect(all.properties['author.born']).toEqual({ maximum: 1970 });

    const filtered = await books.aggregate.overAll({ filters: { done: true }, returnMetrics: { pages: ['sum'] } });
    expect(filtered).toMatchObject({ totalCount: 2, properties: { pages: { sum: 170 } } });
    const groups = await books.aggregate.groupBy({ groupBy: { property: 'pages', limit: 1 }, returnMetrics: { price: ['mean'] } });
    expect(groups).toEqual([{ groupedBy: { property: 'pages', value: 300 }, totalCount: 2, properties: { price: { mean: 20 } } }]);
    const searched = await books.aggregate.overSearch((query) => query.nearVector([0, 0], { targetVector: 'default', limit: 2 }), {
      returnMetrics: { pages: ['sum'] },
    });
    expect(searched).toMatchObject({ totalCount: 2, properties: { pages: { sum: 420 } } });
  });

  test('deleteMany and updateMany by filter, with a dry run', async () => {
    expect(await books.data.deleteMany({ pages: 300 }, { dryRun: true })).toMatchObject({ matched: 2, written: 0 });
    expect(await books.data.updateMany({ pages: 300 }, { done: true })).toMatchObject({ matched: 2, written: 2 });
    expect(await matching({ done: true })).toEqual([0, 1, 2, 3]);
    expect(await books.data.deleteMany({ pages: 300 })).toMatchObject({ matched: 2, written: 2 });
    expect(await books.length()).toBe(2);
  });
});

describe('schema changes', () => {
  beforeEach(fresh);
  test('properties and vectors are added, renamed and dropped while objects are there', async () => {
    await books.config.addProperty('shelf', 'text?');
    await books.config.addVector('sound', { dimensions: 3 });
    await books.config.renameProperty('body', 'content');
    await books.config.dropProperty('price');
    const now = db.collections.use('Book');
    await now.data.update({ uuid: id(0), properties: { shelf: 'north' } });
    expect(numbers((await now.query.bm25('north')).objects)).toEqual([0]);
    expect(numbers((await now.query.bm25('kitchen', { queryProperties: ['content'] })).objects)).toEqual([0]);
    await expect(now.query.fetchObjects({ filters: { price: 20 } })).rejects.toMatchObject({ code: 'InvalidInput' });
  });

  test('a property is indexed in another way in the background, with progress', async () => {
    expect(numbers((await books.query.bm25('dripping')).objects)).toEqual([]);
    const building = await books.config.updateProperty('body', { stemming: 'english', indexFilterable: false });
    expect(building.properties.find(({ name }) => name === 'body')).toMatchObject({ stemming: null, next: { stemming: 'english' } });
    const progress: { done: number; total: number }[] = [];
    const now = await books.config.reindexed({ onProgress: (step) => progress.push(step) });
    expect(now.properties.find(({ name }) => name === 'body')).toMatchObject({ stemming: 'english' });
    expect(progress.every(({ done, total }) => done <= total && total === 4)).toBe(true);
    expect(numbers((await books.query.bm25('dripping')).objects)).toEqual([0]);
    await expect(books.query.fetchObjects({ filters: { body: 'water' } })).rejects.toMatchObject({
      code: 'InvalidInput',
      hint: expect.stringContaining('indexFilterable'),
    });
    await books.config.updateProperty('code', { indexFilterable: true });
    await books.config.reindexed();
    expect(await matching({ code: 'secret' })).toEqual([2]);
  });
});

describe('every bad query gets a typed error that says where', () => {
  beforeAll(fresh);
  // As plain JavaScript would: what the types forbid.
  const anything = (value: unknown): never => value as never;
  const asked: [string, () => Promise<unknown>, string, RegExp][] = [
    ['an unknown property', () => books.query.fetchObjects({ filters: anything({ nothing: 1 }) }), 'path', /filters\.nothing/],
    ['a wrong operator', () => books.query.fetchObjects({ filters: anything({ pages: { like: 'a*' } }) }), 'operator', /like/],
    ['a wrong value', () => books.query.fetchObjects({ filters: anything({ pages: { greaterThan: 'x' } }) }), 'path', /pages\.greaterThan/],
    ['not indexed for filters', () => books.query.fetchObjects({ filters: { code: 'x' } }), 'setting', /indexFilterable/],
    ['not indexed for keywords', () => books.query.bm25('x', { queryProperties: ['code'] }), 'setting', /indexSearchable/],
    ['a bad geo range', () => matching({ place: { withinGeoRange: { latitude: 91, longitude: 0, distance: 1 } } }), 'path', /latitude/],
    ['a negative limit', () => books.query.fetchObjects({ limit: -1 }), 'property', /limit/],
    ['a broken offset', () => books.query.fetchObjects({ offset: 0.5 }), 'property', /offset/],
    ['too wide a window', () => books.query.bm25('x', { limit: 9_999, offset: 2 }), 'property', /limit/],
    ['a vector of the wrong size', () => books.query.nearVector([1, 2, 3], { targetVector: 'default' }), 'property', /default/],
    ['an unknown vector', () => books.query.nearVector([1, 2], { targetVector: anything('sound') }), 'property', /sound|vector/],
    ['alpha outside 0 to 1', () => books.query.hybrid('x', { vector: [0, 0], targetVector: 'default', alpha: 1.5 }), 'property', /alpha/],
    [
      'certainty without cosine',
      () => books.query.nearVector([0, 0], { targetVector: 'default', certainty: 0.5 }),
      'property',
      /certainty/,
    ],
    ['a distance that is none', () => books.query.nearVector([0, 0], { targetVector: 'default', distance: NaN }), 'property', /distance/],
    ['an unknown sort key', () => books.query.fetchObjects({ sort: [{ nothing: 'asc' }] }), 'property', /sort/],
    ['a wrong sort order', () => books.query.fetchObjects({ sort: [{ pages: anything('up') }] }), 'property', /sort\.pages/],
    ['a place to sort by without from', () => books.query.fetchObjects({ sort: [{ place: 'asc' }] }), 'property', /sort\.place/],
    ['an unknown facet', () => books.query.bm25('x', { facets: [anything('nothing')] }), 'property', /facets/],
    ['an unknown group', () => books.query.bm25('x', { groupBy: { property: anything('nothing') } }), 'property', /groupBy/],
    ['typos of three', () => books.query.bm25('x', { typos: anything(3) }), 'property', /typos/],
    ['a boost below 0', () => books.query.bm25('x', { queryProperties: ['title^-1'] }), 'property', /queryProperties/],
    ['a cursor that is no UUID', () => books.query.fetchObjects({ after: 'x' }), 'property', /after/],
    ['an unknown property to return', () => books.query.fetchObjects({ returnProperties: [anything('nothing')] }), 'property', /nothing/],
    ['an unknown metric', () => books.aggregate.overAll({ returnMetrics: { pages: [anything('average')] } }), 'property', /pages/],
    ['a metric of another type', () => books.aggregate.overAll({ returnMetrics: { title: ['mean'] } }), 'property', /title/],
    ['an unknown option', () => books.query.bm25('x', anything({ limits: 5 })), 'property', /limits/],
    ['an option of another query', () => books.query.fetchObjects(anything({ alpha: 0.5 })), 'property', /alpha/],
    ['an unknown option of a delete', () => books.data.deleteMany({ pages: 300 }, anything({ dryrun: true })), 'property', /dryrun/],
    [
      'an unknown option of a write',
      () => books.data.insertMany([rows[2].properties], anything({ onInvald: 'collect' })),
      'property',
      /onInvald/,
    ],
    [
      'an unknown setting',
      () => db.collections.ensure('X', anything({ properties: { a: { type: 'text', tokenize: 'word' } } })),
      'property',
      /tokenize/,
    ],
  ];
  test.each(asked)('%s', async (_name, ask, detail, where) => {
    const error = await ask().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(HeddleError);
    expect((error as HeddleError).code).toBe('InvalidInput');
    expect(String((error as HeddleError).details[detail])).toMatch(where);
  });

  test('an unknown option is told the nearest one', async () => {
    await expect(books.data.deleteMany({ pages: 300 }, anything({ dryrun: true }))).rejects.toMatchObject({
      message: 'deleteMany: there is no option "dryrun"',
      hint: expect.stringContaining('Did you mean "dryRun"?'),
    });
    expect(await books.length()).toBe(4);
  });
});
