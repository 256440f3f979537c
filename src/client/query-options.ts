/** The options of `collection.query`, and how they become the request that travels. */
import { HeddleError } from '../core/errors.ts';
import type { ReadProjection } from '../protocol/coordinator-api.ts';
import type { SearchRequest, SortKey } from '../protocol/search-request.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { describeValue, plainValue } from '../schema/describe-value.ts';
import type { GeoCoordinates } from '../schema/collection-config.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import type { CallSettings, Filters } from './types.ts';

/** Weaviate's default. */
export const LIMIT_DEFAULT = 10;

type Name<Out> = keyof Out & string;
export type SortOrder = 'asc' | 'desc' | { readonly order?: 'asc' | 'desc'; readonly from: GeoCoordinates };

export interface QuerySettings<Out, V extends string> extends CallSettings {
  readonly filters?: Filters<Out>;
  readonly limit?: number;
  readonly offset?: number;
  /** Names of the properties to return; all when left out. */
  readonly returnProperties?: readonly Name<Out>[];
  /** All vectors, or those named. */
  readonly includeVector?: boolean | readonly V[];
  /** Also count all objects that match. */
  readonly totalCount?: boolean;
  /** Most frequent values of these properties among all objects that match. */
  readonly facets?: readonly (Name<Out> | `${string}.${string}` | { readonly property: string; readonly limit?: number })[];
  /** Returns what the planner chose, with counts and times. */
  readonly explain?: boolean;
}

export interface FetchSettings<Out, V extends string> extends QuerySettings<Out, V> {
  readonly sort?: readonly Readonly<Record<string, SortOrder>>[];
  /** Objects after this UUID, in the order of UUIDs; also with filters. */
  readonly after?: string;
}

export interface RankedSettings<Out, V extends string> extends QuerySettings<Out, V> {
  /** Cuts the result after this many jumps in score. */
  readonly autoLimit?: number;
  readonly groupBy?: { readonly property: Name<Out>; readonly numberOfGroups?: number; readonly objectsPerGroup?: number };
  readonly sort?: FetchSettings<Out, V>['sort'];
}

const FACET_LIMIT = 10;
const GROUPS = 10;

/** A request with everything that all queries have; the caller adds what it searches for. Its options are checked where it arrives. */
export function baseRequest(
  operation: string,
  schema: CollectionSchema,
  settings: FetchSettings<object, string> & RankedSettings<object, string>,
): SearchRequest {
  const { groupBy, limit = LIMIT_DEFAULT } = settings;
  return {
    operation,
    options: Object.keys(settings),
    collection: schema.name,
    filter: settings.filters === undefined ? null : parseFilter(settings.filters, schema),
    vector: null,
    keyword: null,
    fusion: null,
    sort: (settings.sort ?? []).flatMap((keys) => Object.entries(keys).map(([path, order]) => sortKey(path, order))),
    limit,
    offset: settings.offset ?? 0,
    after: settings.after ?? null,
    autocut: settings.autoLimit ?? 0,
    groupBy:
      groupBy === undefined
        ? null
        : { path: groupBy.property, numberOfGroups: groupBy.numberOfGroups ?? GROUPS, objectsPerGroup: groupBy.objectsPerGroup ?? limit },
    facets: (settings.facets ?? []).map((facet) =>
      typeof facet === 'string' ? { path: facet, limit: FACET_LIMIT } : { path: facet.property, limit: facet.limit ?? FACET_LIMIT },
    ),
    totalCount: settings.totalCount === true,
    returnProperties: settings.returnProperties ?? null,
    includeVectors: vectorNames(operation, schema, settings.includeVector),
    explain: settings.explain === true,
  };
}

export function invalidOption(operation: string, option: string, value: unknown, problem: string, hint = ''): HeddleError {
  return new HeddleError('InvalidInput', `${operation}: ${option} ${problem}, got ${describeValue(value)}`, {
    hint,
    details: { property: option, value: plainValue(value) },
  });
}

/** Ordinals of what a read without ranking returns. */
export function projectionOf(
  operation: string,
  schema: CollectionSchema,
  {
    returnProperties,
    includeVector,
  }: { readonly returnProperties?: readonly string[]; readonly includeVector?: boolean | readonly string[] },
): ReadProjection {
  const names = vectorNames(operation, schema, includeVector);
  return {
    properties: returnProperties?.map((name) => known(operation, schema, name)) ?? null,
    vectors: schema.vectors.filter(({ name }) => names.includes(name)).map(({ ordinal }) => ordinal),
  };
}

function vectorNames(operation: string, schema: CollectionSchema, include: boolean | readonly string[] | undefined): string[] {
  const all = schema.vectors.map(({ name }) => name);
  if (include === true) return all;
  if (include === undefined || include === false) return [];
  for (const name of include)
    if (!all.includes(name))
      throw invalidOption(
        operation,
        'includeVector',
        name,
        'names no vector of this collection',
        `Its vectors: ${all.join(', ') || 'none'}.`,
      );
  return [...include];
}

function known(operation: string, schema: CollectionSchema, name: string): number {
  const property = schema.properties.find((candidate) => candidate.name === name);
  if (property !== undefined) return property.ordinal;
  const names = schema.properties.map((candidate) => candidate.name);
  throw invalidOption(operation, 'returnProperties', name, 'is not a property of this collection', `Known: ${names.join(', ')}.`);
}

/** What is neither is refused where it arrives. */
const sortKey = (path: string, order: SortOrder): SortKey =>
  typeof order === 'object' && order !== null ? { path, order: 'asc', ...order } : { path, order };
