/**
 * A keyword search taken apart: which terms to look for in which fields, and in what relation.
 *
 * Fields that cut text alike form a group, and the query's terms are its slots: `and` and a minimum match count the slots of
 * one group, wherever in the group's fields a slot is found. Phrases are quoted parts of the query; their terms are slots too,
 * and the objects found are checked for the phrase afterwards.
 */
import { HeddleError } from '../core/errors.ts';
import type { FieldIndex } from '../inverted/field-index.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { KeywordSearch } from '../protocol/search-request.ts';
import { autoTypos, editDistance } from '../core/edit-distance.ts';

export interface Slot {
  /** As it stands in the index. */
  readonly term: string;
  /** The text begun, folded but not stemmed, when the term also matches as a prefix; else null. */
  readonly prefix: string | null;
  /** Folded but not stemmed; typos are counted against it. */
  readonly typed: string;
  readonly typos: number;
}

export interface QueryField {
  readonly index: FieldIndex;
  readonly boost: number;
}

export interface QueryGroup {
  readonly fields: readonly QueryField[];
  readonly slots: readonly Slot[];
  /** Each as terms in order, for this group's analyzer. */
  readonly phrases: readonly (readonly string[])[];
}

const QUOTED = /"([^"]*)"/g;

export function keywordGroups(index: InvertedIndex, search: KeywordSearch): QueryGroup[] {
  const byAnalyzer = new Map<string, QueryField[]>();
  for (const field of searchedFields(index, search)) {
    const id = field.index.field.analyzer!.id;
    byAnalyzer.set(id, [...(byAnalyzer.get(id) ?? []), field]);
  }
  return [...byAnalyzer.values()].map((fields) => groupOf(fields, search));
}

function searchedFields(index: InvertedIndex, search: KeywordSearch): QueryField[] {
  if (search.properties.length === 0)
    return [...index.fields()].filter((field) => field.searchable).map((field) => ({ index: field, boost: 1 }));
  return search.properties.map(({ path, boost }) => {
    const field = index.field(path);
    if (!field.searchable)
      throw new HeddleError('InvalidInput', `property "${path}" is not indexed for keyword search`, {
        hint: 'Set indexSearchable: true on a text property when it is created.',
        details: { property: path, setting: 'indexSearchable' },
      });
    return { index: field, boost };
  });
}

function groupOf(fields: readonly QueryField[], search: KeywordSearch): QueryGroup {
  const analyzer = fields[0].index.field.analyzer!;
  const phrases = search.phrases
    ? [...search.query.matchAll(QUOTED)].map((match) => analyzer.terms(match[1], [])).filter((terms) => terms.length > 0)
    : [];
  const open = search.prefix && /[\p{L}\p{N}\p{M}]$/u.test(search.query);
  const slots = new Map<string, Slot>();
  const words = analyzer.queryTokens(search.query, open);
  words.forEach(({ term, folded }, i) => {
    const typos = search.typos === 'auto' ? autoTypos(folded.length) : search.typos;
    const prefix = open && i === words.length - 1 ? folded : null;
    const known = slots.get(term);
    if (known === undefined || (prefix !== null && known.prefix === null)) slots.set(term, { term, prefix, typed: folded, typos });
  });
  return { fields, slots: [...slots.values()], phrases };
}

/** A term close to the one asked for. */
export interface Expansion {
  readonly term: string;
  /** Share of the asked term's weight. */
  readonly weight: number;
  /** Live objects of this shard that have it. */
  readonly count: number;
}

/** Most terms a prefix stands for in one field of one shard, and most typos beside; the most frequent are kept. */
export const EXPANSIONS_MAX = 256;
const PREFIX_WEIGHT = 0.5;
const TYPO_WEIGHT = 0.4;
const TYPO_PREFIX_LETTERS = 1;

/** Other terms of the field that the slot also stands for. The first letter of a typo is taken to be right. */
export function expansionsOf(slot: Slot, field: FieldIndex): readonly Expansion[] {
  const { prefix, typed, typos, term: asked } = slot;
  const found: Expansion[] = [];
  if (prefix !== null)
    for (const { term, count } of field.dictionary!.find(prefix, EXPANSIONS_MAX))
      if (term !== asked) found.push({ term, count, weight: (PREFIX_WEIGHT * prefix.length) / term.length });
  if (typos > 0) {
    const isTypo = (term: string): boolean =>
      term !== asked && !(prefix !== null && term.startsWith(prefix)) && editDistance(typed, term, typos) <= typos;
    for (const { term, count } of field.dictionary!.find(typed.slice(0, TYPO_PREFIX_LETTERS), EXPANSIONS_MAX, isTypo))
      found.push({ term, count, weight: TYPO_WEIGHT ** editDistance(typed, term, typos) });
  }
  return found;
}
