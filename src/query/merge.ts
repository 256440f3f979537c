/**
 * The shards' answers made one: candidates ranked over all shards, fused, cut, grouped and paged. Pure functions of plain data.
 *
 * The number of shards changes nothing: lists are merged by score with ties by UUID and cut to the number of candidates
 * before anything is normalised.
 * Called by the coordinator.
 */
import { compareBytes } from '../core/bytes.ts';
import { uuidText } from '../core/ids.ts';
import type { SearchRequest, VectorSearch } from '../protocol/search-request.ts';
import { compareCounted } from './aggregate.ts';
import { autocut } from './autocut.ts';
import { fuse } from './fusion.ts';
import { candidatesOf } from './plan.ts';
import type { CandidateList, KeywordStats, ShardSearchResult } from './shard-search.ts';
import { compareSortValues, type SortValue } from './sort-values.ts';
import type { CountedValue } from './value-counts.ts';

/** A winner: where its object is, and what is known of it. */
export interface RankedHit {
  /** Index into the results given. */
  readonly shard: number;
  readonly docID: number;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  /** Higher is better: BM25, fused score, or 1 − distance; 0 when nothing was searched for. */
  readonly score: number;
  readonly distance: number | null;
  readonly highlights: Readonly<Record<string, readonly string[]>> | null;
  /** Empty unless asked for. */
  readonly explanation: string;
  /** The value it is grouped under. */
  readonly group: CountedValue | null;
}

export interface ResultGroup {
  readonly value: CountedValue;
  /** Candidates with this value; `hits` holds the first `objectsPerGroup`. */
  readonly count: number;
  /** Indexes into `hits`. */
  readonly hits: readonly number[];
}

export interface MergedResults {
  readonly hits: readonly RankedHit[];
  /** Null when nothing was grouped. */
  readonly groups: readonly ResultGroup[] | null;
  readonly total: number | null;
  readonly facets: readonly { readonly path: string; readonly counts: readonly (readonly [CountedValue, number])[] }[];
}

/** Phase 0 of several shards as one. */
export function mergeKeywordStats(all: readonly KeywordStats[]): KeywordStats {
  const lengths: Record<number, { total: number; count: number }> = {};
  const documentFrequencies: Record<string, number> = {};
  let documents = 0;
  for (const stats of all) {
    documents += stats.documents;
    for (const [ordinal, { total, count }] of Object.entries(stats.lengths)) {
      const sum = (lengths[Number(ordinal)] ??= { total: 0, count: 0 });
      sum.total += total;
      sum.count += count;
    }
    for (const [term, count] of Object.entries(stats.documentFrequencies))
      documentFrequencies[term] = (documentFrequencies[term] ?? 0) + count;
  }
  return { documents, lengths, documentFrequencies };
}

interface Candidate {
  readonly shard: number;
  readonly docID: number;
  readonly uuid: Uint8Array;
  /** As its list has it: a distance, a BM25 score, or 0. */
  score: number;
  readonly sortValues: readonly SortValue[];
  readonly groups: readonly CountedValue[];
  readonly highlights: Readonly<Record<string, readonly string[]>> | null;
  readonly targets: readonly number[];
  /** The terms' parts of a keyword score, when asked for. */
  readonly terms: string;
}

const NOTHING: readonly never[] = [];

function addCandidates(to: Candidate[], list: CandidateList | null, shard: number, targets: number): void {
  list?.docIDs.forEach((docID, i) =>
    to.push({
      shard,
      docID,
      uuid: list.uuids.subarray(i * 16, i * 16 + 16),
      score: list.scores[i],
      sortValues: list.sortValues.map((values) => values[i]),
      groups: list.groups[i] ?? NOTHING,
      highlights: list.highlights[i] ?? null,
      terms: list.explanations[i] ?? '',
      targets: list.targetDistances ? [...list.targetDistances.subarray(i * targets, (i + 1) * targets)] : NOTHING,
    }),
  );
}

/** The answer but for the objects themselves, which phase 2 fetches. */
export function mergeResults(request: SearchRequest, results: readonly ShardSearchResult[]): MergedResults {
  const wanted = candidatesOf(request);
  const vector = request.vector && vectorList(request.vector, results).slice(0, wanted);
  const keyword = request.keyword && listOf(results, 'keyword', (a, b) => b.score - a.score).slice(0, wanted);
  let hits =
    vector && keyword
      ? fusedHits(request, vector, keyword)
      : vector
        ? vectorHits(request, vector)
        : keyword
          ? keywordHits(request, keyword)
          : fetchedHits(request, results);
  if (request.autocut > 0 && (vector || keyword))
    hits = hits.slice(
      0,
      autocut(
        hits.map(({ hit }) => hit.score),
        request.autocut,
      ),
    );
  hits = hits.slice(request.offset, request.offset + request.limit);
  if (request.sort.length > 0 && (vector || keyword))
    hits = [...hits].sort(
      (a, b) => compareSortValues(request.sort, a.candidate.sortValues, b.candidate.sortValues) || compareBytes(a.hit.uuid, b.hit.uuid),
    );
  const total = results.every((result) => result.total === null) ? null : results.reduce((sum, result) => sum + (result.total ?? 0), 0);
  return { ...grouped(request, hits), total, facets: mergeFacets(request, results) };
}

