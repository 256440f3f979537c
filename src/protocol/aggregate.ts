/** An aggregation as it travels, and its answer. Metric names are Weaviate's. */
import type { FilterNode } from '../schema/filter.ts';
import type { Asked } from './asked.ts';
import type { SearchRequest } from './search-request.ts';

export interface MetricRequest {
  readonly path: string;
  /** Of `count`, `sum`, `mean`, `median`, `mode`, `minimum`, `maximum`, `topOccurrences`, `totalTrue`, `totalFalse`, `percentageTrue`, `percentageFalse`. */
  readonly metrics: readonly string[];
  readonly topOccurrencesLimit: number;
}

export interface AggregateQuery extends Asked {
  readonly collection: number;
  readonly filter: FilterNode | null;
  /** Aggregates over the best hits of this search (its limit) instead of all matches. */
  readonly search: SearchRequest | null;
  readonly metrics: readonly MetricRequest[];
  readonly groupBy: { readonly path: string; readonly limit: number } | null;
}

export interface AggregateGroup {
  readonly totalCount: number;
  /** By property path, then metric. */
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface AggregateReply extends AggregateGroup {
  readonly groups: readonly (AggregateGroup & {
    readonly groupedBy: { readonly path: string; readonly value: string | number | boolean };
  })[];
}
