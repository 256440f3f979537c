import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import { finishAggregate, mergeAggregates } from './aggregate.ts';
import type { MergedResults } from './merge.ts';
import type { AggregateRequest } from './shard-search.ts';
import { SORT_COLUMNS_MIN } from './sort-values.ts';
import { keyword, request, search } from './testing/collection.ts';
import { pick, randomHistory, randomSchema, textOf, uuidOf } from './testing/random-objects.ts';
import { TestShard, type StoredObject } from './testing/test-shard.ts';

const SCHEMA = randomSchema(new SeededRandom(3));
const ordinal = (name: string): number => SCHEMA.properties.find((property) => property.name === name)!.ordinal;
const objectsOf = (shards: readonly TestShard[]): StoredObject[] => shards.flatMap((shard) => [...shard.objects.values()]);
const idsOf = ({ hits }: MergedResults): string[] => hits.map(({ uuid }) => uuidText(uuid));
const SHARD_COUNTS = [1, 2, 5];

/** Runs `check` on histories over 1, 2 and 5 shards. */
function onShards(seeds: number, check: (shards: TestShard[], random: SeededRandom, what: string) => void): void {
  for (let seed = 1; seed <= seeds; seed++)
    for (const count of SHARD_COUNTS) {
      const random = new SeededRandom(seed);
      check(randomHistory(SCHEMA, random, count, 250), random, `seed ${seed}, ${count} shards`);
    }
}

test('fetches come sorted on several keys, ties by UUID, nothing first', () => {
  onShards(3, (shards, random, what) => {
    const sort = [
      { path: 'count', order: pick(random, ['asc', 'desc'] as const) },
      { path: 'title', order: pick(random, ['asc', 'desc'] as const) },
    ];
    const offset = random.int(10);
    const rank = (a: unknown, b: unknown): number =>
      a === b ? 0 : a === null ? -1 : b === null ? 1 : (a as number) < (b as number) ? -1 : 1;
    const expected = objectsOf(shards).sort((a, b) => {
      for (const { path, order } of sort) {
        const sign = rank(a.values[ordinal(path)] ?? null, b.values[ordinal(path)] ?? null);
        if (sign !== 0) return order === 'asc' ? sign : -sign;
      }
      return a.uuid < b.uuid ? -1 : 1;
    });
    expect(idsOf(search(shards, request({ sort, offset, limit: 25 }))), what).toEqual(
      expected.slice(offset, offset + 25).map(({ uuid }) => uuid),
    );
  });
});

test('very many objects are sorted from their postings as from their values', () => {
  const random = new SeededRandom(21);
  const [shard] = randomHistory(SCHEMA, random, 1, 2_500);
  const sort = [
    { path: 'done', order: 'desc' as const },
    { path: 'count', order: 'asc' as const },
    { path: '_updateTime', order: 'desc' as const },
  ];
  const rank = (a: number | null, b: number | null): number => (a === b ? 0 : a === null ? -1 : b === null ? 1 : a - b);
  const number = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
  const expected = objectsOf([shard]).sort(
    (a, b) =>
      -rank(number(a.values[ordinal('done')]), number(b.values[ordinal('done')])) ||
      rank(number(a.values[ordinal('count')]), number(b.values[ordinal('count')])) ||
      b.updatedMs - a.updatedMs ||
      (a.uuid < b.uuid ? -1 : 1),
  );
  expect(expected.length).toBeGreaterThan(SORT_COLUMNS_MIN);
  expect(idsOf(search([shard], request({ sort, limit: 2_000 })))).toEqual(expected.map(({ uuid }) => uuid));
});

test('a cursor walks every match of a filter once, in UUID order', () => {
  onShards(2, (shards, _random, what) => {
    const filter = parseFilter({ count: { greaterOrEqual: 0 } }, SCHEMA);
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const page = idsOf(search(shards, request({ filter, after, limit: 7 })));
      if (page.length === 0) break;
      seen.push(...page);
      after = page[page.length - 1];
    }
    const expected = objectsOf(shards)
      .filter(({ values }) => ((values[ordinal('count')] as number | null) ?? -1) >= 0)
      .map(({ uuid }) => uuid);
    expect(seen, what).toEqual(expected.sort());
  });
});

