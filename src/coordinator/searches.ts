/**
 * Queries over all shards of a collection: statistics (phase 0), candidates (phase 1), merge, then only the winners' objects
 * (phase 2).
 *
 * A winner may be updated between the phases: its docID is then dead and its object missing. The query is asked again, so that
 * `limit: 10` yields ten whenever ten match; after `ATTEMPTS_MAX` the rest is returned. A collection of one shard is answered by its
 * host in one turn, where nothing can come between.
 */
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { AggregateQuery, AggregateReply } from '../protocol/aggregate.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { finishAggregate, mergeAggregates } from '../query/aggregate.ts';
import { mergeKeywordStats, mergeResults, type MergedResults } from '../query/merge.ts';
import { planShardSearch } from '../query/plan.ts';
import { replyOf } from '../query/reply.ts';
import type { AggregateRequest, ShardSearch, ShardSearchResult } from '../query/shard-search.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import type { EngineHost, ObjectPage, Projection } from '../shard/host-api.ts';
import type { Catalog } from './catalog.ts';
import { checkAggregate, checkSearch } from './check-request.ts';

const ATTEMPTS_MAX = 3;

export class Searches {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  search(request: SearchRequest): Promise<SearchReply> {
    return this.catalog.consistently(
      () => this.catalog.byName(request.collection),
      (schema) => this.searchOnce(schema, request),
    );
  }

  aggregate(query: AggregateQuery): Promise<AggregateReply> {
    return this.catalog.consistently(
      () => this.catalog.get(query.collection),
      (schema) => this.aggregateOnce(schema, query),
    );
  }

  private async searchOnce(schema: CollectionSchema, request: SearchRequest): Promise<SearchReply> {
    checkSearch(request, schema);
    const projection = projectionOf(schema, request);
    if (schema.shards.length === 1) {
      const [shard] = schema.shards;
      return this.catalog.engine(shard).run((host) => host.answer(shard, request, projection));
    }
    for (let attempt = 1; ; attempt++) {
      const { merged, results } = await this.candidates(schema, request);
      const { pages, missing } = await this.fetchWinners(schema, merged, projection);
      if (missing === 0 || attempt === ATTEMPTS_MAX)
        return replyOf(
          request,
          merged,
          results,
          pages.map(({ bytes }) => bytes),
        );
    }
  }

  private async aggregateOnce(schema: CollectionSchema, query: AggregateQuery): Promise<AggregateReply> {
    checkAggregate(query, schema);
    const filter = query.search === null ? query.filter : await this.bestHits(schema, query.search);
    const request: AggregateRequest = { filter, search: null, metrics: query.metrics, groupBy: query.groupBy };
    const states = await this.onEveryShard(schema, (host, shard) => host.aggregate(shard, request));
    const groups = finishAggregate(request, mergeAggregates(states));
    if (query.groupBy === null) return { totalCount: groups[0].count, properties: groups[0].properties, groups: [] };
    const { path } = query.groupBy;
    const totalCount = groups.reduce((sum, { count }) => sum + count, 0);
    return {
      totalCount,
      properties: {},
      groups: groups.map(({ value, count, properties }) => ({ totalCount: count, properties, groupedBy: { path, value: value ?? '' } })),
    };
  }

  /** The winners of a search as a filter, so that aggregates see the best hits of all shards, not of each. */
  private async bestHits(schema: CollectionSchema, search: SearchRequest): Promise<FilterNode> {
    const { merged } = await this.candidates(schema, search);
    return { op: 'containsAny', target: { kind: 'id' }, value: merged.hits.map(({ uuid }) => uuidText(uuid)) };
  }

  private async candidates(
    schema: CollectionSchema,
    request: SearchRequest,
  ): Promise<{ merged: MergedResults; results: ShardSearchResult[] }> {
    const search = await this.withStats(schema, planShardSearch(request));
    const results = await this.onEveryShard(schema, (host, shard) => host.search(shard, search));
    return { merged: mergeResults(request, results), results };
  }

  private async withStats(schema: CollectionSchema, plan: ShardSearch): Promise<ShardSearch> {
    if (plan.keyword === null || schema.shards.length === 1) return plan;
    const stats = await this.onEveryShard(schema, (host, shard) => host.keywordStats(shard, plan));
    return { ...plan, stats: mergeKeywordStats(stats) };
  }

  /** The winners' objects, each once, and how many of them were no longer there. */
  private async fetchWinners(
    schema: CollectionSchema,
    { hits }: MergedResults,
    projection: Projection,
  ): Promise<{ pages: ObjectPage[]; missing: number }> {
    const wanted = new Map<number, Set<number>>();
    for (const { shard, docID } of hits) {
      const docIDs = wanted.get(shard);
      if (docIDs === undefined) wanted.set(shard, new Set([docID]));
      else docIDs.add(docID);
    }
    const pages = await Promise.all(
      [...wanted].map(([index, docIDs]) => {
        const shard = schema.shards[index];
        return this.catalog.engine(shard).run((host) => host.fetch(shard, Uint32Array.from(docIDs), projection));
      }),
    );
    let missing = 0;
    for (const docIDs of wanted.values()) missing += docIDs.size;
    for (const { count } of pages) missing -= count;
    return { pages, missing };
  }

  private onEveryShard<T>(schema: CollectionSchema, action: (host: EngineHost, shard: number) => Promise<T>): Promise<T[]> {
    return Promise.all(schema.shards.map((shard) => this.catalog.engine(shard).run((host) => action(host, shard))));
  }
}

function projectionOf(schema: CollectionSchema, request: SearchRequest): Projection {
  const ordinal = (named: readonly { readonly name: string; readonly ordinal: number }[], name: string): number => {
    const found = named.find((candidate) => candidate.name === name);
    if (found !== undefined) return found.ordinal;
    throw new HeddleError('InvalidInput', `${request.operation}: collection "${schema.name}" has no "${name}" to return`, {
      hint: `There is ${named.map((known) => known.name).join(', ') || 'none'}.`,
      details: { collection: schema.name, property: name },
    });
  };
  return {
    properties: request.returnProperties?.map((name) => ordinal(schema.properties, name)) ?? null,
    vectors: request.includeVectors.map((name) => ordinal(schema.vectors, name)),
  };
}
