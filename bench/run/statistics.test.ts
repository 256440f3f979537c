import { describe, expect, it } from 'vitest';
import { inTurns, median, medianRatio, quantile, rounded } from './statistics.ts';

describe('statistics', () => {
  it('takes quantiles between neighbours', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([10, 20, 30, 40, 50], 0.95)).toBeCloseTo(48);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('gives every variant its turn, in mirrored order', async () => {
    const order: string[] = [];
    const taken = await inTurns(3, { a: () => order.push('a'), b: () => order.push('b') });
    expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
    expect(taken).toEqual({ a: [1, 4, 5], b: [2, 3, 6] });
  });

  it('compares round by round', () => {
    expect(medianRatio([10, 20, 90], [10, 10, 30])).toBe(2);
    expect(() => medianRatio([1], [])).toThrow('rounds');
  });

  it('rounds to significant digits', () => {
    expect(rounded(1234.567)).toBe(1235);
    expect(rounded(0.00123456, 3)).toBe(0.00123);
  });
});
