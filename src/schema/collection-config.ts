/**
 * A collection as a user writes it, and the TypeScript types that follow from it.
 *
 * `{ title: 'text', tags: 'text[]', stars: 'int?', path: { type: 'text', tokenization: 'field' } }`: a property is required
 * unless its type ends in `?`. Everything left out takes Weaviate's default (`normalize.ts`). Plain serialisable data, but
 * for a vectorizer's `embed` function, which the client strips before the config travels.
 */
import type {
  DataType,
  Distance,
  DynamicConfig,
  HnswConfig,
  InvertedIndexConfig,
  QuantizerConfig,
  ScalarType,
  Tokenization,
} from './collection-schema.ts';

export type PropertyType = DataType | `${DataType}?`;

export interface PropertyOptions {
  readonly type: PropertyType;
  /** The same as a `?` after the type. */
  readonly optional?: boolean;
  readonly description?: string;
  /** `text` and `text[]` only. */
  readonly tokenization?: Tokenization;
  readonly indexFilterable?: boolean;
  readonly indexSearchable?: boolean;
  readonly indexRangeFilters?: boolean;
  readonly asciiFold?: boolean;
  /** Snowball language, for example `english`. */
  readonly stemming?: string | null;
  /** For `object` and `object[]`: the properties inside. */
  readonly properties?: PropertiesConfig;
}

export type PropertyConfig = PropertyType | PropertyOptions;
export type PropertiesConfig = { readonly [name: string]: PropertyConfig };

/** Who makes the vectors: its identity is kept in the schema, and another one is refused. */
export interface VectorizerIdentity {
  readonly id: string;
  readonly dimensions: number;
}

export interface VectorConfig {
  readonly dimensions?: number;
  readonly distance?: Distance;
  readonly index?:
    | 'hnsw'
    | 'flat'
    | 'dynamic'
    | ({ readonly type: 'hnsw' } & Partial<Omit<HnswConfig, 'type'>>)
    | { readonly type: 'flat' }
    | { readonly type: 'dynamic'; readonly threshold?: DynamicConfig['threshold']; readonly hnsw?: Partial<Omit<HnswConfig, 'type'>> };
  readonly quantizer?: QuantizerConfig['type'] | ({ readonly type: QuantizerConfig['type'] } & Partial<Omit<QuantizerConfig, 'type'>>);
  readonly vectorizer?: VectorizerIdentity;
  /** Text properties that are embedded, in this order; default: every `text` property. */
  readonly from?: readonly string[];
  readonly when?: 'write' | 'background';
}

export interface CollectionConfig {
  readonly description?: string;
  readonly properties: PropertiesConfig;
  readonly vectors?: { readonly [name: string]: VectorConfig };
  /** A required text, uuid or int property whose value gives the object's UUID. */
  readonly key?: string;
  readonly invertedIndex?: Partial<Omit<InvertedIndexConfig, 'stopwords'>> & {
    readonly stopwords?: Partial<InvertedIndexConfig['stopwords']>;
  };
  /** Physical shards, fixed at creation; default: one for each engine worker. */
  readonly shards?: number;
}

export interface GeoCoordinates {
  readonly latitude: number;
  readonly longitude: number;
}

type ScalarIn = { text: string; int: number; number: number; boolean: boolean; date: Date | string; uuid: string };
type ScalarOut = { text: string; int: number; number: number; boolean: boolean; date: Date; uuid: string };
type Direction = 'in' | 'out';
type ScalarOf<T extends ScalarType, D extends Direction> = D extends 'in' ? ScalarIn[T] : ScalarOut[T];

type ValueOf<T extends string, P, D extends Direction> = T extends ScalarType
  ? ScalarOf<T, D>
  : T extends `${infer S extends ScalarType}[]`
    ? D extends 'in'
      ? readonly ScalarOf<S, D>[]
      : ScalarOf<S, D>[]
    : T extends 'geoCoordinates'
      ? GeoCoordinates
      : T extends 'object'
        ? NestedOf<P, D>
        : T extends 'object[]'
          ? NestedOf<P, D>[]
          : never;

type NestedOf<P, D extends Direction> = P extends { readonly properties: infer N extends PropertiesConfig }
  ? PropertiesOf<N, D>
  : Record<string, unknown>;

type TypeTextOf<C> = C extends { readonly type: infer T extends string } ? T : C extends string ? C : never;
type Bare<T extends string> = T extends `${infer B}?` ? B : T;
type IsOptional<C> = C extends { readonly optional: true } ? true : TypeTextOf<C> extends `${string}?` ? true : false;

type OptionalNames<P extends PropertiesConfig> = { [K in keyof P]: IsOptional<P[K]> extends true ? K : never }[keyof P];
type Flat<T> = { [K in keyof T]: T[K] };

/** The object type of a property list; `in`: as written (dates also as ISO text), `out`: as read. */
export type PropertiesOf<P extends PropertiesConfig, D extends Direction> = Flat<
  { -readonly [K in Exclude<keyof P, OptionalNames<P>>]: ValueOf<Bare<TypeTextOf<P[K]>>, P[K], D> } & {
    -readonly [K in OptionalNames<P>]?: ValueOf<Bare<TypeTextOf<P[K]>>, P[K], D> | (D extends 'in' ? null : never);
  }
>;

/** What one writes into a collection of this config. */
export type InputOf<C extends CollectionConfig> = PropertiesOf<C['properties'], 'in'>;
/** What one reads from it. */
export type OutputOf<C extends CollectionConfig> = PropertiesOf<C['properties'], 'out'>;
/** Names of its vectors. */
export type VectorsOf<C extends CollectionConfig> = C extends { readonly vectors: infer V } ? keyof V & string : never;
