/**
 * One shard's keyword search: statistics for phase 0, the best k for phase 1, and the whole set of matches where totals or
 * facets are wanted.
 *
 * Document frequencies, lengths and the number of objects come from phase 0 when there are several shards, so that scores are
 * the same on any number of them. A prefix and its typos share one document frequency, the sum of their terms'.
 */
import { DocSet } from '../core/doc-set.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { KeywordSearch } from '../protocol/search-request.ts';
import { LengthNorm, idf } from './bm25.ts';
import { searchAnd } from './keyword-and.ts';
import { searchOr, type KeywordWork } from './keyword-or.ts';
import { expansionsOf, keywordGroups, type QueryField, type QueryGroup, type Slot } from './keyword-query.ts';
import { ListCursor } from './list-cursor.ts';
import { phraseCheck } from './phrase.ts';
import type { KeywordStats } from './shard-search.ts';
import { TopDocs } from './top-docs.ts';

/** Keys of `KeywordStats.documentFrequencies`. */
const termKey = (ordinal: number, term: string): string => `${ordinal}:${term}`;
const expansionKey = (ordinal: number, slot: Slot): string => `${ordinal}:${slot.typed}${slot.prefix === null ? '' : '*'}~${slot.typos}`;

const WEIGHT_MIN = 1e-12;

export interface KeywordHits {
  readonly docIDs: Uint32Array;
  readonly scores: Float64Array;
  readonly work: KeywordWork | null;
}

export interface KeywordOptions {
  readonly stats: KeywordStats | null;
  /** Live docIDs that may be found. */
  readonly allow: DocSet;
  readonly k: number;
  readonly readValues: (docID: number) => readonly unknown[];
  /** Off only to check that pruning changes nothing. */
  readonly prune?: boolean;
}

export function shardKeywordStats(index: InvertedIndex, search: KeywordSearch): KeywordStats {
  const lengths: Record<number, { total: number; count: number }> = {};
  const documentFrequencies: Record<string, number> = {};
  for (const { fields, slots } of keywordGroups(index, search)) {
    for (const { index: field } of fields) {
      const { ordinal } = field.field;
      lengths[ordinal] = { ...index.statistics.field(ordinal) };
      for (const slot of slots) {
        documentFrequencies[termKey(ordinal, slot.term)] = field.searchable!.net(slot.term);
        if (slot.prefix === null && slot.typos === 0) continue;
        documentFrequencies[expansionKey(ordinal, slot)] = expansionsOf(slot, field).reduce((sum, { count }) => sum + count, 0);
      }
    }
  }
  return { documents: index.statistics.objects, lengths, documentFrequencies };
}

/** Best first, ties by UUID. */
export function searchKeywords(index: InvertedIndex, search: KeywordSearch, options: KeywordOptions): KeywordHits {
  const groups = keywordGroups(index, search);
  const stats = options.stats ?? shardKeywordStats(index, search);
  const top = new TopDocs(options.k, (a, b) => index.docs.compare(a, b));
  if (search.operator === 'or' && (search.minimumMatch <= 1 || groups.length === 1)) {
    let slots = 0;
    const cursors = groups.flatMap((group) => group.slots.flatMap((slot) => cursorsOf(index, group.fields, slot, slots++, stats)));
    const checks = groups.map((group) => phraseCheck(group, options.readValues)).filter((check) => check !== null);
    const accepts = checks.length === 0 ? null : (docID: number): boolean => checks.some((check) => check(docID));
    const work = searchOr({ cursors, minimumMatch: search.minimumMatch, top, allow: options.allow.words, accepts, prune: options.prune ?? true });
    return { ...top.take(), work };
  }
  const cursors = groups.flatMap((group, g) => group.slots.flatMap((slot, i) => cursorsOf(index, group.fields, slot, g * group.slots.length + i, stats)));
  if (search.operator === 'and' && groups.length === 1) {
    const [group] = groups;
    const { docIDs, scores } = searchAnd(group.slots.map((_, i) => cursors.filter((cursor) => cursor.slot === i)), options.allow.words);
    const accepts = phraseCheck(group, options.readValues);
    for (let i = 0; i < docIDs.length; i++) if (top.wants(docIDs[i], scores[i]) && (accepts === null || accepts(docIDs[i]))) top.offer(docIDs[i], scores[i]);
    return { ...top.take(), work: null };
  }
  const allow = keywordMatches(index, search, options);
  const work = searchOr({ cursors, minimumMatch: 1, top, allow: allow.words, accepts: null, prune: options.prune ?? true });
  return { ...top.take(), work };
}

/** docIDs of all matches of one group. */
function matchesOf(index: InvertedIndex, search: KeywordSearch, group: QueryGroup, stats: KeywordStats, options: KeywordOptions): Uint32Array {
  const slots = group.slots.map((slot, i) => cursorsOf(index, group.fields, slot, i, stats));
  const accepts = phraseCheck(group, options.readValues);
  if (search.operator === 'and') {
    const { docIDs } = searchAnd(slots, options.allow.words);
    return accepts === null ? docIDs : docIDs.filter(accepts);
  }
  const all = new TopDocs(options.allow.count(), (a, b) => a - b);
  searchOr({ cursors: slots.flat(), minimumMatch: search.minimumMatch, top: all, allow: options.allow.words, accepts, prune: false });
  return all.take().docIDs;
}

/** The lists that stand for a slot in a group's fields. */
function cursorsOf(index: InvertedIndex, fields: readonly QueryField[], slot: Slot, number: number, stats: KeywordStats): ListCursor[] {
  const cursors: ListCursor[] = [];
  for (const { index: field, boost } of fields) {
    const { ordinal } = field.field;
    const totals = stats.lengths[ordinal] ?? { total: 0, count: 0 };
    const add = (term: string, weight: number, norm: LengthNorm): void => {
      const list = field.searchable!.list(term);
      if (list.count > 0) cursors.push(new ListCursor(list, Math.max(WEIGHT_MIN, boost * weight), norm, number));
    };
    const norm = normOf(index, ordinal, totals.count === 0 ? 0 : totals.total / totals.count);
    add(slot.term, idf(stats.documents, stats.documentFrequencies[termKey(ordinal, slot.term)] ?? 0), norm);
    if (slot.prefix === null && slot.typos === 0) continue;
    const shared = idf(stats.documents, Math.min(stats.documents, stats.documentFrequencies[expansionKey(ordinal, slot)] ?? 0));
    for (const { term, weight } of expansionsOf(slot, field)) add(term, weight * shared, norm);
  }
  return cursors;
}

function normOf(index: InvertedIndex, ordinal: number, average: number): LengthNorm {
  return new LengthNorm(index.fieldAt(ordinal)!.lengths!.lengths, average, index.schema.invertedIndex);
}

/** Every object that matches the keywords, within `allow`. */
export function keywordMatches(index: InvertedIndex, search: KeywordSearch, options: KeywordOptions): DocSet {
  const groups = keywordGroups(index, search);
  const stats = options.stats ?? shardKeywordStats(index, search);
  const all = new DocSet(options.allow.capacity);
  for (const group of groups) {
    if (search.operator === 'or' && search.minimumMatch <= 1 && group.phrases.length === 0) {
      const bits = index.bits();
      for (const slot of group.slots)
        for (const { index: field } of group.fields) {
          field.searchable!.bits(slot.term, bits);
          for (const { term } of expansionsOf(slot, field)) field.searchable!.bits(term, bits);
        }
      all.or(bits.take().and(options.allow));
    } else for (const docID of matchesOf(index, search, group, stats, options)) all.add(docID);
  }
  return all;
}
