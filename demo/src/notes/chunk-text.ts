/**
 * Cuts a text into passages that can be found and shown on their own.
 *
 * Paragraphs are kept whole where they fit; neighbours that are short are put together; a long one is cut between sentences,
 * or between words where a sentence alone is too long. Nothing is dropped but white space at the cuts.
 */

/** About a hundred words: what fits on the screen as one answer, and well inside the model's window. */
export const PASSAGE_CHARS_MAX = 700;
/** A passage shorter than this takes in the next paragraph. */
const PASSAGE_CHARS_MIN = 200;

export function chunkText(text: string): string[] {
  const passages: string[] = [];
  let open = '';
  for (const piece of pieces(text)) {
    const joined = open === '' ? piece : `${open}\n\n${piece}`;
    if (joined.length <= PASSAGE_CHARS_MAX && (open.length < PASSAGE_CHARS_MIN || isHeading(open))) {
      open = joined;
      continue;
    }
    if (open !== '') passages.push(open);
    open = piece;
  }
  if (open !== '') passages.push(open);
  return passages;
}

function* pieces(text: string): IterableIterator<string> {
  for (const paragraph of text.replaceAll('\r\n', '\n').split(/\n\s*\n/)) {
    const trimmed = paragraph.trim();
    if (trimmed.length > PASSAGE_CHARS_MAX) yield* cutLong(trimmed);
    else if (trimmed !== '') yield trimmed;
  }
}

/** Sentences (then words, then characters) gathered into parts that fit. */
function* cutLong(paragraph: string): IterableIterator<string> {
  let open = '';
  for (const part of paragraph.split(/(?<=[.!?…]["'”’)]?)\s+|\n+/).flatMap(cutSentence)) {
    if (open !== '' && open.length + 1 + part.length > PASSAGE_CHARS_MAX) {
      yield open;
      open = part;
    } else open = open === '' ? part : `${open} ${part}`;
  }
  if (open !== '') yield open;
}

function cutSentence(sentence: string): string[] {
  if (sentence.length <= PASSAGE_CHARS_MAX) return sentence === '' ? [] : [sentence];
  const space = sentence.lastIndexOf(' ', PASSAGE_CHARS_MAX);
  const at = space > 0 ? space : PASSAGE_CHARS_MAX;
  return [sentence.slice(0, at), ...cutSentence(sentence.slice(at).trimStart())];
}

const isHeading = (text: string): boolean => /^#{1,6}\s[^\n]*$/.test(text);
