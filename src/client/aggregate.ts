/**
 * `collection.aggregate`: counts and statistics over all objects, over those that match filters, or over the best hits of a
 * search. Metric names are Weaviate's.
 */
import type { AggregateGroup, AggregateQuery } from '../protocol/aggregate.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import type { Handle } from './handle.ts';
import { Query } from './query.ts';
import type { CallSettings, Filters } from './types.ts';

export type Metric =
  | 'count'
  | 'sum'
  | 'mean'
  | 'median'
  | 'mode'
  | 'minimum'
  | 'maximum'
  | 'topOccurrences'
  | 'totalTrue'
  | 'totalFalse'
  | 'percentageTrue'
  | 'percentageFalse';

export interface AggregateSettings<Out> extends CallSettings {
  readonly filters?: Filters<Out>;
  /** By property: which metrics. */
  readonly returnMetrics?: { readonly [K in (keyof Out & string) | `${string}.${string}`]?: readonly Metric[] };
  /** Values listed by `topOccurrences`. */
  readonly topOccurrencesLimit?: number;
}

export interface GroupedSettings<Out> extends AggregateSettings<Out> {
  readonly groupBy: { readonly property: (keyof Out & string) | `${string}.${string}`; readonly limit?: number };
}

export interface AggregateResult {
  readonly totalCount: number;
  readonly properties: AggregateGroup['properties'];
}
export interface GroupResult extends AggregateResult {
  readonly groupedBy: { readonly property: string; readonly value: string | number | boolean };
}

const TOP_OCCURRENCES = 5;
const GROUPS = 100;

/** Ends a search whose request is all that was wanted. */
const CAPTURED = new Error('captured');

export class Aggregate<Out extends object, V extends string> {
  private readonly handle: Handle;

  constructor(handle: Handle) {
    this.handle = handle;
  }

  async overAll(settings: AggregateSettings<Out> = {}): Promise<AggregateResult> {
    const { totalCount, properties } = await this.run(settings, null, null);
    return { totalCount, properties };
  }

  async groupBy(settings: GroupedSettings<Out>): Promise<readonly GroupResult[]> {
    const { groups } = await this.run(settings, settings.groupBy, null);
    return groups.map(({ groupedBy, totalCount, properties }) => ({
      groupedBy: { property: groupedBy.path, value: groupedBy.value },
      totalCount,
      properties,
    }));
  }

  /** Over the best hits of a search (its limit says how many): `overSearch((query) => query.nearText('tap', { limit: 100 }))`. */
  async overSearch(search: (query: Query<Out, V>) => Promise<unknown>, settings: AggregateSettings<Out> = {}): Promise<AggregateResult> {
    let request: SearchRequest | null = null;
    const capturing = new Query<Out, V>(this.handle, async (asked) => {
      request = asked;
      throw CAPTURED;
    });
    await search(capturing).catch((thrown: unknown) => {
      if (thrown !== CAPTURED) throw thrown;
    });
    const { totalCount, properties } = await this.run(settings, null, request);
    return { totalCount, properties };
  }

  private run(settings: AggregateSettings<Out>, groupBy: GroupedSettings<Out>['groupBy'] | null, search: SearchRequest | null) {
    const { connection, schema } = this.handle;
    const { filters, returnMetrics = {}, topOccurrencesLimit = TOP_OCCURRENCES, signal, timeoutMs } = settings;
    const query: AggregateQuery = {
      operation: 'aggregate',
      options: Object.keys(settings),
      collection: schema.id,
      filter: filters === undefined ? null : parseFilter(filters, schema),
      search,
      metrics: Object.entries(returnMetrics as Record<string, readonly Metric[]>).map(([path, metrics]) => ({
        path,
        metrics,
        topOccurrencesLimit,
      })),
      groupBy: groupBy === null ? null : { path: groupBy.property, limit: groupBy.limit ?? GROUPS },
    };
    return connection.call('aggregate', [query], { signal, timeoutMs });
  }
}
