/**
 * What a client may ask of the coordinator: method names, arguments and answers, all plain data. Both ends are typed by this one
 * list; a change of meaning raises `PROTOCOL_VERSION`.
 *
 * Collections are named by id once they are open, so that a call can't reach another collection of the same name. Writes say
 * which schema version they were encoded for; an older one is refused with `SchemaConflict` and `details.stale`, and the client
 * encodes again.
 */
import type { CollectionConfig, PropertyConfig, VectorConfig, VectorizerIdentity } from '../schema/collection-config.ts';
import type { CollectionSchema, GraphTuning, IndexSettings } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import type { PlainError } from '../core/errors.ts';
import type { AggregateQuery, AggregateReply } from './aggregate.ts';
import type { Asked } from './asked.ts';
import type { SearchReply } from './search-reply.ts';
import type { SearchRequest } from './search-request.ts';

export type Durability = 'power' | 'process';

export interface HelloReply {
  /** Names one opening of the database; another one means that the owner changed. */
  readonly ownerId: string;
  readonly schemas: readonly CollectionSchema[];
  readonly durability: 'strict' | 'relaxed';
  /** The browser had deleted the database; this is a new, empty one. */
  readonly evicted: boolean;
}

export type SchemaChange =
  | { readonly kind: 'addProperty'; readonly name: string; readonly config: PropertyConfig }
  | { readonly kind: 'addVector'; readonly name: string; readonly config: VectorConfig }
  | { readonly kind: 'dropProperty'; readonly name: string }
  | { readonly kind: 'renameProperty'; readonly from: string; readonly to: string }
  | { readonly kind: 'fixDimensions'; readonly ordinal: number; readonly dimensions: number }
  | { readonly kind: 'reembed'; readonly name: string; readonly vectorizer: VectorizerIdentity }
  | { readonly kind: 'updateVector'; readonly name: string; readonly tuning: GraphTuning }
  | { readonly kind: 'updateProperty'; readonly name: string; readonly index: Partial<IndexSettings> }
  | { readonly kind: 'updateInvertedIndex'; readonly invertedIndex: NonNullable<CollectionConfig['invertedIndex']> };

export interface WriteCall {
  /** Left out by the coordinator itself. */
  readonly asked?: Asked;
  readonly collection: number;
  readonly version: number;
  /** The client's own count of writes: names the request for ever, together with the client's UUID. */
  readonly sequence: number;
  /** `write-batch.ts` entries. */
  readonly batch: Uint8Array;
  /** Per shard: the first entry that fails fails the shard's part and nothing of it is kept. */
  readonly atomic: boolean;
}

export interface WriteReply {
  readonly durability: Durability;
  readonly written: number;
  /** `index` is the entry's place in the batch. */
  readonly failures: readonly { readonly index: number; readonly error: PlainError }[];
}

export interface MatchCall extends Asked {
  readonly collection: number;
  readonly version: number;
  readonly filter: FilterNode | null;
  /** The patch of an update (JSON object from ordinal to value); null: delete. */
  readonly patch: Uint8Array | null;
}

export interface MatchReply {
  readonly matched: number;
  readonly written: number;
  readonly durability: Durability;
  readonly failures: readonly { readonly uuid: string; readonly error: PlainError }[];
}

export interface ReadProjection {
  readonly properties: readonly number[] | null;
  readonly vectors: readonly number[];
}

export interface ScanCursor {
  /** Index into the collection's shards. */
  readonly shard: number;
  readonly after: Uint8Array | null;
}

export interface ScanReply {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Where to go on; null at the end. */
  readonly next: ScanCursor | null;
}

export interface BackupCursor {
  /** Index of the collection. */
  readonly collection: number;
  /** Its schema has been written. */
  readonly begun: boolean;
  readonly scan: ScanCursor | null;
  /** Objects written so far, and those left out because they can't be read. */
  readonly objects: number;
  readonly lost: number;
}

export interface BackupPart {
  readonly bytes: Uint8Array;
  /** Null after the end. */
  readonly next: BackupCursor | null;
}

export interface RestoreReply {
  readonly collections: readonly string[];
  readonly objects: number;
}

export interface PendingObject {
  readonly uuid: Uint8Array;
  readonly docID: number;
  readonly properties: Uint8Array;
}

export interface VectorizingReply {
  readonly rows: number;
  readonly pending: number;
  readonly paused: boolean;
}

