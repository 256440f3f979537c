import fc from 'fast-check';
import { expect, test } from 'vitest';
import { markWords, sharedWords, stemsOf } from './match.ts';

const marked = (text: string, query: string) =>
  markWords(text, stemsOf(query))
    .filter((piece) => piece.marked)
    .map((piece) => piece.text);

test('words that tell something are marked, also in another form', () => {
  expect(marked('shirking their duty by feigning illness; feigns, Feigned', 'to feign an illness')).toEqual([
    'feigning',
    'illness',
    'feigns',
    'Feigned',
  ]);
  expect(marked('one who studies insects, an insect', 'study of insects')).toEqual(['studies', 'insects', 'insect']);
});

test('common words are no reason, unless there is nothing else', () => {
  expect(marked('one of the few', 'rule by one of them')).toEqual([]);
  expect(marked('who is he', 'who')).toEqual(['who']);
});

test('the pieces together are the text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, query) => {
      expect(
        markWords(text, stemsOf(query))
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text);
    }),
    { seed: 5 },
  );
});

test('a shared word is named once', () => {
  expect(sharedWords(['small rooms', 'a room'], stemsOf('fear of small closed rooms'))).toEqual(['small', 'rooms']);
});
