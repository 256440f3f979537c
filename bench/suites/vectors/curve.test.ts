import { expect, test } from 'vitest';
import { rateAt } from './curve.ts';

const curve = [
  { ef: 16, recall: 0.9, qps: 1_000 },
  { ef: 32, recall: 0.96, qps: 500 },
  { ef: 64, recall: 0.99, qps: 250 },
];

test('a rate is read between the points around its recall', () => {
  expect(rateAt(curve, 0.93)).toBeCloseTo(Math.sqrt(1_000 * 500));
  expect(rateAt(curve, 0.99)).toBeCloseTo(250);
  expect(rateAt(curve, 0.5)).toBe(1_000);
  expect(rateAt(curve, 0.995)).toBeNull();
});
