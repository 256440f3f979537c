import { describe, expect, test } from 'vitest';
import { DocSet } from '../core/doc-set.ts';
import { SeededRandom } from '../core/clock.ts';
import type { QuantizerConfig } from '../schema/collection-schema.ts';
import { HNSW_DEFAULTS } from '../schema/normalize-vector.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';

const DIMENSIONS = 48;

function built(
  count: number,
  quantizer: QuantizerConfig['type'] = 'sq',
  seed = 1,
): { fixture: IndexFixture; queries: Float32Array[]; random: SeededRandom } {
  const random = new SeededRandom(seed);
  const data = clusteredRows(random, count + 50, DIMENSIONS);
  const schema = vectorSchema(DIMENSIONS, 'cosine', {
    quantizer: { type: quantizer, rescoreLimit: 40, trainingLimit: 10_000, segments: 0, centroids: 256 },
  });
  const fixture = new IndexFixture(schema);
  for (let i = 0; i < count; i++) fixture.add(i, data[i]);
  fixture.settle();
  return { fixture, queries: data.slice(count), random };
}

test.each([
  ['sq', 0.97],
  ['none', 0.97],
  ['pq', 0.95],
  ['bq', 0.85],
] as const)('a graph of 4,000 rows with quantizer %s finds %f of the ten nearest', (quantizer, floor) => {
  const { fixture, queries } = built(4_000, quantizer);
  expect(fixture.index.backlog).toBe(0);
  fixture.index.search(queries[0], 10);
  expect(fixture.index.lastExplain.path).toBe('graph');
  expect(fixture.recall(queries, 10)).toBeGreaterThan(floor);
  expect(fixture.index.health().recallAt10).toBeGreaterThan(floor);
  expect(fixture.index.orphans()).toBe(0);
  fixture.reopen(fixture.index.checkpoint(fixture.sequence));
  expect(fixture.index.backlog).toBe(0);
  expect(fixture.recall(queries, 10)).toBeGreaterThan(floor);
});

test('the quantizer is trained anew when later rows are spread otherwise, and answers stay right', () => {
  const random = new SeededRandom(21);
  const first = clusteredRows(random, 1_000, DIMENSIONS).map((row) => row.map((v) => v / 20));
  const later = clusteredRows(random, 5_050, DIMENSIONS).map((row) => row.map((v) => v + 5));
  const fixture = new IndexFixture(vectorSchema(DIMENSIONS, 'l2-squared'));
  [...first, ...later.slice(0, 2_900)].forEach((row, i) => {
    fixture.add(i, row);
    if (i === 999) fixture.settle();
  });
  fixture.settle();
  const queries = later.slice(5_000);
  const before = fixture.recall(queries, 10);
  later.slice(2_900, 5_000).forEach((row, i) => fixture.add(10_000 + i, row));
  fixture.settle();
  expect(fixture.recall(queries, 10)).toBeGreaterThan(0.95);
  expect(before).toBeGreaterThan(0.95);
  expect([...fixture.index.searchExact(queries[0], 10).docIDs]).toEqual(fixture.bruteForce(queries[0], 10).map((hit) => hit.docID));
  fixture.reopen(fixture.index.checkpoint(fixture.sequence));
  expect(fixture.recall(queries, 10)).toBeGreaterThan(0.95);
});

test('rows are found before they are in the graph, and removed ones never', () => {
  const { fixture, queries } = built(2_000);
  const row = queries[0];
  fixture.add(5_000, row);
  expect(fixture.index.search(row, 1).docIDs[0]).toBe(5_000);
  fixture.index.rebind(5_000, 6_000, ++fixture.sequence);
  expect(fixture.index.search(row, 1).docIDs[0]).toBe(6_000);
  fixture.index.step(50, fixture.sequence);
  expect(fixture.index.search(row, 1).docIDs[0]).toBe(6_000);
  fixture.index.rebind(6_000, 7_000, ++fixture.sequence);
  expect(fixture.index.search(row, 1).docIDs[0]).toBe(7_000);
  fixture.index.remove(7_000, ++fixture.sequence);
  expect([...fixture.index.search(row, 50).docIDs]).not.toContain(7_000);
});

test('the only row of a run of docIDs is found under its newest docID, and gone once removed', () => {
  const fixture = new IndexFixture(vectorSchema(DIMENSIONS, 'l2-squared'));
  const row = new Float32Array(DIMENSIONS).fill(1);
  fixture.add(0, row);
  fixture.index.rebind(0, 1, ++fixture.sequence);
  expect([...fixture.index.search(row, 5).docIDs]).toEqual([1]);
  fixture.index.remove(1, ++fixture.sequence);
  expect([...fixture.index.search(row, 5).docIDs]).toEqual([]);
});

