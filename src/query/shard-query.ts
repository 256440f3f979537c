/**
 * One shard's answers: filter → allow-list → search → candidates, in one turn and without a snapshot, because a shard is
 * single-threaded.
 *
 * Called by the shard. What is returned is plain data; bytes of the store are borrowed only within the call.
 */
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../core/clock.ts';
import { compareBytes } from '../core/bytes.ts';
import type { DocSet } from '../core/doc-set.ts';
import { estimatedMatches } from '../inverted/estimate.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { FacetRequest } from '../protocol/search-request.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import { aggregateShard, compareCounted } from './aggregate.ts';
import { BestOf } from './best-of.ts';
import { buildList, type ListContext } from './candidate-list.ts';
import { explainKeywords, keywordMatches, searchKeywords, shardKeywordStats } from './keyword-search.ts';
import type { AggregateRequest, AggregateState, CandidateList, KeywordStats, ShardSearch, ShardSearchResult } from './shard-search.ts';
import { SORT_COLUMNS_MIN, compareSortValues, sortColumns, sortValuesOf, type SortValue } from './sort-values.ts';
import { countValues } from './value-counts.ts';
import { foundVectors, searchVectors, type GpuOffer, type VectorsByName } from './vector-search.ts';

export interface ShardQueryContext {
  readonly schema: CollectionSchema;
  readonly inverted: InvertedIndex;
  /** Live docIDs, shared with the shard. */
  readonly live: DocSet;
  /** By name. */
  readonly vectors: VectorsByName;
  /** The stored property array of a live object, parsed. */
  readonly readValues: (docID: number) => readonly unknown[];
  /** For the times in `explain`. */
  readonly clock?: Clock;
}

/** Facet values sent from one shard, so that the merged counts of the most frequent ones are exact up to this many values. */
const FACET_VALUES_MAX = 10_000;

export class ShardQuery {
  private readonly context: ShardQueryContext;

  constructor(context: ShardQueryContext) {
    this.context = context;
  }

  /** Phase 0: what BM25 needs of this shard. */
  keywordStats(search: ShardSearch): KeywordStats {
    if (search.keyword === null) return { documents: this.context.inverted.statistics.objects, lengths: {}, documentFrequencies: {} };
    return shardKeywordStats(this.context.inverted, search.keyword);
  }

  /** Phase 1. `offer`: what the GPU has found for its one vector target under its filter. */
  search(search: ShardSearch, offer: GpuOffer | null = null): ShardSearchResult {
    const { inverted } = this.context;
    const timer = new StageTimer(search.explain ? (this.context.clock ?? systemClock) : null);
    const allow = search.filter === null ? null : inverted.allowList(search.filter);
    timer.stage('filterMs');
    const vector = search.vector === null ? null : this.vectorCandidates(search, allow, timer, offer);
    timer.stage('vectorMs');
    const keyword = search.keyword === null ? null : this.keywordCandidates(search, allow ?? inverted.live, timer);
    timer.stage('keywordMs');
    const fetched = vector || keyword ? null : this.fetched(search, allow ?? inverted.live);
    timer.stage('fetchMs');
    const { total, facets } = this.counted(search, allow ?? inverted.live);
    timer.stage('countMs');
    if (search.explain) {
      timer.facts.estimatedFilter = search.filter && estimatedMatches(inverted, search.filter);
      timer.facts.matchingFilter = allow && allow.count();
    }
    return { vector, keyword, fetched, total, facets, explain: search.explain ? timer.facts : null };
  }

  private listContext(search: ShardSearch): ListContext {
    const { inverted, readValues } = this.context;
    return { inverted, readValues, search };
  }

  private vectorCandidates(search: ShardSearch, allow: DocSet | null, timer: StageTimer, offer: GpuOffer | null): CandidateList {
    const facts = search.explain ? timer.facts : null;
    const { docIDs, scores, targetDistances } = offer?.found
      ? foundVectors(search.vector!, search.candidates, offer.found, this.context.live, facts)
      : searchVectors(this.context.vectors, search.vector!, search.candidates, allow, this.context.inverted, facts);
    if (offer?.plan) timer.facts.gpu = offer.plan;
    return buildList(this.listContext(search), docIDs, scores, null, targetDistances);
  }

  private keywordCandidates(search: ShardSearch, allow: DocSet, timer: StageTimer): CandidateList {
    const { inverted, readValues } = this.context;
    const hits = searchKeywords(inverted, search.keyword!, { stats: search.stats, allow, k: search.candidates, readValues });
    timer.facts.keyword = hits.work ?? { path: 'intersection' };
    const list = buildList(this.listContext(search), hits.docIDs, hits.scores, search.keyword);
    return search.explain ? { ...list, explanations: explainKeywords(inverted, search.keyword!, hits, search.stats) } : list;
  }

