import { expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import type { CollectionConfig } from './collection-config.ts';
import { normalize } from './normalize.ts';
import { addProperty, dropProperty, fixDimensions, planEnsure, reembed, renameProperty } from './schema-change.ts';

const config: CollectionConfig = {
  properties: { title: 'text', stars: 'int?' },
  vectors: { default: { vectorizer: { id: 'minilm', dimensions: 384 }, from: ['title'] } },
};
const schema = normalize('Note', config);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as HeddleError).code;
  }
  return 'nothing';
};

test('ensure with the same config changes nothing', () => {
  expect(planEnsure(schema, config)).toBe(schema);
});

test('ensure adds what is missing under new ordinals and keeps what it does not mention', () => {
  const next = planEnsure(schema, { properties: { title: 'text', pages: 'int?' }, vectors: { image: { dimensions: 8 } } });
  expect(next.properties.map(({ name, ordinal }) => [name, ordinal])).toEqual([
    ['title', 0],
    ['stars', 1],
    ['pages', 3],
  ]);
  expect(next.vectors.map(({ name, ordinal }) => [name, ordinal])).toEqual([
    ['default', 2],
    ['image', 4],
  ]);
  expect(next.version).toBe(2);
  expect(schema.properties).toHaveLength(2);
});

test('ensure refuses an incompatible schema and lists every difference', () => {
  try {
    planEnsure(schema, {
      properties: { title: { type: 'text', tokenization: 'field' }, stars: 'number?' },
      vectors: { default: { vectorizer: { id: 'other', dimensions: 384 }, from: ['title'] } },
    });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'SchemaConflict' });
    const paths = ((error as HeddleError).details.differences as { path: string }[]).map(({ path }) => path);
    expect(paths).toEqual(['properties.title.tokenization', 'properties.stars.type', 'vectors.default.vectorizer']);
  }
});

test('a property added later must be optional', () => {
  expect(codeOf(() => addProperty(schema, 'pages', 'int'))).toBe('InvalidInput');
  expect(codeOf(() => addProperty(schema, 'title', 'text?'))).toBe('Conflict');
});

test('a dropped ordinal never comes back', () => {
  const next = addProperty(dropProperty(schema, 'stars'), 'stars', 'text?');
  expect(next.properties.map(({ ordinal }) => ordinal)).toEqual([0, 3]);
  expect(next.version).toBe(3);
});

test('a rename keeps the ordinal and follows into the vectors', () => {
  const next = renameProperty(schema, 'title', 'name');
  expect(next.properties[0]).toMatchObject({ name: 'name', ordinal: 0 });
  expect(next.vectors[0].from).toEqual(['name']);
  expect(codeOf(() => renameProperty(schema, 'title', 'stars'))).toBe('Conflict');
  expect(codeOf(() => dropProperty(schema, 'title'))).toBe('InvalidInput');
});

test('the first vector fixes the dimensions, another number is refused', () => {
  const open = normalize('Note', { properties: {}, vectors: { default: {} } });
  const fixed = fixDimensions(open, 0, 3);
  expect(fixed.vectors[0].dimensions).toBe(3);
  expect(fixDimensions(fixed, 0, 3)).toBe(fixed);
  expect(codeOf(() => fixDimensions(fixed, 0, 4))).toBe('InvalidInput');
  expect(planEnsure(fixed, { properties: {}, vectors: { default: {} } })).toBe(fixed);
});

test('another model gets a new ordinal, so that no old vector is compared with a new one', () => {
  const next = reembed(schema, 'default', { id: 'other', dimensions: 8 });
  expect(next.vectors[0]).toMatchObject({ name: 'default', ordinal: 3, dimensions: 8, vectorizer: { id: 'other' }, when: 'background' });
});
