/**
 * The engine worker's host of shards: one log for all of them, group commit, recovery and background work.
 *
 * Invariants:
 * - A write is resolved, logged, applied and committed in one turn; it is acknowledged when the commit resolved. All writes
 *   that wait for a commit share its write and its flush (`write-queue.ts`).
 * - A failed commit poisons the host: what was applied but not logged must not be read, so every later call is refused and
 *   the owner opens the host anew.
 * - Reads are answered in the turn they arrive in.
 * - Nothing runs by itself: background work happens inside `maintain`, which the owner calls while it returns true.
 */
import type { Clock, Logger, Random } from '../core/clock.ts';
import { HybridClock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import type { GpuBackend } from '../gpu/gpu-backend.ts';
import { readOnlyError } from '../lsm/host-files.ts';
import { HostStorage } from '../lsm/host-storage.ts';
import type { StorageLimits } from '../lsm/storage-limits.ts';
import { readEntries, WriteKind } from '../protocol/write-batch.ts';
import { planShardSearch } from '../query/plan.ts';
import type { AggregateRequest, AggregateState, KeywordStats, ShardSearch, ShardSearchResult } from '../query/shard-search.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import { createVectorIndex } from '../vector/create-vector-index.ts';
import type { VectorIndexHealth } from '../vector/vector-index.ts';
import type { Mirror, Vfs } from '../vfs/vfs.ts';
import type { EngineHost, HostStats, ObjectPage, PendingVector, Projection, WriteAck, WriteRequest } from './host-api.ts';
import { millisecondsOf } from '../protocol/object-record.ts';
import { GpuBuilds } from './gpu-builds.ts';
import { Flushes } from './flushes.ts';
import { GpuSearches } from './gpu-searches.ts';
import { RequestTable } from './request-table.ts';
import { Shard } from './shard.ts';
import { decodeShardMeta, emptyShardMeta, encodeShardMeta } from './shard-meta.ts';
import { verifyShard } from './verify-shard.ts';
import type { OpenIndex } from './vector-field.ts';
import { WriteQueue, type WaitingWrite } from './write-queue.ts';
import { decodeWriteRecord, encodeWriteRecord, RecordType } from './write-record.ts';

export interface HostLimits {
  /** A shard whose memtables hold more is flushed. */
  readonly memtableBytesMax: number;
  /** All memtables of the host together; beyond it the largest is flushed. */
  readonly hostMemtableBytesMax: number;
  /** Rows not yet in a graph, per shard; beyond it writers wait for graph insertion. */
  readonly backlogRowsMax: number;
  /** Rows that wait, at least, for a graph to be built in bulk on the GPU. */
  readonly bulkRowsMin: number;
  /** Bytes of one commit; what waits beyond it goes into the next. */
  readonly commitBytesMax: number;
  /** Of each vector index. */
  readonly vectorMemoryBytesMax: number;
}

export const DEFAULT_HOST_LIMITS: HostLimits = {
  memtableBytesMax: 8 * 1024 * 1024,
  hostMemtableBytesMax: 32 * 1024 * 1024,
  backlogRowsMax: 8_192,
  bulkRowsMin: 1_024,
  commitBytesMax: 2 * 1024 * 1024,
  vectorMemoryBytesMax: 2 * 1024 * 1024 * 1024,
};

export interface HostOptions {
  /** The host's own directory. */
  readonly vfs: Vfs;
  readonly mirror: Mirror | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly durability: 'strict' | 'relaxed';
  /** The database was made before: finding nothing is `Evicted`, not a new one. */
  readonly mustExist?: boolean;
  /** A damaged log is passed over: of each shard there is what came before the damage, to be read only. */
  readonly salvage?: boolean;
  readonly limits?: Partial<HostLimits>;
  readonly storageLimits?: Partial<StorageLimits>;
  /** Takes batches of vector searches when it is faster; absent: everything runs here. */
  readonly gpu?: GpuBackend | null;
  /** Runs a function once the messages that wait have been read: a macrotask in workers, a microtask in tests. */
  readonly defer: (run: () => void) => void;
}

/** Rows whose place in the graph may be lost in a crash, to be found again at the next open. */
const CHECKPOINT_ROWS = 1_024;
/** Background work looks at least this often for new work while the GPU builds a graph. */
const BUILD_LOOK_MS = 50;
/** About what a record takes in the log beside the batch it came from. */
const RECORD_EXTRA_BYTES = 256;

function deletesOnly(batch: Uint8Array): boolean {
  for (const { kind } of readEntries(batch)) if (kind !== WriteKind.delete) return false;
  return true;
}

type StagedAck = Omit<WriteAck, 'durability'>;

export class ShardHost implements EngineHost {
  private readonly storage: HostStorage;
  private readonly options: HostOptions;
  private readonly limits: HostLimits;
  private readonly hybrid: HybridClock;
  private readonly hosted = new Map<number, Shard>();
  private requests = new RequestTable();
  private readonly queue: WriteQueue;
  private readonly gpuSearches: GpuSearches | null;
  private readonly gpuBuilds: GpuBuilds | null;
  private readonly flushes: Flushes;
  private failure: HeddleError | null = null;

  private constructor(storage: HostStorage, options: HostOptions) {
    this.storage = storage;
    this.options = options;
    this.limits = { ...DEFAULT_HOST_LIMITS, ...options.limits };
    this.hybrid = new HybridClock(options.clock);
    this.gpuSearches = options.gpu ? new GpuSearches(options.gpu, options.clock) : null;
    this.gpuBuilds = options.gpu ? new GpuBuilds({ ...options, gpu: options.gpu, rowsMin: this.limits.bulkRowsMin }) : null;
    this.flushes = new Flushes({
      storage,
      shards: this.hosted,
      limits: this.limits,
      clock: options.clock,
      logger: options.logger,
      hostMeta: () => this.requests.encode(),
    });
    this.queue = new WriteQueue(options.defer, this.limits.commitBytesMax, (round) => this.commitTogether(round));
  }

  /** Opens the directory, replays the log and reconciles every index. `Corruption`, `Unsupported` or `StorageUnavailable` when that can't be done. */
  static async open(options: HostOptions): Promise<ShardHost> {
    const { vfs, mirror, clock, random, logger, storageLimits, mustExist, salvage } = options;
    const storage = await HostStorage.open({ vfs, mirror, clock, random, logger, mustExist, salvage, limits: storageLimits });
    const host = new ShardHost(storage, options);
    host.recover();
    return host;
  }

  private recover(): void {
    const { storage } = this;
    this.requests = RequestTable.decode(storage.blob);
    for (const { id, meta, flushedSequence } of storage.shards()) this.hosted.set(id, this.newShard(id, meta, flushedSequence));
    for (const record of storage.recovered) {
      const { shard: id, type, sequence, payload } = record;
      if (type === RecordType.schema) this.replaySchema(id, sequence, payload);
      else this.replayWrite(id, sequence, payload);
    }
    storage.replayed();
    for (const shard of this.hosted.values()) {
      shard.open();
      this.hybrid.observe(shard.hlc);
    }
  }

  private replayWrite(id: number, sequence: number, payload: Uint8Array): void {
    const shard = this.hosted.get(id);
    if (!shard) return;
    const record = decodeWriteRecord(payload);
    shard.apply(record, sequence);
    this.requests.add(id, record.request, { sequence, written: record.operations.length, failures: record.failures });
    if (!this.isReadOnly && shard.memtableBytes > this.limits.memtableBytesMax) this.flushes.flushIfRoom(shard);
  }

  private newShard(id: number, meta: Uint8Array, flushedSequence: number): Shard {
    return new Shard({
      id,
      store: this.storage.store(id),
      meta: decodeShardMeta(meta),
      flushedSequence,
      openIndex: this.openIndex,
      clock: this.options.clock,
    });
  }

  private readonly openIndex: OpenIndex = (field, state, recoveredSequence) =>
    createVectorIndex({
      schema: field.schema,
      rows: field,
      streams: this.storage.streams,
      state,
      recoveredSequence,
      random: this.options.random,
      logger: this.options.logger,
      clock: this.options.clock,
      memoryBytesMax: this.limits.vectorMemoryBytesMax,
    });

  private get isReadOnly(): boolean {
    return this.storage.isReadOnly;
  }

  private check(): void {
    if (this.failure) throw this.failure;
  }

  private shard(id: number): Shard {
    this.check();
    const shard = this.hosted.get(id);
    if (!shard)
      throw new HeddleError('NotFound', `shard ${id} is not on this host`, {
        hint: 'Open the database again.',
        details: { shard: id },
      });
    return shard;
  }

  /** For what reads indexes: flushes left out of them what the lost part of a damaged log had killed later. */
  private indexed(id: number): Shard {
    if (this.isReadOnly)
      throw new HeddleError('Corruption', 'a database that was opened to salvage it answers no queries', {
        hint: 'Restore what `db.salvage()` gives into a new database.',
      });
    return this.shard(id);
  }

  private poison(thrown: unknown): HeddleError {
    const cause = HeddleError.from(thrown);
    this.failure ??= new HeddleError('StorageUnavailable', `the write-ahead log failed: ${cause.message}`, {
      hint: 'Writes that were not acknowledged can be sent again.',
      details: { cause: cause.code },
      retryable: true,
      cause,
    });
    return cause;
  }

  // --- shards

  async putShard(id: number, schema: CollectionSchema, completes = false): Promise<void> {
    this.check();
    const known = this.hosted.get(id);
    if (this.isReadOnly) {
      if (!known || !completes) throw readOnlyError('the schema');
      return known.setSchema(schema);
    }
    if (!known) this.createShard(id, schema);
    else if (known.schema.version < schema.version) this.changeSchema(known, schema);
    // Also when it is known: whoever made it may have been killed before it was power-safe.
    await this.committed();
  }

  private createShard(id: number, schema: CollectionSchema): void {
    const meta = encodeShardMeta(emptyShardMeta(schema));
    this.storage.createShard(id, meta);
    const shard = this.newShard(id, meta, 0);
    shard.open();
    this.hosted.set(id, shard);
  }

  /** By a record of the log, in order with the writes, so that a crash leaves the old schema or the new one. */
  private changeSchema(shard: Shard, schema: CollectionSchema): void {
    this.makeRoom(JSON.stringify(schema).length + RECORD_EXTRA_BYTES);
    const sequence = shard.sequence + 1;
    this.storage.append(shard.id, sequence, RecordType.schema, [utf8(JSON.stringify(schema))]);
    shard.setSchema(schema);
    shard.sequence = sequence;
  }

  private replaySchema(id: number, sequence: number, payload: Uint8Array): void {
    const shard = this.hosted.get(id);
    if (!shard) return;
    shard.setSchema(JSON.parse(fromUtf8(payload)) as CollectionSchema);
    shard.sequence = sequence;
  }

  async dropShard(id: number): Promise<void> {
    this.check();
    const shard = this.hosted.get(id);
    if (!shard) return;
    if (this.isReadOnly) throw readOnlyError('the shard');
    shard.close();
    this.hosted.delete(id);
    void this.gpuSearches?.drop(shard);
    this.storage.dropShard(id);
    await this.committed();
  }

  /** Resolves when everything appended and edited so far is durable. */
  private async committed(): Promise<void> {
    try {
      await this.storage.commit('strict');
    } catch (thrown) {
      throw this.poison(thrown);
    }
  }

  async shards(): Promise<readonly { shard: number; schema: CollectionSchema }[]> {
    this.check();
    return [...this.hosted].map(([shard, { schema }]) => ({ shard, schema }));
  }

  // --- writes

  write(request: WriteRequest): Promise<WriteAck> {
    if (this.failure) return Promise.reject(this.failure);
    return this.isReadOnly ? Promise.reject(readOnlyError('the log')) : this.queue.add(request);
  }

  /** One round of group commit; nothing is flushed to segments between staging and committing. */
  private commitTogether(round: readonly WaitingWrite[]): void {
    const staged: { write: WaitingWrite; ack: StagedAck }[] = [];
    let full: HeddleError | null = null;
    try {
      this.check();
      this.makeRoom(round.reduce((sum, { request }) => sum + request.batch.length + RECORD_EXTRA_BYTES, 0));
    } catch (thrown) {
      full = HeddleError.from(thrown);
    }
    for (const write of round) {
      try {
        // Deletes go on when the device is full: they are what makes room.
        if (full !== null && (full.code !== 'StorageFull' || !deletesOnly(write.request.batch))) throw full;
        staged.push({ write, ack: this.stage(write.request) });
      } catch (thrown) {
        write.reject(HeddleError.from(thrown));
      }
    }
    if (this.failure) {
      // What was appended for this round is not committed, so none of it may be acknowledged.
      for (const { write } of staged) write.reject(this.failure);
      return;
    }
    if (staged.length === 0) return;
    this.storage.commit(this.options.durability).then(
      (durability) => staged.forEach(({ write, ack }) => write.resolve({ ...ack, durability })),
      (thrown) => {
        const error = this.poison(thrown);
        for (const { write } of staged) write.reject(error);
      },
    );
  }

  private stage({ shard: id, request, batch, atomic }: WriteRequest): StagedAck {
    const shard = this.shard(id);
    const applied = this.requests.find(id, request);
    if (applied) return { ...applied, repeated: true };
    const hlc = this.hybrid.tick();
    const { operations, failures, written } = shard.resolve(readEntries(batch), millisecondsOf(hlc), atomic);
    // Logged even when it changes nothing: sent again after a later request, it might.
    const record = { hlc, request, failures, operations };
    const sequence = shard.sequence + 1;
    this.storage.append(id, sequence, RecordType.write, [encodeWriteRecord(record)]);
    try {
      shard.apply(record, sequence);
    } catch (thrown) {
      throw this.poison(thrown); // applied in part, and appended: only opening anew is sure to forget it
    }
    this.requests.add(id, { client: request.client.slice(), sequence: request.sequence }, { sequence, written, failures });
    return { sequence, written, failures, repeated: false };
  }

  /** Before a commit of about `bytes`: slows writers down when graphs lag, and sees to room in the log and the memtables. */
  private makeRoom(bytes: number): void {
    for (const shard of this.hosted.values())
      while (shard.backlog > this.limits.backlogRowsMax && shard.stepIndexes(4, this.storage.durableSequence(shard.id)));
    this.flushes.makeRoom(bytes);
  }

  // --- reads

  async get(shard: number, uuids: Uint8Array, projection: Projection): Promise<ObjectPage> {
    return this.shard(shard).reads.get(uuids, projection);
  }
  async exists(shard: number, uuids: Uint8Array): Promise<boolean[]> {
    const target = this.shard(shard);
    return Array.from({ length: uuids.length / 16 }, (_, i) => target.find(uuids.subarray(i * 16, i * 16 + 16)) !== null);
  }
  async scan(
    shard: number,
    after: Uint8Array | null,
    limit: number,
    projection: Projection,
  ): Promise<ObjectPage & { last: Uint8Array | null }> {
    return this.shard(shard).reads.scan(after, limit, projection);
  }
  async salvage(
    shard: number,
    after: Uint8Array | null,
    limit: number,
    projection: Projection,
  ): Promise<ObjectPage & { last: Uint8Array | null; lost: number }> {
    return this.shard(shard).reads.salvage(after, limit, projection);
  }
  async count(shard: number): Promise<number> {
    return this.shard(shard).objects.count;
  }
  async keywordStats(shard: number, search: ShardSearch): Promise<KeywordStats> {
    return this.indexed(shard).query.keywordStats(search);
  }
  async search(shard: number, search: ShardSearch): Promise<ShardSearchResult> {
    const target = this.indexed(shard);
    return this.gpuSearches
      ? this.gpuSearches.run(target, search, (offer) => target.query.search(search, offer))
      : target.query.search(search);
  }
  async fetch(shard: number, docIDs: Uint32Array, projection: Projection): Promise<ObjectPage> {
    return this.shard(shard).reads.fetch(docIDs, projection);
  }
  /** Whether searches of one turn are gathered for the GPU. */
  get gathers(): boolean {
    return this.gpuSearches?.gathers ?? false;
  }
  async answer(shard: number, request: SearchRequest, projection: Projection): Promise<SearchReply> {
    const target = this.indexed(shard);
    if (!this.gpuSearches) return target.reads.answer(request, projection);
    return this.gpuSearches.run(target, planShardSearch(request), (offer) => target.reads.answer(request, projection, offer));
  }
  async aggregate(shard: number, request: AggregateRequest): Promise<AggregateState> {
    return this.indexed(shard).query.aggregate(request);
  }
  async match(shard: number, filter: FilterNode | null, limit: number): Promise<Uint8Array> {
    return this.indexed(shard).reads.match(filter, limit);
  }
  async pendingVectors(shard: number, vector: number, limit: number): Promise<readonly PendingVector[]> {
    return this.shard(shard).reads.pendingVectors(vector, limit);
  }
  async vectorHealth(shard: number, vector: number): Promise<VectorIndexHealth | null> {
    return this.shard(shard).reads.vectorHealth(vector);
  }

  // --- background work and lifecycle

  async maintain(budgetMs: number): Promise<boolean> {
    this.check();
    if (this.maintainNow(budgetMs)) return true;
    const building = this.gpuBuilds?.ended(BUILD_LOOK_MS);
    if (!building) return false;
    await building;
    return true;
  }

  /** `maintain` without the promise. */
  maintainNow(budgetMs: number): boolean {
    if (this.isReadOnly) return false;
    const { clock } = this.options;
    const end = clock.monotonic() + budgetMs;
    const left = (): number => Math.max(0.5, end - clock.monotonic());
    if (this.options.durability === 'relaxed') this.storage.sync();
    let more = this.flushes.step(left);
    for (const shard of this.hosted.values()) {
      for (const field of shard.fields.values()) this.gpuBuilds?.consider(field, () => this.storage.durableSequence(shard.id));
      shard.reads.dropPaused();
      const linking = shard.stepIndexes(left(), this.storage.durableSequence(shard.id));
      if (!linking && !shard.flushing && shard.indexChanges >= CHECKPOINT_ROWS)
        this.storage.edit({ metas: [[shard.id, shard.encodeMeta()]] });
      more = linking || shard.stepReindex(left()) || more;
      if (!shard.flushing && shard.awaitsFlush) {
        this.flushes.start(shard);
        more = true;
      }
    }
    return this.storage.step(left()) || more;
  }

  async flush(): Promise<void> {
    this.check();
    if (!this.isReadOnly) for (const shard of this.hosted.values()) if (shard.isDirty) this.flushes.flush(shard);
  }

  async compact(): Promise<void> {
    await this.flush();
    if (this.isReadOnly) return;
    while (this.maintainNow(1_000));
    for (const shard of this.hosted.values()) {
      shard.store.compact();
      this.flushes.flush(shard, true);
    }
  }

  async verify(): Promise<readonly string[]> {
    this.check();
    return [...this.storage.verify(), ...[...this.hosted.values()].flatMap(verifyShard)];
  }

  async stats(): Promise<HostStats> {
    this.check();
    const { logBytes, diskBytes, freeBytes, settled, flushes, commits, quarantined } = this.storage.stats;
    const asked = this.gpuSearches?.asked || this.gpuBuilds?.asked;
    const gpu = asked ? await this.options.gpu!.status() : null;
    return {
      logBytes,
      diskBytes,
      freeBytes,
      settled,
      flushes,
      commits,
      quarantined,
      gpu,
      shards: [...this.hosted.values()].map((shard) => shard.stats()),
    };
  }

  async settled(): Promise<void> {
    this.check();
    await this.storage.settled();
  }

  /** Orderly close: memtables are flushed, so the next open replays nothing. */
  async close(): Promise<void> {
    if (!this.failure && !this.isReadOnly)
      for (const shard of this.hosted.values()) if (shard.isDirty || shard.indexChanges > 0) this.flushes.flushAtLast(shard);
    this.failure ??= new HeddleError('Closed', 'the engine host is closed', { hint: 'Open the database again.' });
    for (const shard of this.hosted.values()) shard.close();
    await this.storage.close();
  }
}
