/**
 * The storage of one engine worker: one log for all its shards, a store for each, streams for graph logs, one manifest.
 *
 * Invariants:
 * - A record is acknowledged when `commit` resolves: one write and one flush for everything appended since the last.
 * - What the manifest names is durable before the manifest is; what it no longer names is reused only after the next
 *   generation is durable.
 * - Any failed write or flush of the log or the manifest ends this object: later calls throw `StorageUnavailable` until the
 *   database is opened again. A full disk does not: it throws `StorageFull` with nothing changed.
 * - After `open` everything is synchronous but `commit`, `settled` and `close`. Only the engine worker's thread calls.
 *
 * Files and formats: `docs/format/`; design: `docs/adr/`.
 */
import { HeddleError } from '../core/errors.ts';
import { BlockCache } from './block-cache.ts';
import type { StreamSpace } from './bucket.ts';
import type { ReadContext } from './container-reader.ts';
import { DamageList } from './damage-list.ts';
import { type HostFiles, closeFiles, readOnlyError } from './host-files.ts';
import { openHost } from './host-open.ts';
import type { Log } from './log.ts';
import type { LogRecord } from './log-frame.ts';
import type { Manifest, ShardManifest } from './manifest.ts';
import { writeSlot } from './manifest-files.ts';
import type { HostStorageOptions, OpenedHost } from './opened-host.ts';
import { Scrub } from './scrub.ts';
import { Settling } from './settling.ts';
import { ShardStore, type StoreHost } from './shard-store.ts';
import type { Space } from './space.ts';
import type { StorageLimits } from './storage-limits.ts';
import { Streams } from './streams.ts';

/** `power`: survives a power cut. `process`: survives a killed browser. */
export type Durability = 'power' | 'process';

/** `strict` flushes before it resolves; `relaxed` leaves that to `sync` or the next strict commit. */
export type CommitMode = 'strict' | 'relaxed';

export interface HostStorageStats {
  readonly generation: number;
  readonly settled: boolean;
  readonly logBytes: number;
  /** Bytes of all files. */
  readonly diskBytes: number;
  /** Bytes of the data files in no use, those waiting for the next generation included. */
  readonly freeBytes: number;
  readonly streamBytes: number;
  readonly cacheBytes: number;
  readonly mirrorBytes: number;
  /** Flushes of the log. */
  readonly flushes: number;
  readonly commits: number;
  readonly edits: number;
  /** Damage met so far, one line each. */
  readonly quarantined: readonly string[];
}

export interface ManifestChanges {
  readonly metas?: Iterable<readonly [shard: number, meta: Uint8Array]>;
  /** One opaque blob a host. */
  readonly blob?: Uint8Array;
}

/** A store with more segments than this is behind with its merges: more filters to ask for every key. */
const SEGMENTS_PAID_FROM = 10;
/** An entry is rewritten some four times in a store of a million; half of the time commits pay for flushes instead. */
const MERGED_PER_BYTE = 8;
/** About what a store's shortest step merges. */
const MERGE_STEP_BYTES = 64 << 10;

/** The log is sealed once nothing was committed for this long. */
const SEAL_IDLE_MS = 50;

export class HostStorage {
  readonly streams: StreamSpace;
  /** Acknowledged parts of the log are lost, and it was opened to salvage the rest. */
  readonly isReadOnly: boolean;
  private readonly options: HostStorageOptions;
  private readonly files: HostFiles;
  private readonly limits: StorageLimits;
  private readonly space: Space;
  private readonly log: Log;
  private readonly context: ReadContext;
  private readonly streamTable: Streams;
  private readonly stores = new Map<number, ShardStore>();
  private readonly damage: DamageList;
  private readonly settling: Settling;
  private readonly scrub: Scrub;
  private manifest: Manifest;
  private fallbackFlushed: ReadonlyMap<number, number> | null;
  private nextContainer: number;
  private records: readonly LogRecord[];
  private failure: HeddleError | null = null;
  private isClosed = false;
  private aliveCheckedMs: number;
  private turn = 0;
  private owedBytes = 0;
  private committedMs = 0;
  private edits = 0;

  /**
   * Opens the host's storage, makes it when the directory is empty, recovers it otherwise.
   * Errors: `Evicted`, `Corruption` (the manifest or an acknowledged part of the log can't be read), `Unsupported` (a newer
   * format), `StorageFull`, `StorageUnavailable`.
   */
  static async open(options: HostStorageOptions): Promise<HostStorage> {
    const opened = await openHost(options);
    try {
      return new HostStorage(options, opened);
    } catch (error) {
      closeFiles(opened.files);
      throw HeddleError.from(error);
    }
  }

