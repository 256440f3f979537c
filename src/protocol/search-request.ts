/**
 * A query as it travels from the client to the coordinator: plain data, every text already embedded (`nearText` and the
 * vector half of `hybrid` arrive as vectors), its filter already checked against the schema.
 */
import type { FilterNode } from '../schema/filter.ts';
import type { Asked } from './asked.ts';

export interface VectorTarget {
  /** Name of the vector. */
  readonly name: string;
  readonly query: Float32Array;
  /** Used by `manualWeights` and `relativeScore`; 1 otherwise. */
  readonly weight: number;
}

export interface VectorSearch {
  readonly targets: readonly VectorTarget[];
  /** How distances to several targets become one. */
  readonly combination: 'sum' | 'minimum' | 'average' | 'relativeScore' | 'manualWeights';
  /** Largest distance returned; null: no limit. (`certainty` was turned into one by the client.) */
  readonly maxDistance: number | null;
  /** Overrides the index's ef for this query; null: the index's own rule. */
  readonly ef: number | null;
}

export interface KeywordSearch {
  readonly query: string;
  /** Empty: every searchable property, boost 1. */
  readonly properties: readonly { readonly path: string; readonly boost: number }[];
  readonly operator: 'or' | 'and';
  /** For `or`: how many of the query's terms an object must have; 1 by default. */
  readonly minimumMatch: number;
  /** The last term also matches as a prefix (search as one types). */
  readonly prefix: boolean;
  /** Largest edit distance at which a term still matches: 0 (off), 1 or 2; 'auto' by term length. */
  readonly typos: 0 | 1 | 2 | 'auto';
  /** Quoted parts of the query must appear as phrases. */
  readonly phrases: boolean;
  /** Fragments of the matching properties with the matches marked; null: none. */
  readonly highlight: { readonly properties: readonly string[]; readonly fragmentCharsMax: number } | null;
}

export interface SortKey {
  /** Property path, or `_id`, `_creationTime`, `_updateTime`, or a geo property with `from`. */
  readonly path: string;
  readonly order: 'asc' | 'desc';
  readonly from?: { readonly latitude: number; readonly longitude: number };
}

export interface FacetRequest {
  readonly path: string;
  /** Most frequent values returned. */
  readonly limit: number;
}

export interface GroupByRequest {
  readonly path: string;
  readonly numberOfGroups: number;
  readonly objectsPerGroup: number;
}

export interface SearchRequest extends Asked {
  readonly collection: string;
  readonly filter: FilterNode | null;
  readonly vector: VectorSearch | null;
  readonly keyword: KeywordSearch | null;
  /** Only when both `vector` and `keyword` are given. */
  readonly fusion: { readonly type: 'relativeScore' | 'ranked'; /** Weight of the vector part, 0 to 1. */ readonly alpha: number } | null;
  readonly sort: readonly SortKey[];
  readonly limit: number;
  readonly offset: number;
  /** Cursor: objects after this UUID in UUID order; null: none. */
  readonly after: string | null;
  /** Cut after this many jumps in score; 0: off. */
  readonly autocut: number;
  readonly groupBy: GroupByRequest | null;
  readonly facets: readonly FacetRequest[];
  readonly totalCount: boolean;
  /** Names of properties to return; null: all. */
  readonly returnProperties: readonly string[] | null;
  /** Names of vectors to return. */
  readonly includeVectors: readonly string[];
  readonly explain: boolean;
}
