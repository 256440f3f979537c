import { expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import { normalize } from './normalize.ts';
import {
  finishReindex,
  hasBeenReindexed,
  indexNames,
  isReindexing,
  rebuilt,
  reindexed,
  TIMES_INDEX,
  updateInvertedIndex,
  updateProperty,
} from './reindex.ts';
import { addProperty, dropProperty, planEnsure, renameProperty } from './schema-change.ts';

const CONFIG = {
  properties: { title: 'text', stars: 'int?', author: { type: 'object?', properties: { name: 'text' } } },
} as const;
const schema = normalize('Note', CONFIG);

const errorOf = (run: () => unknown): HeddleError => {
  try {
    run();
  } catch (error) {
    return error as HeddleError;
  }
  throw new Error('nothing was thrown');
};

test('other settings are built under an ordinal of their own and take their place when finished', () => {
  const building = updateProperty(schema, 'title', { stemming: 'english' });
  expect(building).toMatchObject({ version: 2, nextOrdinal: schema.nextOrdinal + 1 });
  expect(building.properties[0]).toMatchObject({ ordinal: 0, stemming: null, next: { stemming: 'english', index: schema.nextOrdinal } });
  expect(isReindexing(building)).toBe(true);
  const done = finishReindex(building);
  expect(done.properties[0]).toMatchObject({ ordinal: 0, stemming: 'english', tokenization: 'word', index: schema.nextOrdinal });
  expect(done.properties[0]).not.toHaveProperty('next');
  expect([isReindexing(done), hasBeenReindexed(done), hasBeenReindexed(schema), done.version]).toEqual([false, true, false, 3]);
});

test("a damaged index is built anew as it is, once, whichever of a property's it is", () => {
  const damaged = (ordinals: number[]) => new Set(ordinals);
  expect(rebuilt(schema, damaged([99, TIMES_INDEX]))).toBe(schema);
  const building = rebuilt(schema, damaged([0, 99]));
  expect(building).toMatchObject({ version: 2, nextOrdinal: schema.nextOrdinal + 1 });
  expect(building.properties[0]).toMatchObject({ next: { tokenization: 'word', index: schema.nextOrdinal } });
  expect(building.properties.slice(1)).toEqual(schema.properties.slice(1));
  expect(rebuilt(building, damaged([0]))).toBe(building);
  const again = rebuilt(building, damaged([0, schema.nextOrdinal]));
  expect(again.properties[0].next!.index).toBe(schema.nextOrdinal + 1);
  const done = finishReindex(again);
  expect(indexNames(done, damaged([schema.nextOrdinal + 1]))).toEqual(['title']);
  expect(indexNames(done, damaged([0, schema.nextOrdinal]))).toEqual([]);
  expect(rebuilt(done, damaged([0, schema.nextOrdinal]))).toBe(done);
  const timed = normalize('Note', { ...CONFIG, invertedIndex: { indexTimestamps: true } });
  const times = rebuilt(timed, damaged([TIMES_INDEX]));
  expect(times.next).toMatchObject({ invertedIndex: timed.invertedIndex, timesIndex: timed.nextOrdinal });
  expect(rebuilt(times, damaged([TIMES_INDEX]))).toBe(times);
  expect(finishReindex(times)).toMatchObject({ timesIndex: timed.nextOrdinal });
});

test('the settings that hold already change nothing; going back to them ends the building', () => {
  expect(updateProperty(schema, 'title', { tokenization: 'word' })).toBe(schema);
  const building = updateProperty(schema, 'author.name', { tokenization: 'field' });
  expect(updateProperty(building, 'author.name', { tokenization: 'field' })).toBe(building);
  const back = updateProperty(building, 'author.name', { tokenization: 'word' });
  expect(isReindexing(back)).toBe(false);
  expect(back.properties).toEqual(schema.properties);
});

test('null states and lengths build every index anew, time stamps their own, weights and stopwords none', () => {
  const building = updateInvertedIndex(schema, { indexNullState: true, indexTimestamps: true, b: 0.5 });
  expect(building.invertedIndex).toMatchObject({ b: 0.5, indexNullState: false, indexTimestamps: false });
  const done = finishReindex(building);
  expect(done.invertedIndex).toMatchObject({ b: 0.5, indexNullState: true, indexTimestamps: true });
  const ordinals = [done.timesIndex, done.properties[0].index, done.properties[1].index, done.properties[2].nested[0].index];
  expect(new Set(ordinals).size).toBe(4);
  expect(ordinals.every((ordinal) => ordinal! >= schema.nextOrdinal && ordinal! < done.nextOrdinal)).toBe(true);
  const weighted = updateInvertedIndex(schema, { k1: 2, stopwords: { preset: 'none' } });
  expect([isReindexing(weighted), weighted.nextOrdinal]).toEqual([false, schema.nextOrdinal]);
  expect(updateInvertedIndex(schema, { k1: 1.2 })).toBe(schema);
});

test('properties can be renamed, dropped and added meanwhile', () => {
  let next = updateInvertedIndex(updateProperty(schema, 'title', { asciiFold: true }), { indexPropertyLength: true });
  next = addProperty(renameProperty(dropProperty(next, 'stars'), 'title', 'name'), 'pages', 'int?');
  const done = finishReindex(next);
  expect(done.properties.map(({ name }) => name)).toEqual(['name', 'author', 'pages']);
  expect(done.properties[0]).toMatchObject({ asciiFold: true });
  expect(done.properties.every(({ index, nested }) => (nested[0]?.index ?? index) !== undefined)).toBe(true);
});

test('ensure takes what is being built for what is there', () => {
  const building = updateProperty(schema, 'title', { stemming: 'english' });
  const wanted = { properties: { ...CONFIG.properties, title: { type: 'text', stemming: 'english' } } } as const;
  expect(planEnsure(building, wanted)).toBe(building);
  expect(errorOf(() => planEnsure(building, CONFIG))).toMatchObject({
    code: 'SchemaConflict',
    hint: expect.stringContaining('updateProperty'),
  });
  expect(reindexed(schema)).toBe(schema);
});

test('what does not apply is refused by name', () => {
  expect(errorOf(() => updateProperty(schema, 'nothing', {}))).toMatchObject({ code: 'NotFound', details: { property: 'nothing' } });
  expect(errorOf(() => updateProperty(schema, 'stars', { stemming: 'english' })).message).toContain('applies to text only');
  expect(errorOf(() => updateProperty(schema, 'author', { indexFilterable: false })).message).toContain('name a property inside');
  expect(errorOf(() => updateProperty(schema, 'title', { tokenisation: 'field' } as object))).toMatchObject({
    code: 'InvalidInput',
    hint: expect.stringContaining('"tokenization"'),
    details: { property: 'tokenisation' },
  });
  expect(errorOf(() => updateInvertedIndex(schema, { k1: -1 })).message).toContain('k1');
});
