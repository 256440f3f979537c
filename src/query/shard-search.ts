/**
 * One shard's part of a query: what it is asked (phase 1) and what it answers, as mergeable, structured-cloneable data.
 * The coordinator merges the answers (`merge.ts`), picks the winners and fetches only those (phase 2).
 */
import type { FilterNode } from '../schema/filter.ts';
import type { FacetRequest, GroupByRequest, KeywordSearch, SortKey, VectorSearch } from '../protocol/search-request.ts';

export interface ShardSearch {
  readonly filter: FilterNode | null;
  readonly vector: VectorSearch | null;
  readonly keyword: KeywordSearch | null;
  /** Collection-wide statistics of phase 0; null: the shard's own (one shard, or no keywords). */
  readonly stats: KeywordStats | null;
  readonly sort: readonly SortKey[];
  /** Candidates wanted from this shard: limit + offset, or more for fusion and grouping. */
  readonly candidates: number;
  /** 16 bytes; objects after this UUID only. */
  readonly after: Uint8Array | null;
  readonly groupBy: GroupByRequest | null;
  readonly facets: readonly FacetRequest[];
  readonly totalCount: boolean;
  readonly explain: boolean;
}

/** What BM25 needs of the whole collection. Terms are keyed by property ordinal and term: `"3:leaky"`. */
export interface KeywordStats {
  readonly documents: number;
  /** Total length in terms and number of objects that have the property, by ordinal. */
  readonly lengths: Readonly<Record<number, { readonly total: number; readonly count: number }>>;
  readonly documentFrequencies: Readonly<Record<string, number>>;
}

/** One ranked list of candidates. Columns run in parallel; `uuids` has 16 bytes a hit. */
export interface CandidateList {
  readonly docIDs: Uint32Array;
  readonly uuids: Uint8Array;
  /** Distance for vector lists (nearest first), BM25 score for keyword lists (highest first), absent order for fetches. */
  readonly scores: Float64Array;
  /** Values of the sort keys, one array a key, when sorting was asked for. */
  readonly sortValues: readonly (readonly (string | number | null)[])[];
  /** Group values when grouping was asked for. */
  readonly groups: readonly (readonly (string | number | boolean)[])[];
  readonly highlights: readonly Readonly<Record<string, readonly string[]>>[];
  readonly explanations: readonly string[];
  /** Several vector targets only: the distance to each, row-major `[hits × targets]`; NaN where the object has no such vector. */
  readonly targetDistances?: Float64Array;
}

export interface ShardSearchResult {
  readonly vector: CandidateList | null;
  readonly keyword: CandidateList | null;
  /** Neither vector nor keyword asked: matching objects in sort or UUID order. */
  readonly fetched: CandidateList | null;
  readonly total: number | null;
  readonly facets: readonly { readonly path: string; readonly counts: readonly (readonly [string | number | boolean, number])[] }[];
  readonly explain: Readonly<Record<string, unknown>> | null;
}

export interface AggregateRequest {
  readonly filter: FilterNode | null;
  /** Aggregate over the best `objectLimit` hits of a search instead of all matches. */
  readonly search: ShardSearch | null;
  readonly metrics: readonly { readonly path: string; readonly metrics: readonly string[]; readonly topOccurrencesLimit: number }[];
  readonly groupBy: { readonly path: string; readonly limit: number } | null;
}

/** Opaque and mergeable: `mergeAggregates` folds several into one, `finishAggregate` makes the answer. */
export type AggregateState = Readonly<Record<string, unknown>>;
