/**
 * Stemmers by language: Porter's for English, Snowball's for the others (`@orama/stemmers`). Stems are cached, because
 * natural text repeats its words: the cache holds at most `CACHE_TERMS_MAX` and starts afresh when it is full.
 */
import { stemmer as danish } from '@orama/stemmers/danish';
import { stemmer as dutch } from '@orama/stemmers/dutch';
import { stemmer as finnish } from '@orama/stemmers/finnish';
import { stemmer as french } from '@orama/stemmers/french';
import { stemmer as german } from '@orama/stemmers/german';
import { stemmer as hungarian } from '@orama/stemmers/hungarian';
import { stemmer as italian } from '@orama/stemmers/italian';
import { stemmer as norwegian } from '@orama/stemmers/norwegian';
import { stemmer as portuguese } from '@orama/stemmers/portuguese';
import { stemmer as romanian } from '@orama/stemmers/romanian';
import { stemmer as russian } from '@orama/stemmers/russian';
import { stemmer as spanish } from '@orama/stemmers/spanish';
import { stemmer as swedish } from '@orama/stemmers/swedish';
import { stemmer as turkish } from '@orama/stemmers/turkish';
import { stemmer as english } from 'stemmer';
import { isStemmingLanguage, type StemmingLanguage } from '../schema/stemming-languages.ts';

type Stem = (word: string) => string;

const STEMMERS: Readonly<Record<StemmingLanguage, Stem>> = {
  danish,
  dutch,
  english,
  finnish,
  french,
  german,
  hungarian,
  italian,
  norwegian,
  portuguese,
  romanian,
  russian,
  spanish,
  swedish,
  turkish,
};
const CACHE_TERMS_MAX = 100_000;

/** A cached stemmer, or null for a language this build does not have. */
export function stemmerFor(language: string): Stem | null {
  if (!isStemmingLanguage(language)) return null;
  const stem = STEMMERS[language];
  const cache = new Map<string, string>();
  return (word) => {
    let root = cache.get(word);
    if (root === undefined) {
      if (cache.size >= CACHE_TERMS_MAX) cache.clear();
      root = stem(word) || word;
      cache.set(word, root);
    }
    return root;
  };
}
