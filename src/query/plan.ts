/** From a query to what each shard is asked in phase 1. Called by the coordinator. */
import { uuidBytes } from '../core/ids.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import type { ShardSearch } from './shard-search.ts';

/** Hybrid fusion sees at least this many of each list, as in Weaviate: fewer would let the limit change the scores. */
export const FUSION_CANDIDATES_MIN = 100;

/** Candidates that the answer is made from, of each list and over all shards. */
export function candidatesOf(request: SearchRequest): number {
  const wanted = request.limit + request.offset;
  return request.vector && request.keyword ? Math.max(wanted, FUSION_CANDIDATES_MIN) : wanted;
}

/** The same for every shard; `stats` is filled in after phase 0. */
export function planShardSearch(request: SearchRequest): ShardSearch {
  return {
    filter: request.filter,
    vector: request.vector,
    keyword: request.keyword,
    stats: null,
    sort: request.sort,
    candidates: candidatesOf(request),
    after: request.after === null ? null : uuidBytes(request.after),
    groupBy: request.groupBy,
    facets: request.facets,
    totalCount: request.totalCount,
    explain: request.explain,
  };
}
