/**
 * A collection's schema in its normal form: every default filled in, plain serialisable data, kept in the catalog.
 * The form a user writes is `CollectionConfig` (`collection-config.ts`); `normalize` makes one from the other.
 *
 * Invariants:
 * - `ordinal` of a property or vector is given once and never reused, also after a drop: stored objects and buckets are
 *   keyed by it, so a rename touches no data and a dropped property can never reappear under a new name.
 * - `version` rises with every change; a write made against an older version is validated again.
 * Unknown fields from a newer minor version are kept as they are.
 */

export type ScalarType = 'text' | 'int' | 'number' | 'boolean' | 'date' | 'uuid';
export type DataType = ScalarType | `${ScalarType}[]` | 'geoCoordinates' | 'object' | 'object[]';

export type Tokenization = 'word' | 'lowercase' | 'whitespace' | 'field' | 'trigram';
export type Distance = 'cosine' | 'dot' | 'l2-squared' | 'manhattan' | 'hamming';

/** How a property is indexed; changed by `config.updateProperty`. */
export interface IndexSettings {
  readonly tokenization: Tokenization;
  readonly indexFilterable: boolean;
  readonly indexSearchable: boolean;
  readonly indexRangeFilters: boolean;
  /** Letters with accents are indexed and searched without. */
  readonly asciiFold: boolean;
  /** Snowball language, or null for none. */
  readonly stemming: string | null;
}

/** An index that is being built: its settings, and the ordinal that its buckets are named by. */
export interface NextIndex extends IndexSettings {
  readonly index: number;
}

export interface PropertySchema extends IndexSettings {
  readonly ordinal: number;
  readonly name: string;
  readonly type: DataType;
  /** An object may leave it out or set it to null. */
  readonly optional: boolean;
  readonly description: string;
  /** The ordinal that its index's buckets are named by, once it has been re-indexed; absent: its own. */
  readonly index?: number;
  /** Built in the background, to take the place of the index in use. */
  readonly next?: NextIndex;
  /** For `object` and `object[]`. */
  readonly nested: readonly PropertySchema[];
}

export interface HnswConfig {
  readonly type: 'hnsw';
  readonly maxConnections: number;
  readonly efConstruction: number;
  /** -1: dynamic, clamp(k × dynamicEfFactor, dynamicEfMin, dynamicEfMax). */
  readonly ef: number;
  readonly dynamicEfMin: number;
  readonly dynamicEfMax: number;
  readonly dynamicEfFactor: number;
  /** An allow-list smaller than this is scanned exactly; -1: the planner decides by measured cost. */
  readonly flatSearchCutoff: number;
  readonly filterStrategy: 'acorn' | 'sweeping';
}
/** What can be changed of a graph that is there: all but what is in every node of it. */
export type GraphTuning = Partial<Omit<HnswConfig, 'type' | 'maxConnections'>>;
export interface FlatConfig {
  readonly type: 'flat';
}
export interface DynamicConfig {
  readonly type: 'dynamic';
  /** Rows from which a flat index becomes an HNSW graph. */
  readonly threshold: number;
  readonly hnsw: HnswConfig;
}
export type VectorIndexConfig = HnswConfig | FlatConfig | DynamicConfig;

export interface QuantizerConfig {
  readonly type: 'none' | 'sq' | 'bq' | 'pq';
  readonly rescoreLimit: number;
  readonly trainingLimit: number;
  /** PQ only; 0: chosen from the dimensions. */
  readonly segments: number;
  readonly centroids: number;
}

export interface VectorSchema {
  readonly ordinal: number;
  readonly name: string;
  /** 0 until the first vector or the vectorizer fixes it. */
  readonly dimensions: number;
  readonly distance: Distance;
  readonly index: VectorIndexConfig;
  readonly quantizer: QuantizerConfig;
  /** Identity of the model that makes these vectors; another one is refused. Null: the app brings its own vectors. */
  readonly vectorizer: { readonly id: string; readonly dimensions: number } | null;
  /** Properties whose text is embedded, in this order. */
  readonly from: readonly string[];
  /** `write`: embedded before the write is sent. `background`: acknowledged first, embedded later. */
  readonly when: 'write' | 'background';
}

export interface InvertedIndexConfig {
  readonly k1: number;
  readonly b: number;
  readonly stopwords: { readonly preset: string; readonly additions: readonly string[]; readonly removals: readonly string[] };
  readonly indexNullState: boolean;
  readonly indexPropertyLength: boolean;
  readonly indexTimestamps: boolean;
}

export interface CollectionSchema {
  /** Never reused within a database. */
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly properties: readonly PropertySchema[];
  /** Ordinals below this were given out; the next property or vector takes it. */
  readonly nextOrdinal: number;
  readonly vectors: readonly VectorSchema[];
  /** Property whose value gives the object's UUID (version 5), or null. */
  readonly key: string | null;
  /** Namespace of the version 5 UUIDs, fixed at creation. */
  readonly keyNamespace: string;
  readonly invertedIndex: InvertedIndexConfig;
  /** The ordinal that the time index's buckets are named by, once it was switched on later; absent: buckets 18 and 19. */
  readonly timesIndex?: number;
  /** What takes the place of `invertedIndex` and `timesIndex` once every index that is being built is whole. */
  readonly next?: { readonly invertedIndex: InvertedIndexConfig; readonly timesIndex?: number };
  /** Physical shards; `shardOf[v]` is the shard that holds virtual shard v. */
  readonly shards: readonly number[];
  readonly shardOf: readonly number[];
}