function listOf(
  results: readonly ShardSearchResult[],
  list: 'vector' | 'keyword' | 'fetched',
  order: (a: Candidate, b: Candidate) => number,
  targets = 0,
): Candidate[] {
  const all: Candidate[] = [];
  results.forEach((result, shard) => addCandidates(all, result[list], shard, targets));
  return all.sort((a, b) => order(a, b) || compareBytes(a.uuid, b.uuid));
}

function vectorList(search: VectorSearch, results: readonly ShardSearchResult[]): Candidate[] {
  const nearest = (a: Candidate, b: Candidate): number => a.score - b.score;
  const list = listOf(results, 'vector', nearest, search.targets.length);
  if (search.targets.length < 2 || search.combination !== 'relativeScore') return list;
  search.targets.forEach((target, t) => {
    const known = list.map((candidate) => candidate.targets[t]).filter((distance) => !Number.isNaN(distance));
    const low = Math.min(...known);
    const span = Math.max(...known) - low;
    for (const candidate of list) {
      if (t === 0) candidate.score = 0;
      const distance = candidate.targets[t];
      candidate.score += target.weight * (Number.isNaN(distance) ? 1 : span === 0 ? 0 : (distance - low) / span);
    }
  });
  return list
    .filter(({ score }) => search.maxDistance === null || score <= search.maxDistance)
    .sort((a, b) => nearest(a, b) || compareBytes(a.uuid, b.uuid));
}

interface Ranked {
  readonly hit: RankedHit;
  readonly candidate: Candidate;
}

function ranked(candidate: Candidate, score: number, distance: number | null, explanation: string): Ranked {
  const { shard, docID, uuid, highlights } = candidate;
  return { hit: { shard, docID, uuid, score, distance, highlights, explanation, group: null }, candidate };
}

const shown = (value: number): string => value.toFixed(4);

const bm25Of = ({ score, terms }: Candidate): string => `BM25 ${shown(score)}${terms === '' ? '' : ` = ${terms}`}`;
const vectorHits = ({ explain }: SearchRequest, list: readonly Candidate[]): Ranked[] =>
  list.map((c) => ranked(c, 1 - c.score, c.score, explain ? `vector: distance ${shown(c.score)}` : ''));
const keywordHits = ({ explain }: SearchRequest, list: readonly Candidate[]): Ranked[] =>
  list.map((c) => ranked(c, c.score, null, explain ? `keyword: ${bm25Of(c)}` : ''));

function fetchedHits(request: SearchRequest, results: readonly ShardSearchResult[]): Ranked[] {
  return listOf(results, 'fetched', (a, b) => compareSortValues(request.sort, a.sortValues, b.sortValues)).map((c) =>
    ranked(c, 0, null, ''),
  );
}

function fusedHits(request: SearchRequest, vector: readonly Candidate[], keyword: readonly Candidate[]): Ranked[] {
  const { type, alpha } = request.fusion ?? { type: 'relativeScore', alpha: 0.75 };
  const nearest = new Map(vector.map((c) => [uuidText(c.uuid), c]));
  const matching = new Map(keyword.map((c) => [uuidText(c.uuid), c]));
  const fused = fuse(
    Array.from(nearest, ([key, { score }]) => ({ key, score: -score })),
    Array.from(matching, ([key, { score }]) => ({ key, score })),
    type,
    alpha,
  );
  const hits = fused.map(({ key, score, vectorPart, keywordPart }) => {
    const byVector = nearest.get(key);
    const byKeyword = matching.get(key);
    const explained = (): string => {
      const parts = [
        byVector && `vector ${shown(vectorPart)} (distance ${shown(byVector.score)})`,
        byKeyword && `keyword ${shown(keywordPart)} (${bm25Of(byKeyword)})`,
      ];
      return `hybrid ${type}, alpha ${alpha}: ${parts.filter(Boolean).join(' + ')}`;
    };
    return ranked(byKeyword ?? byVector!, score, byVector?.score ?? null, request.explain ? explained() : '');
  });
  return hits.sort((a, b) => b.hit.score - a.hit.score || compareBytes(a.hit.uuid, b.hit.uuid));
}

/** Groups in the order of their best hit; an object with several values is in several groups. */
function grouped(request: SearchRequest, ranking: readonly Ranked[]): { hits: RankedHit[]; groups: ResultGroup[] | null } {
  const { groupBy } = request;
  if (groupBy === null) return { hits: ranking.map(({ hit }) => hit), groups: null };
  const hits: RankedHit[] = [];
  const groups = new Map<CountedValue, { value: CountedValue; count: number; hits: number[] }>();
  for (const { hit, candidate } of ranking) {
    for (const value of candidate.groups) {
      let group = groups.get(value);
      if (group === undefined && groups.size >= groupBy.numberOfGroups) continue;
      if (group === undefined) groups.set(value, (group = { value, count: 0, hits: [] }));
      group.count++;
      if (group.hits.length < groupBy.objectsPerGroup) group.hits.push(hits.push({ ...hit, group: value }) - 1);
    }
  }
  return { hits, groups: [...groups.values()] };
}

/** Most frequent first, ties by value. */
function mergeFacets(request: SearchRequest, results: readonly ShardSearchResult[]): MergedResults['facets'] {
  return request.facets.map(({ path, limit }, i) => {
    const sums = new Map<CountedValue, number>();
    for (const result of results)
      for (const [value, count] of result.facets[i]?.counts ?? []) sums.set(value, (sums.get(value) ?? 0) + count);
    const counts = [...sums].sort((a, b) => b[1] - a[1] || compareCounted(a[0], b[0])).slice(0, limit);
    return { path, counts };
  });
}