  /** Neither vector nor keyword: matching objects by sort key, or by UUID. */
  private fetched(search: ShardSearch, allow: DocSet): CandidateList {
    const { inverted, readValues } = this.context;
    const { after, candidates, sort } = search;
    const isAfter = (docID: number): boolean => after === null || compareBytes(inverted.docs.uuid(docID), after) > 0;
    let docIDs: number[];
    if (sort.length === 0) {
      const best = new BestOf<number>(candidates, (a, b) => inverted.docs.compare(a, b));
      for (const docID of allow) if (isAfter(docID)) best.offer(docID);
      docIDs = best.take();
    } else {
      const best = new BestOf<{ docID: number; values: SortValue[] }>(
        candidates,
        (a, b) => compareSortValues(sort, a.values, b.values) || inverted.docs.compare(a.docID, b.docID),
      );
      const columns = allow.count() < SORT_COLUMNS_MIN ? null : sortColumns(inverted, sort, allow.capacity);
      const valuesOf = columns ?? ((docID: number) => sortValuesOf(inverted, sort, docID, () => readValues(docID)));
      for (const docID of allow) if (isAfter(docID)) best.offer({ docID, values: valuesOf(docID) });
      docIDs = best.take().map((item) => item.docID);
    }
    return buildList(this.listContext(search), Uint32Array.from(docIDs), new Float64Array(docIDs.length), null);
  }

  /** Totals and facets over what matches the filter and, in a search by keywords alone, the keywords. */
  private counted(search: ShardSearch, allow: DocSet): { total: number | null; facets: ShardSearchResult['facets'] } {
    if (!search.totalCount && search.facets.length === 0) return { total: null, facets: [] };
    const { inverted, readValues } = this.context;
    const byKeyword = search.keyword !== null && search.vector === null;
    const among = byKeyword ? keywordMatches(inverted, search.keyword, { stats: search.stats, allow, k: 0, readValues }) : allow;
    const count = among.count();
    return { total: search.totalCount ? count : null, facets: search.facets.map((facet) => this.facet(facet, among, count)) };
  }

  private facet({ path }: FacetRequest, among: DocSet, count: number): ShardSearchResult['facets'][number] {
    const counts = [...countValues(this.context.inverted.field(path), among, count, this.context.readValues)];
    if (counts.length > FACET_VALUES_MAX) {
      counts.sort((a, b) => b[1] - a[1] || compareCounted(a[0], b[0]));
      counts.length = FACET_VALUES_MAX;
    }
    return { path, counts };
  }

  /** Aggregate over the objects that match the filter, or over the best hits of a search. */
  aggregate(request: AggregateRequest): AggregateState {
    const { inverted, readValues } = this.context;
    const among = request.search === null ? inverted.allowList(request.filter) : this.hitsOf(request.search, request.filter);
    return aggregateShard(inverted, request, among, readValues);
  }

  private hitsOf(search: ShardSearch, filter: FilterNode | null): DocSet {
    const both =
      search.filter === null ? filter : filter === null ? search.filter : ({ op: 'and', nodes: [filter, search.filter] } as const);
    const { vector, keyword, fetched } = this.search({
      ...search,
      filter: both,
      sort: [],
      groupBy: null,
      facets: [],
      totalCount: false,
      explain: false,
    });
    const hits = this.context.inverted.bits();
    for (const list of [vector, keyword, fetched]) if (list) hits.addAll(list.docIDs, list.docIDs.length);
    return hits.take();
  }

  /** docIDs of live objects that match, in UUID order, at most `limit`. */
  match(filter: FilterNode | null, limit: number): Uint32Array {
    const { inverted } = this.context;
    const best = new BestOf<number>(limit, (a, b) => inverted.docs.compare(a, b));
    for (const docID of inverted.allowList(filter)) best.offer(docID);
    return Uint32Array.from(best.take());
  }
}

/** Milliseconds by stage, and whatever else a stage has to say; free when there is no clock. */
class StageTimer {
  readonly facts: Record<string, unknown> = {};
  private readonly clock: Clock | null;
  private last: number;
  constructor(clock: Clock | null) {
    this.clock = clock;
    this.last = clock?.monotonic() ?? 0;
  }
  stage(name: string): void {
    if (this.clock === null) return;
    const now = this.clock.monotonic();
    this.facts[name] = now - this.last;
    this.last = now;
  }
}
