import { expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import type { FilterInput } from './filter.ts';
import { normalize } from './normalize.ts';
import { parseFilter } from './parse-filter.ts';

const SCHEMA = normalize('Note', {
  properties: {
    title: 'text',
    stars: 'int',
    day: 'date',
    tags: 'text[]',
    ref: 'uuid',
    done: 'boolean',
    place: 'geoCoordinates',
    secret: { type: 'text', indexFilterable: false },
    ranged: { type: 'int', indexFilterable: false, indexRangeFilters: true },
    author: { type: 'object', properties: { name: 'text' } },
  },
});

const parse = (input: unknown): unknown => parseFilter(input as FilterInput, SCHEMA);

function failure(input: unknown): HeddleError {
  try {
    parse(input);
  } catch (error) {
    return error as HeddleError;
  }
  throw new Error(`no error for ${JSON.stringify(input)}`);
}

test('the short form becomes a tree', () => {
  const property = (path: string) => ({ kind: 'property', path });
  expect(parse({ stars: 3 })).toEqual({ op: 'equal', target: property('stars'), value: 3 });
  expect(parse({ stars: { greaterThan: 3, lessThan: 9 }, 'author.name': 'Ann' })).toEqual({
    op: 'and',
    nodes: [
      { op: 'greaterThan', target: property('stars'), value: 3 },
      { op: 'lessThan', target: property('stars'), value: 9 },
      { op: 'equal', target: property('author.name'), value: 'Ann' },
    ],
  });
  expect(parse({ not: { or: [{ done: true }, { tags: { containsAny: ['a'] } }] } })).toMatchObject({ op: 'not', node: { op: 'or' } });
  expect(parse({ day: new Date(5) })).toMatchObject({ value: 5 });
  expect(parse({ day: '1970-01-01T00:00:01Z' })).toMatchObject({ value: 1000 });
  expect(parse({ _id: '00000000-0000-7000-8000-00000000000A' })).toMatchObject({
    target: { kind: 'id' },
    value: '00000000-0000-7000-8000-00000000000a',
  });
});

test.each([
  [{ titel: 'x' }, 'filters.titel', /property "titel" is not in collection "Note"/],
  [{ and: [{ stars: 1 }, { 'author.age': 3 }] }, 'filters.and[1].author.age', /"author.age" is not in/],
  [{ author: 'x' }, 'filters.author', /"author" is an object/],
  [{ stars: { like: '3*' } }, 'filters.stars.like', /like does not apply to "stars" \(int\)/],
  [{ done: { greaterThan: true } }, 'filters.done.greaterThan', /greaterThan does not apply/],
  [{ title: { near: 'x' } }, 'filters.title.near', /no operator "near"/],
  [{ stars: '3' }, 'filters.stars', /expects int, got "3"/],
  [{ stars: 3.5 }, 'filters.stars', /expects int, got 3.5/],
  [{ tags: { containsAny: ['a', 5] } }, 'filters.tags.containsAny[1]', /expects text, got 5/],
  [{ tags: { containsAny: [] } }, 'filters.tags.containsAny', /expects a list of 1 to 10000 values/],
  [{ ref: 'nope' }, 'filters.ref', /expects a UUID/],
  [{ day: 'soon' }, 'filters.day', /expects a Date or ISO 8601 text/],
  [{ secret: 'x' }, 'filters.secret', /is not indexed for equal/],
  [{ title: { isNull: true } }, 'filters.title.isNull', /is not indexed for isNull/],
  [{ 'len(title)': 3 }, 'filters.len(title)', /is not indexed for equal/],
  [{ _creationTime: { greaterThan: new Date(0) } }, 'filters._creationTime.greaterThan', /is not indexed/],
  [
    { place: { withinGeoRange: { latitude: 91, longitude: 0, distance: 5 } } },
    'filters.place.withinGeoRange.latitude',
    /degrees from -90 to 90, got 91/,
  ],
  [{ place: { withinGeoRange: { latitude: 1, longitude: 0, distance: -5 } } }, 'filters.place.withinGeoRange.distance', /metres from 0/],
  [{ or: [] }, 'filters.or', /at least one/],
  [{}, 'filters', /has no condition/],
  [[{ stars: 1 }], 'filters', /expects an object of conditions/],
  [{ tags: ['a'] }, 'filters.tags', /expects conditions, got an array of 1/],
])('%j is refused at %s', (input, path, message) => {
  const error = failure(input);
  expect(error).toBeInstanceOf(HeddleError);
  expect(error.code).toBe('InvalidInput');
  expect(error.message).toMatch(message);
  expect(error.details.path).toBe(path);
});

test('what is not indexed names the setting to change', () => {
  expect(failure({ secret: 'x' }).hint).toContain('indexFilterable: true on "secret"');
  expect(failure({ title: { isNull: true } }).details.setting).toBe('invertedIndex.indexNullState: true');
  expect(parse({ ranged: { greaterThan: 3 } })).toMatchObject({ op: 'greaterThan' });
});

test('a filter nested without end is refused', () => {
  let deep: unknown = { stars: 1 };
  for (let i = 0; i < 40; i++) deep = { not: deep };
  expect(failure(deep).message).toMatch(/more than 32 levels/);
});
