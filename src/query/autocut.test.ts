import { expect, test } from 'vitest';
import { autocut } from './autocut.ts';

test('results are cut after the asked number of jumps', () => {
  const scores = [0.95, 0.94, 0.93, 0.6, 0.59, 0.58, 0.2, 0.19];
  expect(autocut(scores, 1)).toBe(3);
  expect(autocut(scores, 2)).toBe(6);
  expect(autocut(scores, 5)).toBe(8);
  expect(autocut([0.1, 0.11, 0.5, 0.51], 1)).toBe(2);
});

test('nothing is cut from equal scores, from one result or without jumps asked for', () => {
  expect(autocut([1, 1, 1], 1)).toBe(3);
  expect(autocut([1], 1)).toBe(1);
  expect(autocut([3, 2, 0], 0)).toBe(3);
});
