/**
 * Words too common to search for. They are indexed all the same and left out of queries only, so that a change of the list
 * needs no re-indexing and phrases still see them. The preset `en` is Lucene's classic English list, which Weaviate uses.
 */
import type { InvertedIndexConfig } from '../schema/collection-schema.ts';

const PRESETS: Readonly<Record<string, string>> = {
  en: 'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with',
  none: '',
};

export function stopwordSet(config: InvertedIndexConfig['stopwords']): ReadonlySet<string> {
  const words = new Set((PRESETS[config.preset] ?? '').split(' ').filter((word) => word !== ''));
  for (const word of config.additions) words.add(word.toLowerCase());
  for (const word of config.removals) words.delete(word.toLowerCase());
  return words;
}