test('a row enters the graph only once its record is durable', () => {
  const { fixture } = built(2_000);
  const durable = fixture.sequence;
  fixture.add(5_000, fixture.rows.rows.get(1) as Float32Array);
  while (fixture.index.step(10, durable));
  expect(fixture.index.backlog).toBe(1);
  while (fixture.index.step(10, durable + 1));
  expect(fixture.index.backlog).toBe(0);
});

describe('filtered search', () => {
  const { fixture, queries, random } = built(6_000);
  test.each([0.5, 0.1, 0.01, 0.001])('finds 95 %% and always the full k where a share of %f is allowed', (share) => {
    for (const cutoff of [-1, 0]) {
      const allow = new DocSet(6_000);
      for (let i = 0; i < 6_000; i++) if (random.next() < share) allow.add(i);
      let found = 0;
      let wanted = 0;
      for (const query of queries) {
        const truth = new Set(fixture.bruteForce(query, 10, (docID) => allow.has(docID)).map((hit) => hit.docID));
        const hits = fixture.index.search(query, 10, { allow, ef: cutoff === 0 ? 100 : null });
        expect(hits.docIDs.length).toBe(truth.size);
        for (const docID of hits.docIDs) {
          expect(allow.has(docID)).toBe(true);
          if (truth.has(docID)) found++;
        }
        wanted += truth.size;
      }
      expect(found / wanted).toBeGreaterThanOrEqual(0.95);
    }
  });

  test('finds 95 % where the filter allows only what is far from the query', () => {
    let found = 0;
    for (const query of queries) {
      const far = fixture.bruteForce(query, 6_000).slice(5_000);
      const allow = DocSet.of(far.map((hit) => hit.docID));
      const truth = new Set(far.slice(0, 10).map((hit) => hit.docID));
      for (const docID of fixture.index.search(query, 10, { allow }).docIDs) if (truth.has(docID)) found++;
    }
    expect(found / (queries.length * 10)).toBeGreaterThanOrEqual(0.95);
  });
});

test('deleting and inserting half of the index three times costs less than 0.01 of recall and strands no node', () => {
  const { fixture, queries, random } = built(4_000);
  const fresh = fixture.recall(queries, 10, 40);
  let nextDoc = 4_000;
  for (let round = 0; round < 3; round++) {
    const docIDs = [...fixture.rows.rows.keys()];
    for (const docID of docIDs) {
      if (random.next() < 0.5) continue;
      const row = fixture.rows.rows.get(docID) as Float32Array;
      fixture.remove(docID);
      fixture.add(nextDoc++, row);
      if (nextDoc % 64 === 0) fixture.index.step(2, fixture.sequence);
    }
    fixture.settle();
  }
  expect(fixture.index.size).toBe(4_000);
  expect(fixture.index.orphans()).toBe(0);
  expect(fixture.index.health().tombstones).toBeLessThan(100);
  expect(fixture.recall(queries, 10, 40)).toBeGreaterThan(fresh - 0.01);
});

test('everything can be removed and the index used again', () => {
  const { fixture, queries } = built(1_500);
  for (let i = 0; i < 1_500; i++) fixture.remove(i);
  expect(fixture.index.search(queries[0], 10).docIDs.length).toBe(0);
  fixture.settle();
  expect(fixture.index.size).toBe(0);
  for (let i = 0; i < 1_500; i++)
    fixture.add(
      10_000 + i,
      queries[i % 50].map((v) => v + i / 10_000),
    );
  fixture.settle();
  expect(fixture.recall(queries, 10)).toBeGreaterThan(0.9);
});

test('a full memory is a StorageFull at insert, and what is there stays searchable', () => {
  const fixture = new IndexFixture(vectorSchema(DIMENSIONS, 'cosine', { index: HNSW_DEFAULTS }), 1_200_000);
  const rows = clusteredRows(new SeededRandom(3), 6_000, DIMENSIONS);
  let stored = 0;
  expect(() => {
    for (const row of rows) {
      fixture.add(stored, row);
      stored++;
      if (stored % 256 === 0) fixture.index.step(20, fixture.sequence);
    }
  }).toThrow(expect.objectContaining({ code: 'StorageFull' }));
  expect(stored).toBeGreaterThan(1_000);
  fixture.rows.rows.delete(stored);
  expect(fixture.index.search(rows[5], 1).docIDs[0]).toBe(5);
  expect(() => fixture.index.admit(1_000)).toThrow(expect.objectContaining({ code: 'StorageFull' }));
  for (let i = 0; i < 100; i++) fixture.remove(i);
  expect(fixture.index.size).toBe(stored - 100);
});
