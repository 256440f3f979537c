import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OVERLAP_TOKENS, TOKENS_MAX, cutWindows } from './window.ts';

const CLS = 101;
const SEP = 102;
const framed = (count: number) => [CLS, ...Array.from({ length: count }, (_, i) => 1000 + i), SEP];

test('a text that fits is one window, unchanged', () => {
  expect(cutWindows(framed(TOKENS_MAX - 2))).toEqual([framed(TOKENS_MAX - 2)]);
  expect(cutWindows(framed(0))).toEqual([[CLS, SEP]]);
});

test('every token is in a window, no window is too long, and neighbours overlap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), (count) => {
      const windows = cutWindows(framed(count));
      for (const window of windows) {
        expect(window.length).toBeLessThanOrEqual(TOKENS_MAX);
        expect([window[0], window.at(-1)]).toEqual([CLS, SEP]);
      }
      expect(new Set(windows.flat())).toEqual(new Set(framed(count)));
      for (let i = 1; i < windows.length; i++)
        expect(windows[i].slice(1, 1 + OVERLAP_TOKENS)).toEqual(
          windows[i - 1].slice(-1 - OVERLAP_TOKENS, -1).slice(0, windows[i].length - 2),
        );
    }),
    { numRuns: 60, seed: 7 },
  );
});

test('the last window is never made of overlap alone', () => {
  const width = TOKENS_MAX - 2;
  expect(cutWindows(framed(width + 1))).toHaveLength(2);
  expect(cutWindows(framed(2 * width - OVERLAP_TOKENS))).toHaveLength(2);
});
