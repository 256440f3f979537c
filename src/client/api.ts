/** What the package publishes besides `connect`: the same in browsers and in Node. */
export { HeddleError, type ErrorCode } from '../core/errors.ts';
export type {
  CollectionSchema,
  DataType,
  Distance,
  IndexSettings,
  PropertySchema,
  Tokenization,
  VectorSchema,
  GraphTuning,
} from '../schema/collection-schema.ts';
export type {
  CollectionConfig,
  GeoCoordinates,
  InputOf,
  OutputOf,
  PropertiesConfig,
  PropertyConfig,
  VectorConfig,
  VectorsOf,
} from '../schema/collection-config.ts';
export type { VectorInput } from '../schema/validate-vectors.ts';
export type { AggregateResult, AggregateSettings, GroupResult, GroupedSettings, Metric } from './aggregate.ts';
export type { BackupSettings, RestoreResult, RestoreSettings } from './backup.ts';
export { Collection, type CollectionChange } from './collection.ts';
export { Collections } from './collections.ts';
export type { InsertSettings, ManyResult, ManySettings, MatchingResult, MatchingSettings } from './data.ts';
export { Database, type StorageReport } from './database.ts';
export type { IteratorSettings } from './iterator.ts';
export type { ImportResult, ImportSettings } from './jsonl.ts';
export type { ConnectOptions, LogFunction } from './options.ts';
export type { HybridSettings, KeywordSettings, NearSettings, TargetVector } from './query.ts';
export type { FetchSettings, QuerySettings, RankedSettings } from './query-options.ts';
export type { Facet, Filters, Group, ObjectMetadata, ObjectRow, Progress, QueryResult, Row, StoredObject } from './types.ts';
export type { EmbedOptions, Vectorizer } from './vectorizer.ts';
export type { VectorizingStatus } from './vectorizing-status.ts';
