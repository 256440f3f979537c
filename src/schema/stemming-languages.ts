/** Languages that text can be stemmed in; `src/inverted/stem.ts` has a stemmer for each. */
export const STEMMING_LANGUAGES = [
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'hungarian',
  'italian',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'spanish',
  'swedish',
  'turkish',
] as const;

export type StemmingLanguage = (typeof STEMMING_LANGUAGES)[number];

export const isStemmingLanguage = (language: string): language is StemmingLanguage =>
  (STEMMING_LANGUAGES as readonly string[]).includes(language);
