/**
 * Which words of a text answer which words of a query: what the page marks, and the reason it gives. A word answers when it
 * has the same stem by the crude rule below; it is for showing, the ranking is the engine's.
 */

export interface Piece {
  readonly text: string;
  readonly marked: boolean;
}

const WORD = /[\p{L}\p{N}]+/gu;
/** Words too common to be a reason. */
const COMMON = new Set(
  'a an and any are as at be been being but by can do does for from had has have he her him his i if in into is it its me my no nor not of off on one or our own she so someone something somebody such than that the their them then there these they thing this those to too up us very was we were what when where which who whom whose will with without word you your'.split(
    ' ',
  ),
);

/** The query's telling words as stems; all of its words when none is telling. */
export function stemsOf(query: string): Set<string> {
  const words = (query.toLowerCase().match(WORD) ?? []).filter((word) => word.length > 1);
  const telling = words.filter((word) => !COMMON.has(word));
  return new Set((telling.length > 0 ? telling : words).map(stem));
}

/** The text cut into marked and unmarked pieces; their texts joined are the text. */
export function markWords(text: string, stems: ReadonlySet<string>): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(WORD)) {
    if (!stems.has(stem(match[0].toLowerCase()))) continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), marked: false });
    pieces.push({ text: match[0], marked: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), marked: false });
  return pieces;
}

/** The words of the texts that answer the query, each once, in lower case. */
export function sharedWords(texts: readonly string[], stems: ReadonlySet<string>): string[] {
  const shared = new Map<string, string>();
  for (const text of texts)
    for (const [word] of text.toLowerCase().matchAll(WORD)) {
      const key = stem(word);
      if (stems.has(key) && !shared.has(key)) shared.set(key, word);
    }
  return [...shared.values()];
}

function stem(word: string): string {
  if (word.length <= 4) return word.replace(/(?<=\w\w)s$/, '');
  return word
    .replace(/(?:ing|edly|ed|es|s|ly|ness|e|y)$/, '')
    .replace(/(.)\1$/, '$1')
    .replace(/i$/, '');
}
