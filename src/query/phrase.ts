/**
 * Phrases are checked against the stored text, not against positions in the index: only objects that would enter the answer
 * are read, and the index stays a third smaller. A phrase holds when its terms stand next to each other, in order, in one
 * value of one searched field.
 */
import { valuesOf } from '../inverted/fields.ts';
import type { QueryGroup } from './keyword-query.ts';

/** A check that every phrase of the group is in the object; null when there are no phrases. */
export function phraseCheck(group: QueryGroup, readValues: (docID: number) => readonly unknown[]): ((docID: number) => boolean) | null {
  if (group.phrases.length === 0) return null;
  return (docID) => {
    const values = readValues(docID);
    const texts = group.fields.flatMap(({ index }) =>
      valuesOf(index.field, values).map((value) => (typeof value === 'string' ? index.field.analyzer!.terms(value, []) : [])),
    );
    return group.phrases.every((phrase) => texts.some((terms) => holds(terms, phrase)));
  };
}

function holds(terms: readonly string[], phrase: readonly string[]): boolean {
  for (let from = 0; from + phrase.length <= terms.length; from++) {
    let i = 0;
    while (i < phrase.length && terms[from + i] === phrase[i]) i++;
    if (i === phrase.length) return true;
  }
  return false;
}
