import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DocSet } from '../core/doc-set.ts';
import { SeededRandom } from '../core/clock.ts';
import type { Distance } from '../schema/collection-schema.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';

const DISTANCES: Distance[] = ['cosine', 'dot', 'l2-squared', 'manhattan', 'hamming'];

const value = fc.oneof(
  { weight: 3, arbitrary: fc.float({ min: -10, max: 10, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, -1, -0) },
);

/** Rows with duplicates, zero rows and few distinct values, and a query that may be one of them. */
const cases = fc.integer({ min: 1, max: 40 }).chain((dimensions) => {
  const row = fc.oneof(
    { weight: 5, arbitrary: fc.array(value, { minLength: dimensions, maxLength: dimensions }) },
    { weight: 1, arbitrary: fc.constant(Array<number>(dimensions).fill(0)) },
  );
  return fc.record({
    rows: fc.array(row, { minLength: 1, maxLength: 40 }),
    queries: fc.array(row, { minLength: 10, maxLength: 10 }),
    copies: fc.nat(5),
    k: fc.integer({ min: 1, max: 20 }),
  });
});

describe.each(DISTANCES)('%s', (distance) => {
  test('an exact search gives the same docIDs and bits as brute force in 10,000 random cases', () => {
    fc.assert(
      fc.property(cases, ({ rows, queries, copies, k }) => {
        const fixture = new IndexFixture(vectorSchema(queries[0].length, distance), 2 ** 26);
        rows.forEach((row, i) => fixture.add(i, Float32Array.from(row)));
        for (let i = 0; i < copies; i++) fixture.add(100 + i, Float32Array.from(rows[0]));
        for (const query of queries.map((values) => Float32Array.from(values))) {
          const hits = fixture.index.search(query, k);
          const truth = fixture.bruteForce(query, k);
          expect([...hits.docIDs]).toEqual(truth.map((hit) => hit.docID));
          expect([...hits.distances].map((d) => d + 0)).toEqual(truth.map((hit) => hit.distance + 0));
        }
      }),
      { numRuns: 1_000, seed: 11 },
    );
  });

  test.each([1, 3, 4_096])('coded rows of %i dimensions are still searched exactly', (dimensions) => {
    const random = new SeededRandom(dimensions);
    const count = dimensions > 1_000 ? 1_050 : 1_500;
    const fixture = new IndexFixture(vectorSchema(dimensions, distance, { index: { type: 'flat' } }));
    clusteredRows(random, count, dimensions).forEach((row, i) => fixture.add(i, distance === 'hamming' ? row.map(Math.round) : row));
    fixture.settle();
    expect(fixture.index.backlog).toBe(0);
    const allow = DocSet.of(Array.from({ length: 300 }, () => random.int(count)));
    for (let q = 0; q < 5; q++) {
      const query = clusteredRows(random, 1, dimensions)[0].map((v) => (distance === 'hamming' ? Math.round(v) : v));
      expect([...fixture.index.search(query, 10).docIDs]).toEqual(fixture.bruteForce(query, 10).map((hit) => hit.docID));
      const filtered = fixture.bruteForce(query, 10, (docID) => allow.has(docID));
      expect([...fixture.index.search(query, 10, { allow }).docIDs]).toEqual(filtered.map((hit) => hit.docID));
    }
  });
});