  private constructor(options: HostStorageOptions, opened: OpenedHost) {
    this.options = options;
    this.files = opened.files;
    this.isReadOnly = opened.isReadOnly;
    this.limits = opened.limits;
    this.space = opened.space;
    this.log = opened.log;
    this.manifest = opened.manifest;
    this.fallbackFlushed = opened.fallback === null ? null : flushedOf(opened.fallback);
    this.nextContainer = opened.manifest.nextContainer;
    this.records = opened.records;
    const { clock, logger } = options;
    this.damage = new DamageList(opened.notes, opened.manifest.quarantined, logger);
    this.settling = new Settling(opened.firstMinute, opened.settleMs, opened.manifest.settled, clock, logger);
    this.scrub = new Scrub(this.stores, opened.limits.scrubEveryMs, clock);
    this.aliveCheckedMs = clock.monotonic();
    this.context = {
      space: opened.space,
      hostSeed: opened.hostSeed,
      cache: new BlockCache(opened.limits.blockCacheBytes),
      damaged: (container, reason) => this.damage.note(container, reason),
    };
    this.streamTable = new Streams(
      { space: opened.space, nameStreams: () => this.writeManifest({}) },
      opened.manifest.streams,
      opened.manifest.nextStream,
    );
    this.streams = this.streamTable;
    for (const shard of opened.manifest.shards) this.stores.set(shard.id, new ShardStore(this.storeHost(), shard));
    this.log.bindCovered((shard) => this.coveredSequence(shard));
  }

  /** Records after each shard's flushed sequence, in log order. Payloads are borrowed until `replayed`. */
  get recovered(): Iterable<LogRecord> {
    return this.records;
  }

  /** The host has taken the recovered records into its memtables. */
  replayed(): void {
    this.records = [];
  }

  /** Adds a record (copied) to the group that the next `commit` writes. `sequence` rises with every record of the shard. */
  append(shard: number, sequence: number, type: number, payload: readonly Uint8Array[]): void {
    this.checkWritable();
    if (!this.stores.has(shard)) throw new HeddleError('NotFound', `shard ${shard} does not exist`, { details: { shard } });
    this.log.append(shard, sequence, type, payload);
  }

  /**
   * Makes everything appended so far durable: one write, one flush. On an error nothing of it is kept, and unless the error is
   * `StorageFull` this storage has ended.
   */
  async commit(mode: CommitMode = 'strict'): Promise<Durability> {
    this.checkUsable();
    this.checkSettled();
    const copy = this.settling.mirrors && this.log.hasPending ? this.log.pendingPayload().slice() : null;
    this.writeLog(mode);
    if (copy !== null) this.settling.mirror({ kind: 'records', payload: copy });
    const isMirrored = this.settling.mirrors && (await this.settling.sync());
    await this.checkAlive();
    return mode === 'strict' && (this.settling.isSettled || isMirrored) ? 'power' : 'process';
  }

  /** Flushes what relaxed commits have written. */
  sync(): void {
    this.checkUsable();
    this.guarded(() => this.log.flush());
  }

  /** Highest sequence number of the shard that survives a crash; what a graph log may refer to. */
  durableSequence(shard: number): number {
    return Math.max(this.log.durableSequence(shard), this.shardManifest(shard).flushedSequence);
  }

  shards(): readonly ShardManifest[] {
    return this.manifest.shards;
  }

  /** Durable in the files when it returns; in its first minute also against a power cut once a `commit` resolved. */
  createShard(id: number, meta: Uint8Array): ShardStore {
    this.checkUsable();
    if (this.stores.has(id)) throw new HeddleError('Conflict', `shard ${id} exists already`, { details: { shard: id } });
    const createdAfterGroup = this.log.lastGroup;
    const shard: ShardManifest = { id, flushedSequence: 0, createdAfterGroup, meta: meta.slice(), containers: [], columns: [] };
    this.writeManifest({ shards: [...this.manifest.shards, shard] });
    this.settling.mirror({ kind: 'shard', shard: id, meta });
    const store = new ShardStore(this.storeHost(), shard);
    this.stores.set(id, store);
    return store;
  }

  /** Forgets the shard and everything in it; durable when it returns. Two generations, so that none is left to fall back to. */
  dropShard(id: number): void {
    this.checkUsable();
    const store = this.store(id);
    store.close();
    this.writeManifest({ shards: this.manifest.shards.filter((shard) => shard.id !== id) });
    this.settling.mirror({ kind: 'drop', shard: id });
    this.stores.delete(id);
    this.log.forget(id);
    store.retireAll();
    this.writeManifest({});
  }

  /** The segments and columns of a shard. */
  store(shard: number): ShardStore {
    const store = this.stores.get(shard);
    if (store === undefined) throw new HeddleError('NotFound', `shard ${shard} does not exist`, { details: { shard } });
    return store;
  }