test('facets and totals count what matches filter and keywords', () => {
  onShards(3, (shards, random, what) => {
    const query = textOf(random, 4) || 'fox';
    const facets = ['tags', 'count', 'done', 'ref', 'author.name'].map((path) => ({ path, limit: 100 }));
    const filter = random.next() < 0.5 ? parseFilter({ count: { lessThan: 3 } }, SCHEMA) : null;
    const everything = search(shards, request({ keyword: keyword(query), filter, limit: 100_000, facets, totalCount: true }));
    const matching = new Set(idsOf(everything));
    expect(everything.total, what).toBe(matching.size);
    for (const { path, counts } of everything.facets) {
      const expected = new Map<unknown, number>();
      for (const { uuid, values } of objectsOf(shards)) {
        if (!matching.has(uuid)) continue;
        const value = path === 'author.name' ? (values[ordinal('author')] as { name?: string } | null)?.name : values[ordinal(path)];
        const isField = path === 'author.name' || SCHEMA.properties[ordinal(path)].tokenization === 'field';
        const all = (Array.isArray(value) ? value : [value])
          .filter((one) => one !== null && one !== undefined)
          .map((one: unknown) => (isField && typeof one === 'string' ? one.trim().normalize('NFC') : one));
        for (const one of new Set(all)) expected.set(one, (expected.get(one) ?? 0) + 1);
      }
      expected.delete('');
      const found = new Map<unknown, number>(counts);
      found.delete('');
      expect(found, `${what}, ${path}`).toEqual(expected);
    }
  });
});

test('aggregates equal a plain fold over the matching objects', () => {
  onShards(3, (shards, random, what) => {
    const grouped = random.next() < 0.5;
    const metrics = ['count', 'sum', 'mean', 'median', 'mode', 'minimum', 'maximum'];
    const wanted: AggregateRequest = {
      filter: random.next() < 0.5 ? parseFilter({ score: { greaterThan: 0 } }, SCHEMA) : null,
      search: null,
      metrics: [
        { path: 'scores', metrics, topOccurrencesLimit: 5 },
        { path: 'count', metrics, topOccurrencesLimit: 5 },
        { path: 'done', metrics: ['totalTrue', 'totalFalse', 'percentageTrue'], topOccurrencesLimit: 5 },
      ],
      groupBy: grouped ? { path: 'done', limit: 10 } : null,
    };
    const groups = finishAggregate(wanted, mergeAggregates(shards.map((shard) => shard.query.aggregate(wanted))));
    const all = objectsOf(shards).filter(({ values }) => wanted.filter === null || ((values[ordinal('score')] as number | null) ?? 0) > 0);
    const sizes: Record<string, number> = {};
    for (const { value, count, properties } of groups) {
      const members = all.filter(({ values }) => !grouped || values[ordinal('done')] === value);
      expect(count, what).toBe(members.length);
      sizes[String(value)] = count;
      for (const path of ['scores', 'count'])
        expectFold(
          properties[path],
          members.flatMap(({ values }) => (values[ordinal(path)] as number[] | number | null) ?? []),
          what,
        );
      const trues = members.filter(({ values }) => values[ordinal('done')] === true).length;
      const known = members.filter(({ values }) => values[ordinal('done')] !== null && values[ordinal('done')] !== undefined).length;
      expect(properties.done, what).toEqual({
        totalTrue: trues,
        totalFalse: known - trues,
        percentageTrue: known === 0 ? null : trues / known,
      });
    }
    if (grouped)
      expect(Object.keys(sizes).length, what).toBe(
        new Set(all.map(({ values }) => values[ordinal('done')]).filter((done) => typeof done === 'boolean')).size,
      );
  });
});

