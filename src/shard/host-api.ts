/**
 * What the coordinator asks of an engine worker's host of shards. The same interface is served in-process (Node, tests) and
 * across a port (`src/protocol` frames); every value is structured-cloneable, every failure a `HeddleError`.
 *
 * - Calls on one host run in the order they arrive. Reads are answered within their turn; a read sees every write that was
 *   acknowledged before it arrived.
 * - `write` resolves once the record is durable as `durability` says. Writes that wait together share one write and one flush.
 * - A host that met a failed log write is poisoned: it answers `StorageUnavailable` until it is opened again.
 */
import type { GpuReport } from '../protocol/coordinator-api.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { AggregateRequest, AggregateState, KeywordStats, ShardSearch, ShardSearchResult } from '../query/shard-search.ts';
import type { VectorIndexHealth } from '../vector/vector-index.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import type { FilterNode } from '../schema/filter.ts';

/** Applied once however often it is sent. */
export interface RequestId {
  /** 16 bytes: the client's UUID. */
  readonly client: Uint8Array;
  /** Rises with every request of that client. */
  readonly sequence: number;
}

export interface WriteRequest {
  readonly shard: number;
  readonly request: RequestId;
  /** `src/protocol/write-batch.ts` entries; transferred. */
  readonly batch: Uint8Array;
  /** Atomic: the first entry that fails (Conflict, NotFound) fails the batch and nothing of it is kept. Otherwise failing entries are reported and the rest is written. */
  readonly atomic: boolean;
}

export interface WriteFailure {
  /** Index of the entry in the batch. */
  readonly index: number;
  readonly error: import('../core/errors.ts').PlainError;
}

export interface WriteAck {
  /** `power`: survives a power cut. `process`: survives a killed browser. */
  readonly durability: 'power' | 'process';
  /** Sequence number of the record; rises with every batch of the shard. */
  readonly sequence: number;
  /** Entries written. */
  readonly written: number;
  readonly failures: readonly WriteFailure[];
  /** True when this request had been applied before and was answered from the request table. */
  readonly repeated: boolean;
}

/** Objects as they lie in the store, to be decoded on the page (`src/protocol/object-page.ts`). */
export interface ObjectPage {
  readonly count: number;
  readonly bytes: Uint8Array;
}

export interface Projection {
  /** Ordinals of properties to return; null: all. */
  readonly properties: readonly number[] | null;
  /** Ordinals of vectors to return. */
  readonly vectors: readonly number[];
}

export interface PendingVector {
  readonly uuid: Uint8Array;
  readonly docID: number;
  /** The properties the vector is made from, as JSON array by ordinal. */
  readonly properties: Uint8Array;
}

/** How far the building of the next indexes has come. */
export interface ReindexStats {
  /** docIDs looked at, of `total`. */
  readonly done: number;
  readonly total: number;
  /** They are whole and will be whole after any crash: they may take the place of those in use. */
  readonly ready: boolean;
}

export interface ShardStats {
  readonly shard: number;
  readonly objects: number;
  readonly sequence: number;
  readonly memtableBytes: number;
  readonly segments: number;
  readonly segmentBytes: number;
  /** Null when nothing is being re-indexed. */
  readonly reindex: ReindexStats | null;
  /** Ordinals of indexes with damage in the segments, where objects are whole: to be built anew from them. */
  readonly damagedIndexes: readonly number[];
  readonly vectors: readonly {
    readonly ordinal: number;
    readonly rows: number;
    readonly pending: number;
    readonly backlog: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
  }[];
}

export interface HostStats {
  readonly logBytes: number;
  readonly diskBytes: number;
  readonly freeBytes: number;
  readonly settled: boolean;
  readonly flushes: number;
  readonly commits: number;
  readonly quarantined: readonly string[];
  /** Null while the GPU was not asked for. */
  readonly gpu?: GpuReport | null;
  readonly shards: readonly ShardStats[];
}

export interface EngineHost {
  /**
   * Creates the shard, or takes over a newer schema; the same version again is a no-op. Durable when it resolves. `completes`: a change
   * that a crash left half done; a host that is read only then takes it for itself.
   */
  putShard(shard: number, schema: CollectionSchema, completes?: boolean): Promise<void>;
  dropShard(shard: number): Promise<void>;
  shards(): Promise<readonly { readonly shard: number; readonly schema: CollectionSchema }[]>;

  write(request: WriteRequest): Promise<WriteAck>;

  /** The objects of these UUIDs (16 bytes each, concatenated), in that order, missing ones left out. */
  get(shard: number, uuids: Uint8Array, projection: Projection): Promise<ObjectPage>;
  exists(shard: number, uuids: Uint8Array): Promise<boolean[]>;
  /** Objects in UUID order after the UUID `after` (null: from the start); `last` goes on from a full page, null: there are no more. */
  scan(
    shard: number,
    after: Uint8Array | null,
    limit: number,
    projection: Projection,
  ): Promise<ObjectPage & { readonly last: Uint8Array | null }>;
  /**
   * Objects after `after` (4-byte docID key; null: from the start) in the order of their docIDs, those left out that can't be read:
   * `lost` counts them. What keys and indexes say does not matter; a vector that can't be read is missing from its object.
   */
  salvage(
    shard: number,
    after: Uint8Array | null,
    limit: number,
    projection: Projection,
  ): Promise<ObjectPage & { readonly last: Uint8Array | null; readonly lost: number }>;
  count(shard: number): Promise<number>;

  keywordStats(shard: number, search: ShardSearch): Promise<KeywordStats>;
  search(shard: number, search: ShardSearch): Promise<ShardSearchResult>;
  /** Phase 2: the winners' objects, by docID, in that order. */
  fetch(shard: number, docIDs: Uint32Array, projection: Projection): Promise<ObjectPage>;
  /** All phases in one turn, for a collection of one shard. */
  answer(shard: number, request: SearchRequest, projection: Projection): Promise<SearchReply>;
  aggregate(shard: number, request: AggregateRequest): Promise<AggregateState>;
  /** UUIDs (16 bytes each, concatenated) of live objects that match, in UUID order, for deleteMany and updateMany. */
  match(shard: number, filter: FilterNode | null, limit: number): Promise<Uint8Array>;

  /** Objects that still wait for a background vector, oldest first. */
  pendingVectors(shard: number, vector: number, limit: number): Promise<readonly PendingVector[]>;

  /** What the index of one vector (by ordinal) says of itself; null while it has no rows. Samples recall: takes tens of milliseconds. */
  vectorHealth(shard: number, vector: number): Promise<VectorIndexHealth | null>;

  /** One slice of background work over all shards; false when nothing is left to do. */
  maintain(budgetMs: number): Promise<boolean>;
  /** Flushes all memtables to segments. */
  flush(): Promise<void>;
  /** Merges and checkpoints until nothing is left; for tests, benches and `db.compact()`. */
  compact(): Promise<void>;
  verify(): Promise<readonly string[]>;
  stats(): Promise<HostStats>;
  /** Resolves when all pool files are settled and acknowledgements are `power` by themselves. */
  settled(): Promise<void>;
  close(): Promise<void>;
}
