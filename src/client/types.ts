/** The objects, options and results of the public API. */
import type { GeoCoordinates } from '../schema/collection-config.ts';
import type { FilterConditions, FilterInput, FilterScalar } from '../schema/filter.ts';
import type { VectorInput } from '../schema/validate-vectors.ts';

export interface CallSettings {
  readonly signal?: AbortSignal;
  /** Rejects with `Timeout` after this many milliseconds; two minutes when left out. */
  readonly timeoutMs?: number;
}

/** Vectors of an object: one where the collection has one, else by name. */
export type VectorsOption<V extends string> = VectorInput | { readonly [K in V]?: VectorInput | null };

export interface ObjectRow<In, V extends string = string> {
  readonly uuid?: string;
  readonly properties: In;
  readonly vectors?: VectorsOption<V>;
}

/** A row of a call with many: the properties themselves, or with a UUID or vectors of your own. */
export type Row<In, V extends string = string> = In | ObjectRow<In, V>;

export interface ObjectMetadata {
  /** Higher is better; 0 where nothing was ranked. */
  readonly score: number;
  readonly distance?: number;
  /** 1 − distance / 2; cosine only. */
  readonly certainty?: number;
  readonly creationTime: Date;
  readonly updateTime: Date;
  readonly explainScore?: string;
  /** By property: fragments with the matches between `<em>` and `</em>`. */
  readonly highlights?: Readonly<Record<string, readonly string[]>>;
}

export interface StoredObject<Out, V extends string = string> {
  readonly uuid: string;
  readonly properties: Out;
  readonly metadata: ObjectMetadata;
  /** Only those asked for. */
  readonly vectors: { readonly [K in V]?: Float32Array };
}

export interface Facet {
  readonly property: string;
  readonly values: readonly { readonly value: string | number | boolean; readonly count: number }[];
}

export interface Group<Out, V extends string = string> {
  readonly value: string | number | boolean;
  readonly objects: StoredObject<Out, V>[];
}

export interface QueryResult<Out, V extends string = string> {
  readonly objects: StoredObject<Out, V>[];
  /** Only with `totalCount`: how many objects match. */
  readonly total?: number;
  readonly facets?: readonly Facet[];
  readonly groups?: readonly Group<Out, V>[];
  /** Only with `explain`: what the planner chose, with counts and times. */
  readonly explain?: Readonly<Record<string, unknown>>;
}

type Element<T> = T extends readonly (infer E)[] ? E : T;
type Scalar<T> = T extends Date ? Date | string : Element<T> extends Date ? Date | string : Element<T> & FilterScalar;
type ConditionsOn<T> = T extends GeoCoordinates
  ? Pick<FilterConditions, 'withinGeoRange' | 'isNull'>
  : {
      readonly [
        K in Exclude<keyof FilterConditions, 'withinGeoRange' | 'isNull' | 'like' | 'containsAny' | 'containsAll' | 'containsNone'>
      ]?: Scalar<T>;
    } & {
      readonly [K in 'containsAny' | 'containsAll' | 'containsNone']?: readonly Scalar<T>[];
    } & { readonly isNull?: boolean } & ([Element<T>] extends [string] ? { readonly like?: string } : unknown);

type PathConditions = { readonly [path: `${string}.${string}` | `len(${string})` | `_${string}`]: FilterConditions | FilterScalar };

/**
 * Conditions by property, all of which must hold; `and`, `or`, `not` make trees. Also `len(tags)`, `author.name`, `_id`,
 * `_creationTime`, `_updateTime`.
 */
export type Filters<Out> =
  | ({ readonly [K in keyof Out]?: ConditionsOn<NonNullable<Out[K]>> | Scalar<NonNullable<Out[K]>> } & PathConditions)
  | { readonly and: readonly Filters<Out>[] }
  | { readonly or: readonly Filters<Out>[] }
  | { readonly not: Filters<Out> };

/** The untyped form, which `Filters` narrows. */
export type AnyFilters = FilterInput;

export interface Progress {
  readonly done: number;
  readonly total: number;
}
