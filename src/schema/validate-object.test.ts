import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromUtf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { decodeProperties } from './decode-object.ts';
import { normalize } from './normalize.ts';
import { encodeObjectProperties, encodePatch } from './validate-object.ts';
import { storedVectors } from './validate-vectors.ts';

const schema = normalize('Note', {
  properties: {
    title: 'text',
    year: 'int?',
    weight: 'number?',
    done: 'boolean?',
    edited: 'date?',
    owner: 'uuid?',
    tags: 'text[]?',
    where: 'geoCoordinates?',
    author: { type: 'object?', properties: { name: 'text', born: 'date?' } },
    parts: { type: 'object[]?', properties: { code: 'text' } },
  },
  vectors: { default: { dimensions: 3 } },
});
const place = { operation: 'insertMany', index: 17 };
const failure = (run: () => unknown): HeddleError => {
  try {
    run();
  } catch (error) {
    if (error instanceof HeddleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};
const encode = (object: unknown): Uint8Array => encodeObjectProperties(place, schema, object);

test('the error names object, property and value', () => {
  const error = failure(() => encode({ title: 'a', year: 'MMXX' }));
  expect(error.code).toBe('InvalidInput');
  expect(error.message).toBe('insertMany: object 17: property "year" expects int, got "MMXX"');
  expect(error.details).toEqual({ index: 17, property: 'year', value: 'MMXX' });
});

test.each<[unknown, string]>([
  [{}, 'title'],
  [{ title: null }, 'title'],
  [{ title: 1 }, 'title'],
  [{ title: '', nope: 1 }, 'nope'],
  [{ title: '', '': 1 }, ''],
  [{ title: '', year: 1.5 }, 'year'],
  [{ title: '', year: 2 ** 53 }, 'year'],
  [{ title: '', weight: NaN }, 'weight'],
  [{ title: '', weight: Infinity }, 'weight'],
  [{ title: '', done: 'true' }, 'done'],
  [{ title: '', edited: '2024-02-30' }, 'edited'],
  [{ title: '', edited: '2024-02-01T10:00' }, 'edited'],
  [{ title: '', edited: new Date(NaN) }, 'edited'],
  [{ title: '', owner: 'not-a-uuid' }, 'owner'],
  [{ title: '', tags: 'one' }, 'tags'],
  [{ title: '', tags: ['one', 2] }, 'tags[1]'],
  [{ title: '', where: { latitude: 91, longitude: 0 } }, 'where.latitude'],
  [{ title: '', where: null, author: { name: 1 } }, 'author.name'],
  [{ title: '', author: { name: '', died: 1 } }, 'author.died'],
  [{ title: '', parts: [{ code: 'x' }, {}] }, 'parts[1].code'],
])('%j is refused at %s', (object, property) => {
  const error = failure(() => encode(object));
  expect(error.code).toBe('InvalidInput');
  expect(error.details).toMatchObject({ index: 17, property });
});

test('an object over its size limit is refused', () => {
  expect(failure(() => encode({ title: 'x'.repeat(16 * 1024 * 1024) })).message).toContain('at most');
});

test('what was encoded reads back, dates as Date', () => {
  const text = fc.string({ unit: 'grapheme' });
  const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') });
  const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
  const object = fc.record({
    title: text,
    year: maybe(fc.maxSafeInteger()),
    weight: maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0)),
    done: maybe(fc.boolean()),
    edited: maybe(date),
    owner: maybe(fc.uuid()),
    tags: maybe(fc.array(text)),
    author: maybe(fc.record({ name: text, born: date })),
    parts: maybe(fc.array(fc.record({ code: text }))),
  });
  fc.assert(
    fc.property(object, (given) => {
      const expected = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      expect(decodeProperties(schema.properties, encode(given))).toEqual(expected);
    }),
  );
});

test('a patch holds only what changes, and null where an optional property is taken away', () => {
  expect(JSON.parse(fromUtf8(encodePatch(place, schema, { year: null, title: 'b' })))).toEqual({ 0: 'b', 1: null });
  expect(failure(() => encodePatch(place, schema, { title: null })).details).toMatchObject({ property: 'title' });
});

test.each<[unknown, string]>([
  [[1, 2], 'vectors.default'],
  [[1, 2, NaN], 'vectors.default[2]'],
  [[1, Infinity, 0], 'vectors.default[1]'],
  [[1, 1e300, 0], 'vectors.default[1]'],
  [[1, '2', 3], 'vectors.default[1]'],
  [{ other: [1, 2, 3] }, 'vectors.other'],
  [{ default: 'abc' }, 'vectors.default'],
])('vector %j is refused at %s', (vectors, property) => {
  expect(failure(() => storedVectors(place, schema, vectors as number[])).details).toMatchObject({ index: 17, property });
});
