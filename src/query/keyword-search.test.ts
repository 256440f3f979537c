import { expect, test } from 'vitest';
import { uuidText } from '../core/ids.ts';
import { normalize } from '../schema/normalize.ts';
import { keyword, request, search } from './testing/collection.ts';
import { TestShard } from './testing/test-shard.ts';

const SCHEMA = normalize('Note', { properties: { title: 'text?', body: 'text?', tag: { type: 'text?', tokenization: 'field' } } });
const uuid = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

function shardOf(rows: readonly (readonly unknown[])[], flushed: boolean): TestShard {
  const shard = new TestShard(SCHEMA);
  rows.forEach((row, i) => shard.put(uuid(i), row));
  if (flushed) shard.reopen();
  return shard;
}

const ROWS = [
  ['Leaky tap', 'Call the plumber about the leaking tap in the kitchen'],
  ['Tap dancing', 'Lessons on Monday; bring shoes for tap dance'],
  ['Plumbing', 'The kitchen sink & the "old" <pipe>'],
  ['To be', 'to be or not to be'],
  ['Receipts', 'plumber, kitchen fitter, electrician'],
];

const found = (shard: TestShard, query: string, parts: Parameters<typeof keyword>[1] = {}): number[] =>
  search([shard], request({ keyword: keyword(query, parts) }))
    .hits.map(({ uuid: id }) => Number(uuidText(id).slice(-12)))
    .sort();

for (const flushed of [false, true]) {
  const where = flushed ? 'in segments' : 'in the memtable';
  const shard = shardOf(ROWS, flushed);

  test(`the last word also matches as a prefix, unless it is finished (${where})`, () => {
    expect(found(shard, 'plumb', { prefix: true })).toEqual([0, 2, 4]);
    expect(found(shard, 'plumb ', { prefix: true })).toEqual([]);
    expect(found(shard, 'plumb')).toEqual([]);
    expect(found(shard, 'kitchen pl', { prefix: true, operator: 'and' })).toEqual([0, 2, 4]);
  });

  test(`typos are forgiven as far as allowed (${where})`, () => {
    expect(found(shard, 'plumbre', { typos: 0 })).toEqual([]);
    expect(found(shard, 'plumbre', { typos: 1 })).toEqual([0, 4]);
    expect(found(shard, 'kitchn', { typos: 'auto' })).toEqual([0, 2, 4]);
    expect(found(shard, 'tp', { typos: 'auto' })).toEqual([]);
  });

  test(`a quoted part is a phrase (${where})`, () => {
    expect(found(shard, '"leaking tap"')).toEqual([0]);
    expect(found(shard, '"tap leaking"')).toEqual([]);
    expect(found(shard, '"to be or"')).toEqual([3]);
    expect(found(shard, '"tap dance" plumber')).toEqual([1]);
    expect(found(shard, '"tap leaking"', { phrases: false })).toEqual([0, 1]);
  });

  test(`and wants every word, minimum match so many (${where})`, () => {
    expect(found(shard, 'plumber kitchen tap', { operator: 'and' })).toEqual([0]);
    expect(found(shard, 'plumber kitchen tap', { minimumMatch: 2 })).toEqual([0, 4]);
  });
}

test('an exact match ranks before a prefix, and a prefix before a typo', () => {
  const shard = shardOf(
    [
      [null, 'a cart here'],
      [null, 'a card here'],
      [null, 'a car here'],
    ],
    true,
  );
  const order = search([shard], request({ keyword: keyword('car', { prefix: true, typos: 1 }) })).hits.map(({ uuid: id }) =>
    Number(uuidText(id).slice(-12)),
  );
  expect(order[0]).toBe(2);
  expect(order).toHaveLength(3);
});

test('fragments are escaped and matches marked, by prefix and typo too', () => {
  const shard = shardOf(ROWS, false);
  const highlight = { properties: ['body'], fragmentCharsMax: 200 };
  const [hit] = search([shard], request({ keyword: keyword('old pip', { highlight, prefix: true }) })).hits;
  expect(hit.highlights).toEqual({ body: ['The kitchen sink &amp; the &quot;<mark>old</mark>&quot; &lt;<mark>pipe</mark>&gt;'] });
});

test('a long text gives short fragments around the matches', () => {
  const filler = 'lorem ipsum dolor sit amet '.repeat(30);
  const shard = shardOf([[null, `${filler}needle ${filler}needle ${filler}`]], false);
  const [hit] = search([shard], request({ keyword: keyword('needle', { highlight: { properties: [], fragmentCharsMax: 60 } }) })).hits;
  expect(hit.highlights!.body).toHaveLength(2);
  for (const fragment of hit.highlights!.body) {
    expect(fragment).toContain('<mark>needle</mark>');
    expect(fragment.length).toBeLessThan(90);
  }
});

test('a keyword search on a property that is not searchable says which setting to change', () => {
  const schema = normalize('Note', { properties: { hidden: { type: 'text', indexSearchable: false } } });
  const shard = new TestShard(schema);
  expect(() => search([shard], request({ keyword: keyword('x', { properties: [{ path: 'hidden', boost: 1 }] }) }))).toThrow(
    /"hidden" is not indexed for keyword search/,
  );
});

test('explain tells the stages, and every hit how it came by its score', () => {
  const shard = shardOf(ROWS, true);
  const wanted = request({ keyword: keyword('tap'), explain: true });
  const [hit] = search([shard], wanted).hits;
  expect(hit.explanation).toMatch(/^keyword: BM25 (\d+\.\d{4}) = title:tap \1 \(1 in 2\)$|title:tap .* \+ body:tap /);
});

test('a renamed property keeps its postings, a dropped one loses them, a new one begins empty', () => {
  const shard = shardOf(ROWS, true);
  const [title, body, tag] = SCHEMA.properties;
  const renamed = { ...SCHEMA, version: 2, properties: [{ ...title, name: 'heading' }, tag] };
  shard.inverted.setSchema(renamed);
  expect(found(shard, 'tap', { properties: [{ path: 'heading', boost: 1 }] })).toEqual([0, 1]);
  expect(() => found(shard, 'tap', { properties: [{ path: 'body', boost: 1 }] })).toThrow(/not in collection/);
  const added = { ...renamed, version: 3, nextOrdinal: 4, properties: [...renamed.properties, { ...body, ordinal: 3, name: 'body' }] };
  shard.inverted.setSchema(added);
  expect(found(shard, 'plumber', { properties: [{ path: 'body', boost: 1 }] })).toEqual([]);
  shard.put(uuid(9), ['Late', null, null, 'the plumber came']);
  expect(found(shard, 'plumber', { properties: [{ path: 'body', boost: 1 }] })).toEqual([9]);
});
