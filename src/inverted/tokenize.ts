/**
 * Text cut into tokens, as Weaviate names the ways: word, lowercase, whitespace, field, trigram.
 *
 * - `word`: runs of letters, digits and marks, lower case; runs of a script that is written without spaces (Chinese,
 *   Japanese, Thai, Lao, Khmer, Burmese) are cut by `Intl.Segmenter`, or into single characters where it is missing.
 * - `lowercase`, `whitespace`: runs between white space, lower case or as they are. `field`: the trimmed whole.
 * - `trigram`: every three letters or digits in a row, lower case; shorter text whole.
 *
 * Offsets are UTF-16 units of the text given. Text that is not ASCII is taken in Unicode form NFC for `tokens`.
 * Source: reference/weaviate.md 1.1; Unicode categories L, N, M.
 */
import type { Tokenization } from '../schema/collection-schema.ts';
import type { TermBucket } from './term-bucket.ts';
import { HASH_START, hashUnit } from './term-slots.ts';
import { TERM_CHARS_MAX, boundedTerm } from './value-key.ts';

export type EmitToken = (token: string, start: number, end: number) => void;

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const BLANK_SEPARATED = /\S+/gu;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]+/gu;

/** 1 where an ASCII code is a letter or digit. */
const WORD_CODE = new Uint8Array(128);
for (let code = 0; code < 128; code++) WORD_CODE[code] = /[a-z0-9]/i.test(String.fromCharCode(code)) ? 1 : 0;

let segmenter: { segment(text: string): Iterable<{ segment: string; index: number }> } | null | undefined;

function wordSegmenter(): typeof segmenter {
  segmenter ??= typeof Intl !== 'undefined' && 'Segmenter' in Intl ? new Intl.Segmenter('und', { granularity: 'word' }) : null;
  return segmenter;
}

/** The tokens of `text` in order, appended to `into`. */
export function tokens(text: string, how: Tokenization, into: string[]): void {
  if (how === 'word') {
    const lower = text.toLowerCase();
    if (!asciiWords(lower, into)) eachToken(text.normalize('NFC'), how, (token) => void into.push(token));
  } else eachToken(text.normalize('NFC'), how, (token) => void into.push(token));
}

/** The common case without regular expressions; false, with nothing kept, when the text is not ASCII. */
function asciiWords(lower: string, into: string[]): boolean {
  const before = into.length;
  const end = lower.length;
  let start = -1;
  for (let i = 0; i < end; i++) {
    const code = lower.charCodeAt(i);
    if (code > 127) {
      into.length = before;
      return false;
    }
    if (WORD_CODE[code] === 1) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      into.push(lower.substring(start, i));
      start = -1;
    }
  }
  if (start >= 0) into.push(lower.substring(start, end));
  return true;
}

const ASCII_ONLY = /^[\0-\x7f]*$/;

/**
 * Adds the `word` tokens of an ASCII text straight to a bucket, hashed as they are read; returns how many there were, or -1,
 * with nothing added, when the text is not ASCII.
 */
export function addAsciiWords(text: string, into: Pick<TermBucket, 'addWithin' | 'add'>, docID: number): number {
  if (!ASCII_ONLY.test(text)) return -1;
  const lower = text.toLowerCase();
  const end = lower.length;
  let count = 0;
  let start = -1;
  let hash = HASH_START;
  for (let i = 0; i <= end; i++) {
    const code = i < end ? lower.charCodeAt(i) : 32;
    if (WORD_CODE[code] === 1) {
      if (start < 0) start = i;
      hash = hashUnit(hash, code);
    } else if (start >= 0) {
      if (i - start > TERM_CHARS_MAX) into.add(boundedTerm(lower.substring(start, i)), docID);
      else into.addWithin(lower, start, i, hash, docID);
      count++;
      start = -1;
      hash = HASH_START;
    }
  }
  return count;
}

/** Calls back with every token and where it stands. */
export function eachToken(text: string, how: Tokenization, emit: EmitToken): void {
  switch (how) {
    case 'word':
      for (const { 0: run, index } of text.matchAll(WORD)) eachWord(run, index, emit);
      return;
    case 'lowercase':
      for (const { 0: run, index } of text.matchAll(BLANK_SEPARATED)) emit(run.toLowerCase(), index, index + run.length);
      return;
    case 'whitespace':
      for (const { 0: run, index } of text.matchAll(BLANK_SEPARATED)) emit(run, index, index + run.length);
      return;
    case 'field': {
      const trimmed = text.trim();
      if (trimmed !== '') emit(trimmed, text.indexOf(trimmed), text.indexOf(trimmed) + trimmed.length);
      return;
    }
    case 'trigram':
      eachTrigram(text, emit);
  }
}

function eachWord(run: string, at: number, emit: EmitToken): void {
  let done = 0;
  for (const { 0: unspaced, index } of run.matchAll(UNSPACED)) {
    if (index > done) emit(run.slice(done, index).toLowerCase(), at + done, at + index);
    const cut = wordSegmenter();
    if (cut)
      for (const { segment, index: inner } of cut.segment(unspaced)) emit(segment, at + index + inner, at + index + inner + segment.length);
    else for (let i = 0; i < unspaced.length; i++) emit(unspaced[i], at + index + i, at + index + i + 1);
    done = index + unspaced.length;
  }
  if (done < run.length) emit((done === 0 ? run : run.slice(done)).toLowerCase(), at + done, at + run.length);
}

function eachTrigram(text: string, emit: EmitToken): void {
  const letters: { letter: string; start: number; end: number }[] = [];
  for (const { 0: run, index } of text.matchAll(WORD)) {
    let at = index;
    for (const letter of run) {
      letters.push({ letter: letter.toLowerCase(), start: at, end: at + letter.length });
      at += letter.length;
    }
  }
  const size = Math.min(3, letters.length);
  if (size === 0) return;
  for (let i = 0; i + size <= letters.length; i++) {
    let token = '';
    for (let j = i; j < i + size; j++) token += letters[j].letter;
    emit(token, letters[i].start, letters[i + size - 1].end);
  }
}
