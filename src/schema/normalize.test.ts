import { expect, expectTypeOf, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import type { CollectionConfig, InputOf, OutputOf, VectorsOf } from './collection-config.ts';
import { normalize } from './normalize.ts';

const failure = (run: () => unknown): HeddleError => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(HeddleError);
    return error as HeddleError;
  }
  throw new Error('nothing was thrown');
};

test("the short form gets Weaviate's defaults", () => {
  const schema = normalize('Note', { properties: { title: 'text', stars: 'int?' }, vectors: { default: {} } });
  expect(schema.properties.map(({ name, type, optional, ordinal }) => ({ name, type, optional, ordinal }))).toEqual([
    { name: 'title', type: 'text', optional: false, ordinal: 0 },
    { name: 'stars', type: 'int', optional: true, ordinal: 1 },
  ]);
  expect(schema.properties[0]).toMatchObject({
    tokenization: 'word',
    indexFilterable: true,
    indexSearchable: true,
    indexRangeFilters: false,
  });
  expect(schema.properties[1].indexSearchable).toBe(false);
  expect(schema.vectors[0]).toMatchObject({
    ordinal: 2,
    distance: 'cosine',
    index: { maxConnections: 16, efConstruction: 128, ef: -1 },
    quantizer: { type: 'sq' },
  });
  expect(schema.nextOrdinal).toBe(3);
  expect(schema.shardOf).toHaveLength(256);
});

test('nested properties get ordinals of their own after the vectors', () => {
  const schema = normalize('Car', {
    properties: {
      make: { type: 'object', properties: { name: 'text', founded: { type: 'object?', properties: { year: 'int' } } } },
      colour: 'text',
    },
    vectors: { default: {} },
  });
  expect(schema.properties.map((property) => property.ordinal)).toEqual([0, 1]);
  expect(schema.properties[0].nested.map((property) => property.ordinal)).toEqual([3, 4]);
  expect(schema.properties[0].nested[1].nested[0].ordinal).toBe(5);
  expect(schema.nextOrdinal).toBe(6);
});

test.each<[string, CollectionConfig, string]>([
  ['an unknown type', { properties: { a: 'string' as 'text' } }, 'property "a": type'],
  ['an empty property name', { properties: { '': 'text' } }, 'property name ""'],
  ['a reserved property name', { properties: { and: 'text' } }, 'is reserved'],
  ['tokenization on a number', { properties: { a: { type: 'int', tokenization: 'word' } } }, 'applies to text only'],
  ['an object without properties', { properties: { a: 'object' } }, 'must say what is inside'],
  ['a key that is optional', { properties: { a: 'text?' }, key: 'a' }, 'must be a required'],
  [
    'from without text',
    { properties: { a: 'int' }, vectors: { v: { vectorizer: { id: 'm', dimensions: 3 } } } },
    'at least one text property',
  ],
  [
    "dimensions apart from the vectorizer's",
    { properties: { a: 'text' }, vectors: { v: { dimensions: 4, vectorizer: { id: 'm', dimensions: 3 } } } },
    'must equal the 3',
  ],
  ['a bad ef', { properties: {}, vectors: { v: { index: { type: 'hnsw', ef: -2 } } } }, 'index.ef'],
])('%s is refused with the setting named', (_, config, message) => {
  const error = failure(() => normalize('Note', config));
  expect(error.code).toBe('InvalidInput');
  expect(error.message).toContain(message);
  expect(error.details).toMatchObject({ collection: 'Note' });
});

test('an empty collection name is refused', () => {
  expect(failure(() => normalize('', { properties: {} })).details).toMatchObject({ property: 'name', value: '' });
});

test('types follow from the config', () => {
  const config = {
    properties: {
      title: 'text',
      tags: 'text[]',
      edited: 'date',
      stars: 'int?',
      where: { type: 'geoCoordinates', optional: true },
      author: { type: 'object', properties: { name: 'text', born: 'date?' } },
    },
    vectors: { default: {}, image: {} },
  } as const satisfies CollectionConfig;
  type In = InputOf<typeof config>;
  type Out = OutputOf<typeof config>;
  expectTypeOf<In['edited']>().toEqualTypeOf<Date | string>();
  expectTypeOf<Out['edited']>().toEqualTypeOf<Date>();
  expectTypeOf<Out['stars']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Out['tags']>().toEqualTypeOf<string[]>();
  expectTypeOf<Out['author']['born']>().toEqualTypeOf<Date | undefined>();
  expectTypeOf<{ title: string; tags: string[]; edited: Date; author: { name: string } }>().toExtend<In>();
  expectTypeOf<{ title: string }>().not.toExtend<In>();
  expectTypeOf<VectorsOf<typeof config>>().toEqualTypeOf<'default' | 'image'>();
});