function expectFold(found: Readonly<Record<string, unknown>>, values: readonly number[], what: string): void {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const sum = values.reduce((total, value) => total + value, 0);
  const times = (value: number): number => values.filter((other) => other === value).length;
  const mode = [...new Set(sorted)].sort((a, b) => times(b) - times(a) || a - b)[0];
  expect(found.count, what).toBe(values.length);
  expect(found.sum, what).toBeCloseTo(sum, 9);
  if (values.length === 0) return;
  expect(found.mean, what).toBeCloseTo(sum / values.length, 9);
  expect(found.median, what).toBe((sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2);
  expect([found.minimum, found.maximum, found.mode].map(Number), what).toEqual([sorted[0], sorted[sorted.length - 1], mode]);
}

/** Shards with two vectors on most objects. */
function withVectors(
  random: SeededRandom,
  count: number,
): { shards: TestShard[]; rows: Map<string, { a?: Float32Array; b?: Float32Array }> } {
  const shards = Array.from({ length: count }, () => new TestShard(SCHEMA));
  const rows = new Map<string, { a?: Float32Array; b?: Float32Array }>();
  const row = (): Float32Array => Float32Array.from({ length: 3 }, () => random.int(6));
  for (let i = 0; i < 120; i++) {
    const uuid = uuidOf(random);
    const vectors = { ...(random.next() < 0.9 && { a: row() }), ...(random.next() < 0.9 && { b: row() }) };
    rows.set(uuid, vectors);
    shards[uuid.charCodeAt(0) % count].put(
      uuid,
      [textOf(random, 6), null, textOf(random, 20), random.int(4)],
      undefined,
      vectors as Record<string, Float32Array>,
    );
    if (random.next() < 0.05) shards[0].flush();
  }
  return { shards, rows };
}

const distance = (x: Float32Array, y: Float32Array): number => Math.fround(x.reduce((sum, value, d) => sum + (value - y[d]) ** 2, 0));
const target = (name: string, query: Float32Array, weight = 1): { name: string; query: Float32Array; weight: number } => ({
  name,
  query,
  weight,
});

test('hybrid fusion equals its definition over the merged lists', () => {
  for (let seed = 1; seed <= 8; seed++)
    for (const count of SHARD_COUNTS) {
      const random = new SeededRandom(seed);
      const { shards, rows } = withVectors(random, count);
      const query = Float32Array.from([random.int(6), random.int(6), random.int(6)]);
      const words = keyword('river stone fox', { properties: [{ path: 'title', boost: 1 }] });
      const fusion = { type: pick(random, ['relativeScore', 'ranked'] as const), alpha: pick(random, [0, 0.3, 0.75, 1]) };
      const vector: SearchRequest['vector'] = { targets: [target('a', query)], combination: 'sum', maxDistance: null, ef: null };
      const byUuid = (a: { uuid: string }, b: { uuid: string }): number => (a.uuid < b.uuid ? -1 : 1);
      const near = [...rows]
        .flatMap(([uuid, { a }]) => (a ? [{ uuid, score: -distance(a, query) }] : []))
        .sort((a, b) => b.score - a.score || byUuid(a, b))
        .slice(0, 100);
      const matching = search(shards, request({ keyword: words, limit: 100 })).hits.map(({ uuid, score }) => ({
        uuid: uuidText(uuid),
        score,
      }));
      const part = (list: readonly { uuid: string; score: number }[], uuid: string, weight: number): number => {
        const rank = list.findIndex((one) => one.uuid === uuid);
        if (rank < 0) return 0;
        if (fusion.type === 'ranked') return weight / (60 + rank);
        const scores = list.map(({ score }) => score);
        const [low, high] = [Math.min(...scores), Math.max(...scores)];
        return weight * (high === low ? 1 : (list[rank].score - low) / (high - low));
      };
      const expected = [...new Set([...near, ...matching].map(({ uuid }) => uuid))]
        .map((uuid) => ({ uuid, score: part(near, uuid, fusion.alpha) + part(matching, uuid, 1 - fusion.alpha) }))
        .sort((a, b) => b.score - a.score || byUuid(a, b))
        .slice(0, 15);
      const found = search(shards, request({ keyword: words, vector, fusion, limit: 15 })).hits.map(({ uuid, score }) => ({
        uuid: uuidText(uuid),
        score,
      }));
      expect(found, `seed ${seed}, ${count} shards, ${JSON.stringify(fusion)}`).toEqual(expected);
    }
});

test('distances to several targets are combined as asked', () => {
  for (let seed = 1; seed <= 10; seed++)
    for (const count of SHARD_COUNTS) {
      const random = new SeededRandom(seed);
      const { shards, rows } = withVectors(random, count);
      const [qa, qb] = [Float32Array.from([1, 2, 3]), Float32Array.from([4, 0, random.int(5)])];
      const combination = pick(random, ['sum', 'average', 'minimum', 'manualWeights', 'relativeScore'] as const);
      const vector = { targets: [target('a', qa, 0.3), target('b', qb, 0.7)], combination, maxDistance: null, ef: null };
      const all = [...rows].map(([uuid, { a, b }]) => ({ uuid, distances: [a ? distance(a, qa) : NaN, b ? distance(b, qb) : NaN] }));
      const spans = [0, 1].map((t) => {
        const known = all.map(({ distances }) => distances[t]).filter((d) => !Number.isNaN(d));
        return { low: Math.min(...known), span: Math.max(...known) - Math.min(...known) };
      });
      const combined = ([x, y]: readonly number[]): number => {
        const least = Math.min(...[x, y].filter((d) => !Number.isNaN(d)));
        if (combination === 'minimum') return least === Infinity ? NaN : least;
        if (combination === 'relativeScore')
          return least === Infinity
            ? NaN
            : [x, y].reduce((sum, d, t) => sum + [0.3, 0.7][t] * (Number.isNaN(d) ? 1 : (d - spans[t].low) / spans[t].span), 0);
        return combination === 'manualWeights' ? 0.3 * x + 0.7 * y : combination === 'average' ? (x + y) / 2 : x + y;
      };
      const expected = all
        .map(({ uuid, distances }) => ({ uuid, distance: combined(distances) }))
        .filter((one) => !Number.isNaN(one.distance));
      expected.sort((a, b) => a.distance - b.distance || (a.uuid < b.uuid ? -1 : 1));
      const found = search(shards, request({ vector, limit: 1000 })).hits.map(({ uuid, distance: d }) => ({
        uuid: uuidText(uuid),
        distance: d!,
      }));
      expect(
        found.map(({ uuid }) => uuid),
        `seed ${seed}, ${count} shards, ${combination}`,
      ).toEqual(expected.map(({ uuid }) => uuid));
      found.forEach((hit, i) => expect(hit.distance).toBeCloseTo(expected[i].distance, 6));
    }
});

test('a filter comes before the vector search: the limit is filled whenever enough objects match', () => {
  const { shards, rows } = withVectors(new SeededRandom(5), 2);
  const filter = parseFilter({ count: 2 }, SCHEMA);
  const matching = objectsOf(shards).filter(({ uuid, values }) => values[3] === 2 && rows.get(uuid)!.a);
  const vector = { targets: [target('a', Float32Array.from([0, 0, 0]))], combination: 'sum' as const, maxDistance: null, ef: null };
  expect(search(shards, request({ vector, filter, limit: 10 })).hits).toHaveLength(Math.min(10, matching.length));
});

test('groups stand in the order of their best hit and hold at most so many objects', () => {
  const { shards } = withVectors(new SeededRandom(9), 2);
  const vector = { targets: [target('a', Float32Array.from([3, 3, 3]))], combination: 'sum' as const, maxDistance: null, ef: null };
  const plain = search(shards, request({ vector, limit: 40 }));
  const countOf = new Map(objectsOf(shards).map(({ uuid, values }) => [uuid, values[3] as number]));
  const { hits, groups } = search(
    shards,
    request({ vector, limit: 40, groupBy: { path: 'count', numberOfGroups: 3, objectsPerGroup: 2 } }),
  );
  const order = [...new Set(idsOf(plain).map((uuid) => countOf.get(uuid)!))].slice(0, 3);
  expect(groups!.map(({ value }) => value)).toEqual(order);
  for (const group of groups!) {
    const members = idsOf(plain).filter((uuid) => countOf.get(uuid) === group.value);
    expect(group.count).toBe(members.length);
    expect(group.hits.map((hit) => uuidText(hits[hit].uuid))).toEqual(members.slice(0, 2));
  }
});