  /** The host's blob as of the last edit. */
  get blob(): Uint8Array {
    return this.manifest.blob;
  }

  /** One durable manifest generation with these changes, and with all streams as they are now. */
  edit(changes: ManifestChanges): void {
    const metas = new Map([...(changes.metas ?? [])].map(([shard, meta]) => [shard, meta.slice()]));
    for (const shard of metas.keys()) this.store(shard);
    this.writeManifest({
      shards: this.manifest.shards.map((shard) => ({ ...shard, meta: metas.get(shard.id) ?? shard.meta })),
      blob: changes.blob?.slice() ?? this.manifest.blob,
    });
    for (const [shard, meta] of metas) this.settling.mirror({ kind: 'meta', shard, meta });
    if (changes.blob !== undefined) this.settling.mirror({ kind: 'blob', blob: changes.blob });
  }

  /** Shards to flush so that a log file can be recycled; empty while one is free. */
  logPressure(): number[] {
    return this.log.pressure((shard) => this.flushedSequence(shard));
  }

  /** Whether a commit of about `bytes` fits into the log as it is; if not, writers wait for the shards of `logPressure`. */
  hasLogRoom(bytes: number): boolean {
    return this.log.hasRoom(bytes);
  }

  /** How much of the log file that is being written is used, 0 to 1. */
  get logFill(): number {
    return this.log.fill;
  }

  /** Before a commit of about `bytes`: where the background is behind with merges, they go on by a few times as much. */
  payForMerges(bytes: number): void {
    const behind = [...this.stores.values()].filter((store) => store.segments > SEGMENTS_PAID_FROM);
    this.owedBytes = behind.length === 0 ? 0 : this.owedBytes + bytes * MERGED_PER_BYTE;
    for (; this.owedBytes >= MERGE_STEP_BYTES; this.owedBytes -= MERGE_STEP_BYTES)
      this.guarded(() => behind[this.turn++ % behind.length].step(0));
  }

  /** One slice of background work over all shards: merges, giving space back, sealing the log. False when nothing is left. */
  step(budgetMs: number): boolean {
    this.checkUsable();
    if (this.isReadOnly) return false;
    this.checkSettled();
    const stores = [...this.stores.values()];
    for (let i = 0; i < stores.length; i++) {
      const store = stores[this.turn++ % stores.length];
      if (this.guarded(() => store.step(budgetMs))) return true;
    }
    if (this.space.waitingBytes > 0) {
      this.writeManifest({});
      return true;
    }
    if (this.space.gapBytes >= Math.max(this.limits.shrinkBytesMin, this.space.diskBytes / 4) && stores.some((store) => store.startMove()))
      return true;
    if (this.scrub.step(budgetMs)) return true;
    const isIdle = this.options.clock.monotonic() - this.committedMs >= SEAL_IDLE_MS;
    if (this.log.needsSeal && isIdle) this.guarded(() => this.log.seal(this.manifest.generation));
    return false;
  }

  /** Resolves when the files' names are power-safe; needs `step` or `commit` to be called once they are due. */
  settled(): Promise<void> {
    this.checkSettled();
    return this.settling.settled();
  }

  get stats(): HostStorageStats {
    const manifests = this.files.manifests.reduce((sum, file) => sum + file.size(), 0);
    return {
      generation: this.manifest.generation,
      settled: this.settling.isSettled,
      logBytes: this.log.diskBytes,
      diskBytes: this.log.diskBytes + this.space.diskBytes + manifests,
      freeBytes: this.space.freeBytes + this.space.waitingBytes,
      streamBytes: this.streamTable.bytes,
      cacheBytes: this.context.cache.bytes,
      mirrorBytes: this.settling.mirrorBytes,
      flushes: this.log.flushes,
      commits: this.log.commits,
      edits: this.edits,
      quarantined: this.damage.lines,
    };
  }

  /** Reads and checks every container; returns what is wrong, one line each. */
  verify(): string[] {
    return [...this.stores.values()].flatMap((store) => store.verify().map((line) => `shard ${store.shard}: ${line}`));
  }

