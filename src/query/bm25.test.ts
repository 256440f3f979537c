import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import { Analyzer } from '../inverted/analyzer.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { normalize } from '../schema/normalize.ts';
import { mergeKeywordStats } from './merge.ts';
import { searchKeywords } from './keyword-search.ts';
import { planShardSearch } from './plan.ts';
import { keyword, request, search } from './testing/collection.ts';
import { pick, randomHistory, textOf } from './testing/random-objects.ts';
import type { Stack } from './testing/segment-stack.ts';
import { StoreStack } from './testing/store-stack.ts';
import type { StoredObject, TestShard } from './testing/test-shard.ts';

const SCHEMA = normalize('Thing', {
  properties: { title: 'text?', body: { type: 'text?', stemming: 'english' }, tags: { type: 'text[]?', tokenization: 'field' } },
  invertedIndex: { k1: 0.9, b: 0.4 },
});

function values(random: SeededRandom): unknown[] {
  return [
    random.next() < 0.2 ? null : textOf(random, 6),
    random.next() < 0.2 ? null : textOf(random, 60),
    [textOf(random, 2), textOf(random, 2)],
  ];
}

interface Scored {
  readonly uuid: string;
  readonly score: number;
}

const analysed = new WeakMap<StoredObject, Map<string, string[]>>();

/** The tokens of one property, kept from query to query. */
function tokensOf(object: StoredObject, name: string, analyse: () => string[]): string[] {
  const known = analysed.get(object) ?? new Map<string, string[]>();
  analysed.set(object, known);
  const found = known.get(name) ?? analyse();
  known.set(name, found);
  return found;
}

/** BM25 from its definition, over all objects at once. */
function reference(schema: CollectionSchema, objects: readonly StoredObject[], wanted: SearchRequest): Scored[] {
  const { query, properties, operator, minimumMatch } = wanted.keyword!;
  const { k1, b } = schema.invertedIndex;
  const fields = schema.properties.filter((property) => properties.length === 0 || properties.some(({ path }) => path === property.name));
  const scores = new Map<string, number>();
  const matchedBy = new Map<string, Map<string, Set<string>>>();
  const terms = fields.map((property) => {
    const analyzer = new Analyzer(property, schema.invertedIndex.stopwords);
    return { analyzer, asked: [...new Set(analyzer.queryTokens(query, false).map(({ term }) => term))] };
  });
  fields.forEach((property, f) => {
    const { analyzer, asked } = terms[f];
    const boost = properties.find(({ path }) => path === property.name)?.boost ?? 1;
    const tokens = new Map<string, string[]>();
    for (const object of objects) {
      const value = object.values[property.ordinal];
      const texts = (Array.isArray(value) ? value : [value]).filter((text) => text !== null && text !== undefined) as string[];
      if (texts.length > 0)
        tokens.set(
          object.uuid,
          tokensOf(object, property.name, () => texts.flatMap((text) => analyzer.terms(text, []))),
        );
    }
    const average = [...tokens.values()].reduce((sum, list) => sum + list.length, 0) / tokens.size;
    for (const term of asked) {
      const n = [...tokens.values()].filter((list) => list.includes(term)).length;
      const weight = boost * Math.log(1 + (objects.length - n + 0.5) / (n + 0.5));
      for (const [uuid, list] of tokens) {
        const frequency = list.filter((token) => token === term).length;
        if (frequency === 0) continue;
        scores.set(uuid, (scores.get(uuid) ?? 0) + (weight * frequency) / (frequency + k1 * (1 - b + (b * list.length) / average)));
        const groups = matchedBy.get(uuid) ?? new Map<string, Set<string>>();
        matchedBy.set(uuid, groups);
        groups.set(analyzer.id, (groups.get(analyzer.id) ?? new Set()).add(term));
      }
    }
  });
  const enough = (uuid: string): boolean =>
    terms.some(
      ({ analyzer, asked }) =>
        (matchedBy.get(uuid)?.get(analyzer.id)?.size ?? 0) >= (operator === 'and' ? asked.length : Math.min(minimumMatch, 999)),
    );
  const found = [...scores]
    .filter(([uuid]) => enough(uuid))
    .map(([uuid, score]) => ({ uuid, score: Math.round(score * 2 ** 32) / 2 ** 32 }));
  return found.sort((a, b) => b.score - a.score || (a.uuid < b.uuid ? -1 : 1));
}

