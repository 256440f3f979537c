import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PASSAGE_CHARS_MAX, chunkText } from './chunk-text.ts';

const bare = (text: string) => text.replaceAll(/\s+/g, '');

test('no character but white space is lost, and no passage is too long or empty', () => {
  const word = fc.string({ minLength: 1, maxLength: 12 });
  const text = fc.array(fc.tuple(word, fc.constantFrom(' ', '. ', '\n', '\n\n', '\r\n\r\n')), { maxLength: 400 });
  fc.assert(
    fc.property(text, (parts) => {
      const whole = parts.flat().join('');
      const passages = chunkText(whole);
      expect(bare(passages.join(''))).toBe(bare(whole));
      for (const passage of passages) {
        expect(passage.trim()).not.toBe('');
        expect(passage.length).toBeLessThanOrEqual(PASSAGE_CHARS_MAX);
      }
    }),
    { numRuns: 80, seed: 3 },
  );
});

test('short paragraphs are put together, a heading stays with what follows it', () => {
  expect(chunkText('# Taps\n\nThe kitchen tap drips.\n\nThe other one does not.')).toEqual([
    '# Taps\n\nThe kitchen tap drips.\n\nThe other one does not.',
  ]);
});

test('a long paragraph is cut between sentences', () => {
  const sentence = 'The quick brown fox jumps over the lazy dog and runs away.';
  const passages = chunkText(Array(30).fill(sentence).join(' '));
  expect(passages.length).toBeGreaterThan(1);
  for (const passage of passages) expect(passage.endsWith('away.')).toBe(true);
});

test('a word longer than a passage is cut rather than lost', () => {
  expect(chunkText('x'.repeat(PASSAGE_CHARS_MAX * 2 + 1)).map((passage) => passage.length)).toEqual([
    PASSAGE_CHARS_MAX,
    PASSAGE_CHARS_MAX,
    1,
  ]);
});

test('an empty text has no passages', () => {
  expect(chunkText(' \n\n ')).toEqual([]);
});