  /** Flushes the log and closes all files. Memtables are the host's to flush before. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const store of this.stores.values()) store.close();
    try {
      if (!this.isReadOnly && this.failure === null && this.log.failed === null) {
        this.log.flush();
        if (this.log.needsSeal) this.log.seal(this.manifest.generation);
        await this.settling.close();
      }
    } finally {
      closeFiles(this.files);
    }
  }

  private storeHost(): StoreHost {
    return {
      context: this.context,
      limits: this.limits,
      clock: this.options.clock,
      logger: this.options.logger,
      takeContainerId: () => {
        this.checkUsable();
        return this.nextContainer++;
      },
      editShard: (id, change, blob) => {
        const shards = this.manifest.shards.map((shard) => (shard.id === id ? change(shard) : shard));
        this.writeManifest({ shards, blob: blob?.slice() ?? this.manifest.blob });
      },
      retire: ({ id, extents }) => {
        this.space.retire(extents, this.manifest.generation);
        this.damage.forget(id);
      },
    };
  }

  private writeLog(mode: CommitMode): void {
    this.committedMs = this.options.clock.monotonic();
    try {
      if (this.log.hasPending) {
        if (this.log.wantsConfirmation(this.log.pendingBytes, (shard) => this.flushedSequence(shard))) this.writeManifest({});
        this.log.write(this.manifest.generation);
      }
      if (mode === 'strict') this.log.flush();
    } catch (error) {
      const typed = HeddleError.from(error);
      if (typed.code === 'StorageFull' && this.log.failed === null) this.log.discardPending();
      else this.failure ??= typed;
      throw typed;
    }
  }

  /** The next generation: written, flushed, then in force. `StorageFull` leaves everything as it was. */
  private writeManifest(changes: Partial<Manifest>): void {
    this.checkWritable();
    const before = this.manifest;
    const shards = changes.shards ?? before.shards;
    const flushed = new Map(shards.map((shard) => [shard.id, shard.flushedSequence]));
    const next: Manifest = {
      ...before,
      ...changes,
      generation: before.generation + 1,
      logNeededFrom: this.log.neededFrom((shard) => flushed.get(shard) ?? Infinity),
      logDurableGroup: this.log.durableGroup,
      nextContainer: this.nextContainer,
      nextStream: this.streamTable.next,
      streams: this.streamTable.refs(),
      quarantined: this.damage.quarantined(shards),
    };
    this.guarded(() => writeSlot(this.files.manifests, next));
    this.manifest = next;
    this.fallbackFlushed = flushedOf(before);
    this.edits++;
    this.streamTable.named();
    const kept = new Set(next.streams.map((stream) => stream.id));
    for (const stream of before.streams) if (!kept.has(stream.id)) this.space.retire(stream.extents, next.generation);
    this.guarded(() => this.space.durable(next.generation));
  }

  /** Runs a call whose failure, a full disk apart, leaves unknown what the device holds. */
  private guarded<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      const typed = HeddleError.from(error);
      if (typed.code !== 'StorageFull' && typed.code !== 'Corruption') {
        this.failure ??= typed;
        this.log.fail(typed);
      }
      throw typed;
    }
  }

  private flushedSequence(shard: number): number {
    return this.manifest.shards.find((entry) => entry.id === shard)?.flushedSequence ?? Infinity;
  }

  private coveredSequence(shard: number): number {
    const now = this.flushedSequence(shard);
    if (now === Infinity || this.fallbackFlushed === null) return now;
    return Math.min(now, this.fallbackFlushed.get(shard) ?? Infinity);
  }

  private shardManifest(id: number): ShardManifest {
    const shard = this.manifest.shards.find((entry) => entry.id === id);
    if (shard === undefined) throw new HeddleError('NotFound', `shard ${id} does not exist`, { details: { shard: id } });
    return shard;
  }

  private checkSettled(): void {
    if (this.isReadOnly || !this.settling.isDue) return;
    this.writeManifest({ settled: true });
    this.settling.settle();
  }

  /** Site data can be cleared beneath open handles, which go on writing into nothing. */
  private async checkAlive(): Promise<void> {
    const now = this.options.clock.monotonic();
    if (now - this.aliveCheckedMs < this.limits.aliveCheckMs) return;
    this.aliveCheckedMs = now;
    if (await this.options.vfs.alive()) return;
    this.failure ??= new HeddleError('Evicted', 'the site data was cleared while the database was open', {
      hint: 'open the database again; it starts empty',
    });
    throw this.failure;
  }

  private checkWritable(): void {
    this.checkUsable();
    if (this.isReadOnly) throw readOnlyError('the log');
  }

  private checkUsable(): void {
    if (this.isClosed) throw new HeddleError('Closed', 'the storage is closed');
    if (this.failure === null) return;
    if (this.failure.code === 'Evicted') throw this.failure;
    throw new HeddleError('StorageUnavailable', `the storage ended: ${this.failure.message}`, {
      hint: 'open the database again',
      details: this.failure.details,
      cause: this.failure,
    });
  }
}

function flushedOf(manifest: Manifest): ReadonlyMap<number, number> {
  return new Map(manifest.shards.map((shard) => [shard.id, shard.flushedSequence]));
}
