import { expect, test } from 'vitest';
import { normalize } from '../schema/normalize.ts';
import { Analyzer, foldAccents } from './analyzer.ts';
import { TERM_CHARS_MAX } from './value-key.ts';

const EN = { preset: 'en', additions: ['hoover'], removals: ['not'] };
const analyzer = (settings: Partial<ConstructorParameters<typeof Analyzer>[0]> = {}): Analyzer =>
  new Analyzer({ tokenization: 'word', asciiFold: false, stemming: null, ...settings }, EN);
const terms = (text: string, settings: Partial<ConstructorParameters<typeof Analyzer>[0]> = {}): string[] =>
  analyzer(settings).terms(text, []);

test('the ways to cut text are Weaviate’s', () => {
  const text = ' Hello, (beautiful) World-Wide 42! ';
  expect(terms(text)).toEqual(['hello', 'beautiful', 'world', 'wide', '42']);
  expect(terms(text, { tokenization: 'lowercase' })).toEqual(['hello,', '(beautiful)', 'world-wide', '42!']);
  expect(terms(text, { tokenization: 'whitespace' })).toEqual(['Hello,', '(beautiful)', 'World-Wide', '42!']);
  expect(terms(text, { tokenization: 'field' })).toEqual(['Hello, (beautiful) World-Wide 42!']);
  expect(terms('Wide 4', { tokenization: 'trigram' })).toEqual(['wid', 'ide', 'de4']);
});

test('scripts without spaces are cut into words, beside others in one text', () => {
  expect(terms('全文検索は楽しい')).toEqual(['全文', '検索', 'は', '楽しい']);
  expect(terms('ภาษาไทยง่าย')).toEqual(['ภาษา', 'ไทย', 'ง่าย']);
  expect(terms('北京 is 首都2024')).toContain('北京');
  expect(terms('Heddle用織機')[0]).toBe('heddle');
});

test('composed and decomposed letters are one term', () => {
  expect(terms('naïve')).toEqual(terms('naïve'.normalize('NFD')));
  expect(terms('हिन्दी भाषा')).toHaveLength(2);
});

test('accents are folded where asked, letters without a base letter too', () => {
  expect(terms('Élan Straße Łódź Ærø', { asciiFold: true })).toEqual(['elan', 'strasse', 'lodz', 'aero']);
  expect(foldAccents('plain')).toBe('plain');
});

test('terms are stemmed where asked, for filters they are not', () => {
  expect(terms('running connections', { stemming: 'english' })).toEqual(['run', 'connect']);
  expect(analyzer({ stemming: 'english' }).filterTerms('running', [])).toEqual(['running']);
  expect(terms('Häuser', { stemming: 'german' })).toEqual(terms('Häusern', { stemming: 'german' }));
});

test('a language without a stemmer is refused when the schema is made', () => {
  const properties = { text: { type: 'text', stemming: 'klingon' } } as const;
  expect(() => normalize('Note', { properties })).toThrow(/stemming must be one of danish/);
});

test('stopwords leave a query unless there is nothing else, and stay while they are being typed', () => {
  const query = (text: string, open = false): string[] =>
    analyzer()
      .queryTokens(text, open)
      .map(({ term }) => term);
  expect(query('the hoover is not in the house')).toEqual(['not', 'house']);
  expect(query('to be')).toEqual(['to', 'be']);
  expect(query('house of the', true)).toEqual(['house', 'the']);
});

test('a very long term is bounded, equal to itself and to nothing else', () => {
  const long = 'x'.repeat(5_000);
  const [term] = terms(long, { tokenization: 'field' });
  expect(term.length).toBeLessThanOrEqual(TERM_CHARS_MAX);
  expect(terms(long, { tokenization: 'field' })).toEqual([term]);
  expect(terms(`${long}y`, { tokenization: 'field' })).not.toEqual([term]);
});

test('spans lead back to the text as it stands', () => {
  const text = 'Ein İstanbul-Café, 東京タワー!';
  const found: string[] = [];
  analyzer({ asciiFold: true }).spans(text, (_term, start, end) => void found.push(text.slice(start, end)));
  expect(found.slice(0, 3)).toEqual(['Ein', 'İstanbul', 'Café']);
  expect(found.slice(3).join('')).toBe('東京タワー');
});