function unprunedHits(shards: readonly TestShard[], wanted: SearchRequest): Scored[] {
  const plan = planShardSearch(wanted);
  const stats = mergeKeywordStats(shards.map((shard) => shard.query.keywordStats(plan)));
  const hits = shards.flatMap((shard) => {
    const { docIDs, scores } = searchKeywords(shard.inverted, wanted.keyword!, {
      stats,
      allow: shard.live,
      k: 100_000,
      readValues: () => [],
      prune: false,
    });
    return Array.from(docIDs, (docID, i) => ({ uuid: uuidText(shard.inverted.docs.uuid(docID)), score: scores[i] }));
  });
  return hits.sort((a, b) => b.score - a.score || (a.uuid < b.uuid ? -1 : 1)).slice(0, wanted.limit);
}

function expectSame(found: readonly Scored[], expected: readonly Scored[], what: string): void {
  expect(
    found.map(({ uuid }) => uuid),
    what,
  ).toEqual(expected.map(({ uuid }) => uuid));
  found.forEach(({ score }, i) => expect(Math.abs(score - expected[i].score), what).toBeLessThan(1e-6));
}

function check(seed: number, count: number, stacks: readonly Stack[], steps: number): void {
  const random = new SeededRandom(seed);
  const shards = randomHistory(SCHEMA, random, count, steps, values, stacks);
  const objects = shards.flatMap((shard) => [...shard.objects.values()]);
  for (let i = 0; i < 12; i++) {
    const properties = pick(random, [
      [],
      [{ path: 'body', boost: 1 }],
      [
        { path: 'title', boost: 2 },
        { path: 'body', boost: 0.5 },
      ],
    ]);
    const operator = pick(random, ['or', 'and'] as const);
    const minimumMatch = operator === 'or' && properties.length > 0 ? 1 + random.int(2) : 1;
    const wanted = request({
      keyword: keyword(textOf(random, 5), { properties, operator, minimumMatch }),
      limit: pick(random, [1, 3, 10, 1000]),
    });
    const what = `seed ${seed}, ${count} shards, ${JSON.stringify(wanted.keyword)}, limit ${wanted.limit}`;
    const expected = reference(SCHEMA, objects, wanted).slice(0, wanted.limit);
    const found = search(shards, wanted).hits.map(({ uuid, score }) => ({ uuid: uuidText(uuid), score }));
    expectSame(found, expected, what);
    expectSame(unprunedHits(shards, wanted), expected, what);
  }
}

test('scores and ranks equal a plain BM25 on 1, 2 and 5 shards, with pruning and without', () => {
  for (let seed = 1; seed <= 2; seed++) for (const count of [1, 2, 5]) check(seed, count, [], 700);
});

test('so they are over the real store, flushed, merged and opened again', async () => {
  for (let seed = 101; seed <= 103; seed++) check(seed, 2, [await StoreStack.open(), await StoreStack.open()], 500);
});

test('block bounds and windows hold over many blocks', () => {
  const random = new SeededRandom(7);
  const shards = randomHistory(SCHEMA, random, 1, 6_000, values);
  const objects = [...shards[0].objects.values()];
  for (let i = 0; i < 12; i++) {
    const properties = [{ path: 'body', boost: 1 }];
    const wanted = request({ keyword: keyword(textOf(random, 6), { properties }), limit: 1 + random.int(20) });
    const found = search(shards, wanted).hits.map(({ uuid, score }) => ({ uuid: uuidText(uuid), score }));
    expectSame(found, reference(SCHEMA, objects, wanted).slice(0, wanted.limit), JSON.stringify(wanted.keyword));
  }
});
