import { expect, test } from 'vitest';
import { addWindow, toUnitLength } from './pooling.ts';

test('a window counts by its tokens, with its mean at unit length, and padding does not count', () => {
  const sum = new Float32Array(2);
  addWindow(sum, Float32Array.of(2, 0, 4, 0, 99, 99), 0, 2);
  addWindow(sum, Float32Array.of(7, 7, 0, 5), 2, 1);
  expect([...sum]).toEqual([2, 1]);
  toUnitLength(sum);
  expect(Math.hypot(...sum)).toBeCloseTo(1, 6);
});

test('a vector of zeros stays a vector of zeros', () => {
  const zero = new Float32Array(3);
  toUnitLength(zero);
  expect([...zero]).toEqual([0, 0, 0]);
});