export interface CollectionStats {
  readonly name: string;
  /** Properties whose postings are damaged (`_times`: those of time stamps): they are being built anew from the objects. */
  readonly damagedIndexes: readonly string[];
  readonly objects: number;
  readonly segments: number;
  readonly segmentBytes: number;
  readonly memtableBytes: number;
  readonly vectors: readonly {
    readonly name: string;
    readonly rows: number;
    readonly pending: number;
    readonly backlog: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
  }[];
}

/** The GPU as the engines know it. */
export interface GpuReport {
  /** `idle`: not asked for yet. `absent`: no adapter. `lost`: it went away and is asked for again later. */
  readonly state: 'idle' | 'ready' | 'absent' | 'lost' | 'forbidden';
  readonly mode: 'auto' | 'force' | 'forbid';
  /** Null until an adapter was opened. A software adapter is never used by itself. */
  readonly adapter: { readonly description: string; readonly isSoftware: boolean } | null;
  /** What the device was measured to do; null: not measured. */
  readonly costs: { readonly roundTripMs: number; readonly uploadBytesPerMs: number; readonly walkTermsPerMs: number } | null;
  readonly memoryBytes: number;
  /** Kernels compared with plain code at start, and those that were wrong and are not used. */
  readonly kernelsChecked: number;
  readonly kernelsWrong: readonly string[];
  readonly jobsRun: number;
  readonly jobsDeclined: number;
  readonly jobsFailed: number;
  readonly devicesLost: number;
  readonly lastFailure: string | null;
}

export interface DatabaseStats {
  /** Null while no batch of searches was large enough to ask for the GPU. */
  readonly gpu: GpuReport | null;
  readonly diskBytes: number;
  readonly logBytes: number;
  readonly freeBytes: number;
  readonly settled: boolean;
  readonly engines: number;
  readonly engineRestarts: number;
  readonly clients: number;
  readonly quarantined: readonly string[];
  readonly collections: readonly CollectionStats[];
}

/** Told to every client: what a write changed. More UUIDs than `CHANGED_UUIDS_MAX` are not listed. */
export interface ChangeEvent {
  readonly collection: number;
  readonly kind: 'write' | 'drop';
  readonly uuids: readonly string[];
  readonly truncated: boolean;
}

export interface CoordinatorApi {
  hello(clientId: Uint8Array, protocolVersion: number): HelloReply;
  /** Crosses to an engine worker and back. */
  ping(): null;
  createCollection(name: string, config: CollectionConfig): CollectionSchema;
  ensureCollection(name: string, config: CollectionConfig): CollectionSchema;
  changeCollection(collection: number, change: SchemaChange): CollectionSchema;
  describeCollection(collection: number): CollectionSchema;
  /** Answers once nothing of the collection is being re-indexed, with progress (objects looked at) until then. */
  reindexed(collection: number): CollectionSchema;
  /** Whether it was there. */
  dropCollection(name: string): boolean;

  write(call: WriteCall): WriteReply;
  writeMatching(call: MatchCall): MatchReply;

  get(collection: number, uuids: Uint8Array, projection: ReadProjection): readonly Uint8Array[];
  exists(collection: number, uuids: Uint8Array): readonly boolean[];
  scan(collection: number, cursor: ScanCursor | null, limit: number, projection: ReadProjection): ScanReply;
  count(collection: number): number;
  match(collection: number, filter: FilterNode | null, limit: number): Uint8Array;
  search(request: SearchRequest): SearchReply;
  aggregate(query: AggregateQuery): AggregateReply;

  /** Objects that wait for a vector, lent to this client for a while. */
  leasePending(collection: number, vector: number, limit: number): readonly PendingObject[];
  /** Gives a lease back: embedded or not. */
  returnPending(collection: number, vector: number, uuids: Uint8Array): null;
  vectorizing(collection: number, vector: number): VectorizingReply;
  pauseVectorizing(collection: number, paused: boolean): null;

  /** `salvaging`: goes on past what is damaged. */
  backupPart(collections: readonly string[] | null, cursor: BackupCursor | null, salvaging: boolean): BackupPart;
  restoreBegin(): number;
  /** The next bytes of the stream; null at its end. */
  restoreFeed(restore: number, bytes: Uint8Array | null): RestoreReply;

  /** Whether this client wants change events. */
  watch(watching: boolean): null;
  stats(): DatabaseStats;
  health(collection: number, vector: number): readonly unknown[];
  flush(): null;
  compact(): null;
  verify(): readonly string[];
  settled(): null;
  /** This client leaves. */
  goodbye(): null;
}

export type ApiMethod = keyof CoordinatorApi;
export type ApiArgs<M extends ApiMethod> = Parameters<CoordinatorApi[M]>;
export type ApiReply<M extends ApiMethod> = ReturnType<CoordinatorApi[M]>;
