/**
 * One shard's keyword search: statistics for phase 0, the best k for phase 1, and the whole set of matches where totals or
 * facets are wanted.
 *
 * Document frequencies, lengths and the number of objects come from phase 0 when there are several shards, so that scores are
 * the same on any number of them. A prefix and its typos share one document frequency, the sum of their terms'.
 */
import { DocSet } from '../core/doc-set.ts';
import type { FieldIndex } from '../inverted/field-index.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { PostingList } from '../inverted/posting-list.ts';
import type { KeywordSearch } from '../protocol/search-request.ts';
import { LengthNorm, idf } from './bm25.ts';
import { searchAnd } from './keyword-and.ts';
import { searchOr, type KeywordWork } from './keyword-or.ts';
import { expansionsOf, keywordGroups, type Expansion, type QueryGroup, type Slot } from './keyword-query.ts';
import { ListCursor, withCursors } from './list-cursor.ts';
import { phraseCheck } from './phrase.ts';
import type { KeywordStats } from './shard-search.ts';
import { TopDocs } from './top-docs.ts';

/** Keys of `KeywordStats.documentFrequencies`. */
const termKey = (ordinal: number, term: string): string => `${ordinal}:${term}`;
const expansionKey = (ordinal: number, slot: Slot): string => `${ordinal}:${slot.typed}${slot.prefix === null ? '' : '*'}~${slot.typos}`;

const WEIGHT_MIN = 1e-12;
const NO_EXPANSIONS: readonly Expansion[] = [];

export interface KeywordHits {
  readonly docIDs: Uint32Array;
  readonly scores: Float64Array;
  readonly work: KeywordWork | null;
}

export interface KeywordOptions {
  /** Null: this shard is the whole collection. */
  readonly stats: KeywordStats | null;
  /** Live docIDs that may be found. */
  readonly allow: DocSet;
  readonly k: number;
  readonly readValues: (docID: number) => readonly unknown[];
  /** Off only to check that pruning changes nothing. */
  readonly prune?: boolean;
}

const expansions = (slot: Slot, field: FieldIndex): readonly Expansion[] =>
  slot.prefix === null && slot.typos === 0 ? NO_EXPANSIONS : expansionsOf(slot, field);
const countOf = (found: readonly Expansion[]): number => found.reduce((sum, { count }) => sum + count, 0);

export function shardKeywordStats(index: InvertedIndex, search: KeywordSearch): KeywordStats {
  const lengths: Record<number, { total: number; count: number }> = {};
  const documentFrequencies: Record<string, number> = {};
  for (const { fields, slots } of keywordGroups(index, search)) {
    for (const { index: field } of fields) {
      const { ordinal } = field.field;
      lengths[ordinal] = { ...index.statistics.field(ordinal) };
      for (const slot of slots) {
        documentFrequencies[termKey(ordinal, slot.term)] = field.searchable!.net(slot.term);
        const others = expansions(slot, field);
        if (others.length > 0) documentFrequencies[expansionKey(ordinal, slot)] = countOf(others);
      }
    }
  }
  return { documents: index.statistics.objects, lengths, documentFrequencies };
}

/** Best first, ties by UUID. */
export function searchKeywords(index: InvertedIndex, search: KeywordSearch, options: KeywordOptions): KeywordHits {
  return withCursors(() => bestOf(index, search, options));
}

function bestOf(index: InvertedIndex, search: KeywordSearch, options: KeywordOptions): KeywordHits {
  const groups = keywordGroups(index, search);
  const { stats, readValues, k } = options;
  const top = new TopDocs(k, (a, b) => index.docs.compare(a, b));
  const prune = options.prune ?? true;
  const slots = groups.flatMap((group) => slotsOf(index, group, stats));
  slots.forEach((cursors, slot) => cursors.forEach((cursor) => (cursor.slot = slot)));
  const [group] = groups;
  const isAnd = search.operator === 'and' && slots.length > 1;
  if (isAnd && groups.length === 1) {
    const { docIDs, scores } = searchAnd(slots, options.allow.words);
    const accepts = phraseCheck(group, readValues);
    for (let i = 0; i < docIDs.length; i++)
      if (scores[i] >= top.threshold && top.wants(docIDs[i], scores[i]) && (accepts === null || accepts(docIDs[i])))
        top.offer(docIDs[i], scores[i]);
    return { ...top.take(), work: null };
  }
  const counted = isAnd || (search.minimumMatch > 1 && search.operator === 'or');
  if (counted && groups.length > 1) {
    const work = searchOr({
      cursors: slots.flat(),
      minimumMatch: 1,
      top,
      allow: keywordMatches(index, search, options).words,
      accepts: null,
      prune,
    });
    return { ...top.take(), work };
  }
  const checks = groups.map((one) => phraseCheck(one, readValues)).filter((check) => check !== null);
  const accepts = checks.length === 0 ? null : (docID: number): boolean => checks.some((check) => check(docID));
  const work = searchOr({
    cursors: slots.flat(),
    minimumMatch: counted ? search.minimumMatch : 1,
    top,
    allow: options.allow.words,
    accepts,
    prune,
  });
  return { ...top.take(), work };
}

