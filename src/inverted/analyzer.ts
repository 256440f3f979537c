/**
 * From a property's text to its terms: tokenize, fold accents, stem. One analyzer a searchable or filterable text property;
 * what it makes of a text never depends on anything but the property's settings, so a removed version gives the terms
 * that were added.
 */
import type { InvertedIndexConfig, PropertySchema } from '../schema/collection-schema.ts';
import { stemmerFor } from './stem.ts';
import { stopwordSet } from './stopwords.ts';
import { eachToken, tokens, type EmitToken } from './tokenize.ts';
import { TERM_CHARS_MAX, boundedTerm } from './value-key.ts';

const MARKS = /\p{M}+/gu;
const ASCII_ONLY = /^[\0-\x7f]*$/;
/** Letters that are not a base letter with a mark, so that Unicode's decomposition leaves them as they are. */
const FOLDED: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  Æ: 'AE',
  œ: 'oe',
  Œ: 'OE',
  ø: 'o',
  Ø: 'O',
  đ: 'd',
  Đ: 'D',
  ð: 'd',
  Ð: 'D',
  ł: 'l',
  Ł: 'L',
  þ: 'th',
  Þ: 'TH',
  ı: 'i',
  ħ: 'h',
  Ħ: 'H',
};
const LIGATURES = new RegExp(`[${Object.keys(FOLDED).join('')}]`, 'g');

/** The text without accents. */
export function foldAccents(text: string): string {
  if (ASCII_ONLY.test(text)) return text;
  return text
    .normalize('NFD')
    .replace(MARKS, '')
    .normalize('NFC')
    .replace(LIGATURES, (letter) => FOLDED[letter]);
}

type TextSettings = Pick<PropertySchema, 'tokenization' | 'asciiFold' | 'stemming'>;

export class Analyzer {
  /** Equal for properties that cut text in the same way. */
  readonly id: string;
  private readonly settings: TextSettings;
  private readonly stem: ((word: string) => string) | null;
  private readonly stopwords: ReadonlySet<string>;
  private readonly plain: boolean;
  /** Terms are the `word` tokens as they are. */
  readonly isPlainWords: boolean;

  constructor(settings: TextSettings, stopwords: InvertedIndexConfig['stopwords']) {
    this.settings = settings;
    this.stem = settings.stemming === null ? null : stemmerFor(settings.stemming);
    this.stopwords = settings.tokenization === 'word' || settings.tokenization === 'lowercase' ? stopwordSet(stopwords) : new Set();
    this.plain = !settings.asciiFold && this.stem === null;
    this.isPlainWords = this.plain && settings.tokenization === 'word';
    this.id = `${settings.tokenization}/${settings.asciiFold}/${settings.stemming}`;
  }

  /** Every term of `text` in order, stopwords included, appended to `into`. */
  terms(text: string, into: string[]): string[] {
    const from = into.length;
    tokens(text, this.settings.tokenization, into);
    for (let i = from; i < into.length; i++) {
      if (!this.plain) into[i] = this.shape(into[i]);
      else if (into[i].length > TERM_CHARS_MAX) into[i] = boundedTerm(into[i]);
    }
    return into;
  }

  /** Every term as filters see it: folded, never stemmed. */
  filterTerms(text: string, into: string[]): string[] {
    const from = into.length;
    tokens(text, this.settings.tokenization, into);
    for (let i = from; i < into.length; i++) into[i] = boundedTerm(this.settings.asciiFold ? foldAccents(into[i]) : into[i]);
    return into;
  }

  /**
   * A query's tokens: as terms of the index, and folded but not stemmed. Stopwords are left out unless there is nothing else;
   * the last token is kept when it is `open`, that is, still being typed.
   */
  queryTokens(text: string, open: boolean): { term: string; folded: string }[] {
    const found: string[] = [];
    tokens(text, this.settings.tokenization, found);
    const kept = found.filter((token, i) => !this.stopwords.has(token) || (open && i === found.length - 1));
    return (kept.length === 0 ? found : kept).map((token) => ({
      term: this.shape(token),
      folded: this.settings.asciiFold ? foldAccents(token) : token,
    }));
  }

  /** Terms with their places in the text as it stands, for highlights. */
  spans(text: string, emit: EmitToken): void {
    eachToken(text, this.settings.tokenization, (token, start, end) => emit(this.shape(token.normalize('NFC')), start, end));
  }

  /** A filter's pattern or a single token in the form of the index, not stemmed. */
  fold(text: string): string {
    const { tokenization, asciiFold } = this.settings;
    const cased = tokenization === 'whitespace' || tokenization === 'field' ? text : text.toLowerCase();
    return asciiFold ? foldAccents(cased) : cased.normalize('NFC');
  }

  private shape(token: string): string {
    const folded = this.settings.asciiFold ? foldAccents(token) : token;
    return boundedTerm(this.stem === null ? folded : this.stem(folded));
  }
}
