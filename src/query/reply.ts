/**
 * The answer to a query as it goes to the page: the merged hits in columns, and the pages that hold their objects.
 */
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import type { MergedResults } from './merge.ts';
import type { ShardSearchResult } from './shard-search.ts';

/** `pages`: object pages that hold the objects of all hits, in any order; kept. */
export function replyOf(
  request: SearchRequest,
  { hits, groups, total, facets }: MergedResults,
  results: readonly ShardSearchResult[],
  pages: readonly Uint8Array[],
): SearchReply {
  const uuids = new Uint8Array(hits.length * 16);
  const scores = new Float64Array(hits.length);
  const distances = request.vector === null ? null : new Float64Array(hits.length);
  for (let i = 0; i < hits.length; i++) {
    const { uuid, score, distance } = hits[i];
    uuids.set(uuid, i * 16);
    scores[i] = score;
    if (distances !== null) distances[i] = distance ?? NaN;
  }
  const groupOf = new Uint32Array(groups === null ? 0 : hits.length);
  groups?.forEach((group, index) => group.hits.forEach((hit) => (groupOf[hit] = index)));
  return {
    uuids,
    scores,
    distances,
    pages,
    highlights: request.keyword?.highlight ? hits.map(({ highlights }) => highlights ?? {}) : null,
    explanations: request.explain ? hits.map(({ explanation }) => explanation) : null,
    groups: groups === null ? null : groupOf,
    groupValues: groups?.map(({ value }) => value) ?? [],
    total,
    facets,
    explain: request.explain ? { shards: results.map(({ explain }) => explain ?? {}) } : null,
  };
}
