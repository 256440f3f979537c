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
import { autoTypos, editDistance } from './edit-distance.ts';

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
  if (search.properties.length === 0) return [...index.fields()].filter((field) => field.searchable).map((field) => ({ index: field, boost: 1 }));
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
  const phrases = search.phrases ? [...search.query.matchAll(QUOTED)].map((match) => analyzer.terms(match[1], [])).filter((terms) => terms.length > 0) : [];
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
  weight: number;
  /** Live objects of this shard that have it. */
  count: number;
}

/** Most terms a prefix or a typo stands for in one field of one shard; the most frequent are kept. */
export const EXPANSIONS_MAX = 256;
const PREFIX_WEIGHT = 0.5;
const TYPO_WEIGHT = 0.4;
const TYPO_PREFIX_LETTERS = 1;

/** Other terms of the field that the slot also stands for. The first letter of a typo is taken to be right. */
export function expansionsOf(slot: Slot, field: FieldIndex): Expansion[] {
  const { prefix, typed, typos } = slot;
  const found = new Map<string, Expansion>();
  const consider = (term: string, weight: number, count: number): void => {
    const known = found.get(term);
    if (known === undefined) found.set(term, { term, weight, count });
    else known.count += count;
  };
  if (prefix !== null)
    field.dictionary!.forEach(prefix, (term, count) => {
      if (term !== slot.term) consider(term, (PREFIX_WEIGHT * prefix.length) / term.length, count);
    });
  if (typos > 0)
    field.dictionary!.forEach(typed.slice(0, TYPO_PREFIX_LETTERS), (term, count) => {
      if (term === slot.term || (prefix !== null && term.startsWith(prefix))) return;
      const distance = editDistance(typed, term, typos);
      if (distance <= typos) consider(term, TYPO_WEIGHT ** distance, count);
    });
  const present = [...found.values()].filter((expansion) => expansion.count > 0);
  if (present.length <= EXPANSIONS_MAX) return present;
  present.sort((a, b) => b.count - a.count || (a.term < b.term ? -1 : 1));
  return present.slice(0, EXPANSIONS_MAX);
}
