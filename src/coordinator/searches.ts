/**
 * Queries over all shards of a collection: statistics (phase 0), candidates (phase 1), merge, then only the winners' objects
 * (phase 2).
 *
 * A winner may be updated between the phases: its docID is then dead and its object missing. The query is asked again, so that
 * `limit: 10` yields ten whenever ten match; after `ATTEMPTS_MAX` the rest is returned.
 */
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { AggregateQuery, AggregateReply } from '../protocol/aggregate.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { finishAggregate, mergeAggregates } from '../query/aggregate.ts';
import { mergeKeywordStats, mergeResults, type MergedResult } from '../query/merge.ts';
import { planShardSearch } from '../query/plan.ts';
import type { AggregateRequest, ShardSearch } from '../query/shard-search.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import type { EngineHost, ObjectPage, Projection } from '../shard/host-api.ts';
import type { Catalog } from './catalog.ts';

const ATTEMPTS_MAX = 3;

export class Searches {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  async search(request: SearchRequest): Promise<SearchReply> {
    const schema = this.catalog.byName(request.collection);
    const projection = projectionOf(schema, request);
    for (let attempt = 1; ; attempt++) {
      const merged = await this.candidates(schema, request);
      const pages = await this.fetchWinners(schema, merged, projection);
      const found = pages.reduce((sum, page) => sum + page.count, 0);
      if (found >= merged.winners.length || attempt === ATTEMPTS_MAX) return replyOf(request, merged, pages);
    }
  }

  async aggregate(query: AggregateQuery): Promise<AggregateReply> {
    const schema = this.catalog.get(query.collection);
    const filter = query.search === null ? query.filter : await this.bestHits(schema, query.search);
    const request: AggregateRequest = { filter, search: null, metrics: query.metrics, groupBy: query.groupBy };
    const states = await this.onEveryShard(schema, (host, shard) => host.aggregate(shard, request));
    return finishAggregate(mergeAggregates(states), request);
  }

  /** The winners of a search as a filter, so that aggregates see the best hits of all shards, not of each. */
  private async bestHits(schema: CollectionSchema, search: SearchRequest): Promise<FilterNode> {
    const { winners } = await this.candidates(schema, search);
    return { op: 'containsAny', target: { kind: 'id' }, value: winners.map(({ uuid }) => uuidText(uuid)) };
  }

  private async candidates(schema: CollectionSchema, request: SearchRequest): Promise<MergedResult> {
    const plan = planShardSearch(request, schema);
    const search = await this.withStats(schema, plan);
    return mergeResults(request, await this.onEveryShard(schema, (host, shard) => host.search(shard, search)));
  }

  private async withStats(schema: CollectionSchema, plan: ShardSearch): Promise<ShardSearch> {
    if (plan.keyword === null || schema.shards.length === 1) return plan;
    const stats = await this.onEveryShard(schema, (host, shard) => host.keywordStats(shard, plan));
    return { ...plan, stats: mergeKeywordStats(stats) };
  }

  private fetchWinners(schema: CollectionSchema, { winners }: MergedResult, projection: Projection): Promise<ObjectPage[]> {
    const wanted = new Map<number, number[]>();
    for (const { shard, docID } of winners) {
      const docIDs = wanted.get(shard);
      if (docIDs === undefined) wanted.set(shard, [docID]);
      else docIDs.push(docID);
    }
    return Promise.all(
      [...wanted].map(([index, docIDs]) => {
        const shard = schema.shards[index];
        return this.catalog.engine(shard).run((host) => host.fetch(shard, Uint32Array.from(docIDs), projection));
      }),
    );
  }

  private onEveryShard<T>(schema: CollectionSchema, action: (host: EngineHost, shard: number) => Promise<T>): Promise<T[]> {
    return Promise.all(schema.shards.map((shard) => this.catalog.engine(shard).run((host) => action(host, shard))));
  }
}

function projectionOf(schema: CollectionSchema, request: SearchRequest): Projection {
  const ordinal = (named: readonly { readonly name: string; readonly ordinal: number }[], name: string): number => {
    const found = named.find((candidate) => candidate.name === name);
    if (found !== undefined) return found.ordinal;
    throw new HeddleError('InvalidInput', `collection "${schema.name}" has no "${name}" to return`, { details: { collection: schema.name, property: name } });
  };
  return {
    properties: request.returnProperties?.map((name) => ordinal(schema.properties, name)) ?? null,
    vectors: request.includeVectors.map((name) => ordinal(schema.vectors, name)),
  };
}

function replyOf(request: SearchRequest, merged: MergedResult, pages: readonly ObjectPage[]): SearchReply {
  const { winners } = merged;
  const uuids = new Uint8Array(winners.length * 16);
  winners.forEach(({ uuid }, i) => uuids.set(uuid, i * 16));
  const groupValues: (string | number | boolean)[] = [];
  const groupOf = (value: string | number | boolean): number => {
    const known = groupValues.indexOf(value);
    return known >= 0 ? known : groupValues.push(value) - 1;
  };
  return {
    uuids,
    scores: Float64Array.from(winners, ({ score }) => score),
    distances: request.vector === null ? null : Float64Array.from(winners, ({ distance }) => distance ?? NaN),
    pages: pages.map(({ bytes }) => bytes),
    highlights: request.keyword?.highlight == null ? null : winners.map(({ highlights }) => highlights ?? {}),
    explanations: request.explain ? winners.map(({ explanation }) => explanation ?? '') : null,
    groups: request.groupBy === null ? null : Uint32Array.from(winners, ({ group }) => groupOf(group ?? '')),
    groupValues,
    total: merged.total,
    facets: merged.facets,
    explain: merged.explain,
  };
}
