import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';
import { WalkStretch } from './walk-stretch.ts';

test('the stretch is steered until walks take as many hops as plain ones', () => {
  const stretch = new WalkStretch();
  for (let i = 0; i < 8; i++) {
    expect(stretch.for(64, 10)).toBe(0);
    stretch.survey(64, 10, 70, 0.5, 0.6);
  }
  expect(stretch.for(64, 10)).toBeCloseTo(1 + 0.2 * 0.65);
  // Hops in proportion to the excess: 70 of them at 1.05.
  for (let i = 0; i < 3_000; i++) stretch.note(64, 10, ((stretch.for(64, 10) - 1) / 0.05) * 70);
  expect(stretch.for(64, 10)).toBeCloseTo(1.05, 2);
  expect(stretch.for(32, 10)).toBe(0);
});

test('a width that leaves no choice is walked plainly', () => {
  const stretch = new WalkStretch();
  for (let i = 0; i < 20; i++) stretch.survey(10, 10, 12, 0.5, 0.6);
  expect(stretch.for(10, 10)).toBe(0);
});

test('stretched walks cost about as many hops as plain ones, and none more than its share', () => {
  const random = new SeededRandom(5);
  const data = clusteredRows(random, 6_300, 48);
  const fixture = new IndexFixture(vectorSchema(48, 'cosine'));
  for (let i = 0; i < 6_000; i++) fixture.add(i, data[i]);
  fixture.settle();
  const queries = data.slice(6_000);
  let plainHops = 0;
  for (const query of queries.slice(0, 8)) {
    fixture.index.search(query, 10, { ef: 24 });
    plainHops += fixture.index.lastExplain.hops / 8;
  }
  let hops = 0;
  for (const query of queries) {
    fixture.index.search(query, 10, { ef: 24 });
    hops += fixture.index.lastExplain.hops / queries.length;
    expect(fixture.index.lastExplain.hops).toBeLessThan(24 * 6);
  }
  expect(hops).toBeLessThan(plainHops * 1.3);
});

test('rows that were just removed near the query do not hide the ones behind them', () => {
  const random = new SeededRandom(9);
  const data = clusteredRows(random, 3_050, 48);
  const fixture = new IndexFixture(vectorSchema(48, 'l2-squared'));
  for (let i = 0; i < 3_000; i++) fixture.add(i, data[i]);
  fixture.settle();
  const queries = data.slice(3_000);
  for (const query of queries) fixture.index.search(query, 10);
  let found = 0;
  for (const query of queries) {
    for (const { docID } of fixture.bruteForce(query, 30)) fixture.remove(docID);
    const truth = new Set(fixture.bruteForce(query, 10).map(({ docID }) => docID));
    for (const docID of fixture.index.search(query, 10).docIDs) if (truth.has(docID)) found++;
  }
  expect(found / (queries.length * 10)).toBeGreaterThan(0.95);
});
