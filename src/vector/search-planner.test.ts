import { expect, test } from 'vitest';
import { SearchPlanner } from './search-planner.ts';

test('costs are learnt right by a clock that goes in steps longer than a search', () => {
  const planner = new SearchPlanner(384);
  let trueUs = 0;
  const clock = (): number => Math.floor(trueUs / 100) * 100;
  const search = (path: 'exact' | 'graph', units: number, us: number): void => {
    const began = clock();
    trueUs += us;
    planner.note(path, units, clock() - began);
    trueUs += 13;
  };
  for (let i = 0; i < 2_000; i++) {
    search('graph', 100, 70);
    search('exact', 1_000, 50);
  }
  // 100 rows are 5 µs, 1,000 hops 700.
  expect(planner.choose(100, 10, 1_000, Infinity)).toBe('exact');
  // 100,000 rows are 5,000 µs.
  expect(planner.choose(100_000, 10, 1_000, Infinity)).toBe('graph');
});

test('no more rows than results are scanned', () => {
  expect(new SearchPlanner(8).choose(10, 10, 1, 1)).toBe('exact');
});