/** docIDs of all matches of one group. */
function matchesOf(index: InvertedIndex, search: KeywordSearch, group: QueryGroup, options: KeywordOptions): Uint32Array {
  const slots = slotsOf(index, group, options.stats);
  slots.forEach((cursors, slot) => cursors.forEach((cursor) => (cursor.slot = slot)));
  const accepts = phraseCheck(group, options.readValues);
  if (search.operator === 'and') {
    const { docIDs } = searchAnd(slots, options.allow.words);
    return accepts === null ? docIDs : docIDs.filter(accepts);
  }
  const all = new TopDocs(options.allow.count(), (a, b) => a - b);
  searchOr({ cursors: slots.flat(), minimumMatch: search.minimumMatch, top: all, allow: options.allow.words, accepts, prune: false });
  return all.take().docIDs;
}

/** For every slot of a group, the lists that stand for it in the group's fields. */
function slotsOf(index: InvertedIndex, { fields, slots }: QueryGroup, stats: KeywordStats | null): ListCursor[][] {
  const documents = stats?.documents ?? index.statistics.objects;
  const found: ListCursor[][] = slots.map(() => []);
  for (const { index: field, boost } of fields) {
    const { ordinal } = field.field;
    const totals = stats === null ? index.statistics.field(ordinal) : (stats.lengths[ordinal] ?? { total: 0, count: 0 });
    const norm = new LengthNorm(field.lengths!.lengths, totals.count === 0 ? 0 : totals.total / totals.count, index.schema.invertedIndex);
    const add = (cursors: ListCursor[], list: PostingList, term: string, weight: number): void => {
      if (list.count > 0) cursors.push(new ListCursor(list, Math.max(WEIGHT_MIN, boost * weight), norm, field.field.path, term));
    };
    slots.forEach((slot, i) => {
      const list = field.searchable!.list(slot.term);
      add(found[i], list, slot.term, idf(documents, stats?.documentFrequencies[termKey(ordinal, slot.term)] ?? list.net));
      const others = expansions(slot, field);
      if (others.length === 0) return;
      const shared = idf(documents, Math.min(documents, stats?.documentFrequencies[expansionKey(ordinal, slot)] ?? countOf(others)));
      for (const { term, weight } of others) add(found[i], field.searchable!.list(term), term, weight * shared);
    });
  }
  return found;
}

/** For each hit, what every term added to its score: `title:river 1.2034 (2 in 7)`, the frequency in the field's length. */
export function explainKeywords(
  index: InvertedIndex,
  search: KeywordSearch,
  { docIDs }: KeywordHits,
  stats: KeywordStats | null,
): string[] {
  return withCursors(() => {
    const parts = Array.from(docIDs, (): string[] => []);
    const rising = Array.from(docIDs.keys()).sort((a, b) => docIDs[a] - docIDs[b]);
    for (const cursor of keywordGroups(index, search).flatMap((group) => slotsOf(index, group, stats).flat()))
      for (const hit of rising) {
        const frequency = cursor.frequencyIn(docIDs[hit]);
        if (frequency === 0) continue;
        const length = cursor.norm.lengths[docIDs[hit]];
        parts[hit].push(`${cursor.path}:${cursor.term} ${cursor.scoreOf(docIDs[hit], frequency).toFixed(4)} (${frequency} in ${length})`);
      }
    return parts.map((terms) => terms.join(' + '));
  });
}

/** Every object that matches the keywords, within `allow`. */
export function keywordMatches(index: InvertedIndex, search: KeywordSearch, options: KeywordOptions): DocSet {
  return withCursors(() => allOf(index, search, options));
}

function allOf(index: InvertedIndex, search: KeywordSearch, options: KeywordOptions): DocSet {
  const all = new DocSet(options.allow.capacity);
  for (const group of keywordGroups(index, search)) {
    if (search.operator === 'or' && search.minimumMatch <= 1 && group.phrases.length === 0) {
      const bits = index.bits();
      for (const slot of group.slots)
        for (const { index: field } of group.fields) {
          field.searchable!.bits(slot.term, bits);
          for (const { term } of expansions(slot, field)) field.searchable!.bits(term, bits);
        }
      all.or(bits.take().and(options.allow));
    } else for (const docID of matchesOf(index, search, group, options)) all.add(docID);
  }
  return all;
}
