/** The bench's texts and the queries drawn from them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSynsets } from '../../../scripts/build-wordnet.mjs';
import { SeededRandom } from '../../../src/core/clock.ts';

export type SetName = 'wordnet' | 'debian';

/** Writes the set's texts as one JSON array into `folder`, once; null where its source is missing. */
export function textsOf(set: SetName, folder: string): { readonly file: string; readonly texts: readonly string[] } | null {
  const file = `${set}.json`;
  const path = join(folder, file);
  if (!existsSync(path)) {
    const texts = set === 'wordnet' ? (buildSynsets() as { gloss: string }[]).map(({ gloss }) => gloss) : debianDescriptions();
    if (texts.length === 0) return null;
    writeFileSync(path, JSON.stringify(texts));
  }
  return { file, texts: JSON.parse(readFileSync(path, 'utf8')) as string[] };
}

function debianDescriptions(): string[] {
  try {
    const list = execFileSync('apt-cache', ['dumpavail'], { encoding: 'utf8', maxBuffer: 1 << 30 });
    return [...list.matchAll(/^Description(?:-en)?: (.*(?:\n .*)*)/gm)].map(([, text]) => text.replaceAll('\n', ' '));
  } catch {
    return []; // no Debian
  }
}

/** Left out of queries, so that engines with stopwords and without do the same work. */
const COMMON = new Set(
  'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with'.split(
    ' ',
  ),
);

/** One to four words a query, drawn as they occur: from the running text, common words left out. */
export function queriesOf(texts: readonly string[], count: number): string[] {
  const random = new SeededRandom(11);
  const word = (): string => {
    for (;;) {
      const words = texts[random.int(texts.length)].toLowerCase().match(/[a-z]{2,}/g) ?? [];
      const picked = words[random.int(Math.max(1, words.length))];
      if (picked !== undefined && !COMMON.has(picked)) return picked;
    }
  };
  return Array.from({ length: count }, () => [...new Set(Array.from({ length: 1 + random.int(4) }, word))].join(' '));
}

/** Every state of the input while `queries` are typed, from the second letter on. */
export const keystrokesOf = (queries: readonly string[]): string[] =>
  queries.flatMap((query) => Array.from({ length: query.length - 1 }, (_, i) => query.slice(0, i + 2)));
