/** Runs a query over several test shards as the coordinator does: phase 0, phase 1, merge. */
import type { SearchRequest } from '../../protocol/search-request.ts';
import { mergeKeywordStats, mergeResults, type MergedResults } from '../merge.ts';
import { planShardSearch } from '../plan.ts';
import type { TestShard } from './test-shard.ts';

const NOTHING: SearchRequest = {
  operation: 'test',
  options: [],
  collection: 'Thing',
  filter: null,
  vector: null,
  keyword: null,
  fusion: null,
  sort: [],
  limit: 10,
  offset: 0,
  after: null,
  autocut: 0,
  groupBy: null,
  facets: [],
  totalCount: false,
  returnProperties: null,
  includeVectors: [],
  explain: false,
};

export const request = (parts: Partial<SearchRequest>): SearchRequest => ({ ...NOTHING, ...parts });

export const keyword = (
  query: string,
  parts: Partial<NonNullable<SearchRequest['keyword']>> = {},
): NonNullable<SearchRequest['keyword']> => ({
  query,
  properties: [],
  operator: 'or',
  minimumMatch: 1,
  prefix: false,
  typos: 0,
  phrases: true,
  highlight: null,
  ...parts,
});

export function search(shards: readonly TestShard[], wanted: SearchRequest): MergedResults {
  const plan = planShardSearch(wanted);
  const stats = wanted.keyword ? mergeKeywordStats(shards.map((shard) => shard.query.keywordStats(plan))) : null;
  return mergeResults(
    wanted,
    shards.map((shard) => shard.query.search({ ...plan, stats })),
  );
}
