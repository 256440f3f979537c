/**
 * The segments and vector columns of one shard: reads, flushes, background merges.
 *
 * Invariants:
 * - `flush` writes one segment for all buckets and one container for each column, makes them durable, then names them in one
 *   manifest edit together with the sequence number they cover. Before that edit nothing has changed, whatever failed.
 * - A merge replaces neighbours by one container in one edit; a flush may come between its slices.
 * - Only the engine worker's thread calls; all is synchronous.
 */
import type { Clock, Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { BucketOptions, BucketReader, SortedEntries } from './bucket.ts';
import { ColumnReader, type ColumnRows, ColumnWriter, checkColumnRows, columnBytes } from './column-format.ts';
import { ColumnStore } from './column-store.ts';
import { ContainerReader, type ReadContext } from './container-reader.ts';
import { ContainerWriter, SEGMENT_MAGIC } from './container-writer.ts';
import type { ColumnRef, ContainerRef, ShardManifest } from './manifest.ts';
import { type BackgroundJob, ColumnMerge, MoveJob, SegmentMerge } from './merge-job.ts';
import { MergePicker, type Run } from './merge-picker.ts';
import { SegmentBuild } from './segment-build.ts';
import { SegmentWriter } from './segment-writer.ts';
import { ANY_BUCKET, Segment } from './segment.ts';
import type { StorageLimits } from './storage-limits.ts';
import { StoreBucket, StoreVersion, type VersionSource } from './store-version.ts';

export interface FlushSection {
  readonly bucket: BucketOptions;
  readonly entries: SortedEntries;
}

/** What freezes at one sequence number and becomes durable together. */
export interface FlushInput {
  readonly sections: readonly FlushSection[];
  readonly columns?: readonly ColumnRows[];
  /** Every record of the shard up to this one is in these sections or in earlier segments. */
  readonly uptoSequence: number;
  /** A function is called when the edit is made, after the last slice. */
  readonly meta: Uint8Array | (() => Uint8Array);
  /** About how many bytes the sections hold: room is made for them before anything is written. */
  readonly bytesExpected?: number;
  /** Replaces the host's blob in the same edit. */
  readonly blob?: Uint8Array | (() => Uint8Array);
  /** May use the emergency reserve: for flushes of deletes when the device is full. */
  readonly emergency?: boolean;
}

/** What a store needs of its host. */
export interface StoreHost {
  readonly context: ReadContext;
  readonly limits: StorageLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  takeContainerId(): number;
  /** One durable edit; `change` gets the shard as it is now. `StorageFull`: nothing changed. */
  editShard(shard: number, change: (current: ShardManifest) => ShardManifest, blob?: Uint8Array): void;
  /** The extents of a container that no manifest names and no reader sees any more. */
  retire(ref: ContainerRef): void;
}

/** A flush in slices; the shard's frozen memtables stay readable with their owners until `step` returned true. */
export interface FlushJob {
  /** How much is written, 0 to 1. */
  readonly progress: number;
  /** Works until about `deadlineMs` (monotonic); true when all is durable and named. Throws with nothing changed. */
  step(deadlineMs: number): boolean;
}

/** After a full disk, merges wait this long. */
const FULL_DISK_PAUSE_MS = 10_000;

export class ShardStore implements VersionSource {
  readonly shard: number;
  readonly columns: ColumnStore;
  private readonly host: StoreHost;
  private readonly buckets = new Map<number, BucketOptions>();
  private readonly dropped = new Set<number>();
  /** See `MergePickerOptions`. */
  private readonly fruitless = new Set<number>();
  private readonly picker: MergePicker;
  private current: StoreVersion;
  private job: BackgroundJob | null = null;
  /** The version in which there was nothing to merge; null when that has to be found out. */
  private idleVersion: StoreVersion | null = null;
  /** Merges wait until then after a full disk. */
  private blockedUntilMs = 0;

  constructor(host: StoreHost, manifest: ShardManifest) {
    this.host = host;
    this.shard = manifest.id;
    this.current = new StoreVersion(
      manifest.containers.map((ref) => new Segment(ref, host.context)),
      manifest.columns.map((ref) => new ColumnReader(new ContainerReader(ref, host.context), ref.ordinal)),
    );
    this.columns = new ColumnStore(this);
    const { buckets, dropped, columns, fruitless } = this;
    this.picker = new MergePicker({ buckets, dropped, columns, fruitless, limits: host.limits });
  }

  get version(): StoreVersion {
    return this.current;
  }

  /** Reads a bucket's segments; registers how it merges. Buckets that were never registered are not merged. */
  bucket(options: BucketOptions): BucketReader {
    this.buckets.set(options.id, options);
    this.dropped.delete(options.id);
    this.idleVersion = null;
    return new StoreBucket(this, options.id, options.operator);
  }

  /** Merges leave out what the bucket holds from now on. */
  dropBucket(id: number): void {
    this.dropped.add(id);
    this.idleVersion = null;
  }

  /** Writes everything at once; returns when it is durable. Errors: `StorageFull` and `StorageUnavailable`, nothing changed. */
  flush(input: FlushInput): void {
    const job = this.startFlush(input);
    while (!job.step(Infinity));
  }

  startFlush(input: FlushInput): FlushJob {
    for (const { bucket } of input.sections) this.buckets.set(bucket.id, bucket);
    for (const rows of input.columns ?? []) checkColumnRows(rows);
    const sections = input.sections.map(({ bucket, entries }) => ({ bucket: bucket.id, bloom: bucket.bloom, open: () => entries }));
    let build: SegmentBuild | null = null;
    const bytes = input.bytesExpected ?? 1;
    return {
      get progress() {
        return build === null ? 0 : Math.min(1, build.bytes / bytes);
      },
      step: (deadlineMs) => {
        build ??= this.buildOf(sections, input.bytesExpected ?? 0, input.emergency ?? false);
        if (!build.step(deadlineMs)) return false;
        this.finishFlush(input, build.result);
        return true;
      },
    };
  }

  /**
   * One slice of merging, about `budgetMs` long; true while there is more to do. A full disk puts merging off; other errors
   * are thrown with the store unchanged.
   */
  step(budgetMs: number): boolean {
    const now = this.host.clock.monotonic();
    if (this.job === null && this.examine(now + budgetMs)) return true;
    if (this.job === null && now < this.blockedUntilMs) return false;
    if (this.job === null && this.idleVersion === this.current && !this.losesFilter) return false;
    this.begin(() => this.pickJob(false));
    if (this.job === null) {
      if (now >= this.blockedUntilMs) this.idleVersion = this.current;
      return false;
    }
    this.advance(now + budgetMs);
    return this.job !== null || this.host.clock.monotonic() >= this.blockedUntilMs;
  }

  private get losesFilter(): boolean {
    return this.current.segments.some(({ container }) => container.losesFilter);
  }

  /** Finds out, until about `deadlineMs`, which buckets of a damaged segment are damaged; false when all of that is known. */
  private examine(deadlineMs: number): boolean {
    const segment = this.current.segments.find(({ container, damagedBuckets }) => container.isDamaged && damagedBuckets === null);
    if (segment === undefined) return false;
    while (!segment.examine()) if (this.host.clock.monotonic() >= deadlineMs) return true;
    this.idleVersion = null;
    return true;
  }

  /** Buckets that are damaged in some segment, dropped ones left out; `ANY_BUCKET` where that is not known. */
  damagedBuckets(): number[] {
    const damaged = this.current.segments.filter(({ container }) => container.isDamaged);
    return damaged.flatMap((segment) => [...(segment.damagedBuckets ?? [ANY_BUCKET])]).filter((bucket) => !this.dropped.has(bucket));
  }

  /** Begins to move a container that is the last of its file to a lower place; false when there is none to move. */
  startMove(): boolean {
    if (this.job !== null) return false;
    const { context, clock, limits } = this.host;
    const ofSegments = this.current.segments.map(({ container }) => ({ kind: 'segments' as const, container }));
    const ofColumns = this.current.columns.map(({ container }) => ({ kind: 'columns' as const, container }));
    for (const { kind, container } of [...ofSegments, ...ofColumns]) {
      const { ref } = container;
      if (container.isDamaged || !context.space.isAtTail(ref.extents)) continue;
      const to = context.space.allocateBelow(ref.byteLength, ref.extents);
      if (to === null) continue;
      this.job = new MoveJob(kind, ref, to, context.space, clock, limits.syncBytes);
      return true;
    }
    return false;
  }

  /** Merges everything into one segment and one column each. */
  compact(): void {
    while (this.job !== null) this.advance(Infinity);
    this.begin(() => this.pickJob(true));
    while (this.job !== null) {
      this.advance(Infinity);
      if (this.host.clock.monotonic() >= this.blockedUntilMs) this.begin(() => this.pickColumnJob(true));
    }
  }

  get segments(): number {
    return this.current.segments.length;
  }

  /** Bytes of all containers of the shard. */
  get bytes(): number {
    return this.current.containers().reduce((sum, container) => sum + container.ref.byteLength, 0);
  }

  get memoryBytes(): number {
    const segments = this.current.segments.reduce((sum, segment) => sum + segment.memoryBytes, 0);
    return segments + this.current.columns.reduce((sum, column) => sum + column.memoryBytes, 0);
  }

  /** Reads and checks everything, a block or page at a time; yields what is wrong with it, or null. */
  *check(): IterableIterator<string | null> {
    for (const segment of this.current.segments)
      for (const wrong of segment.check()) {
        if (segment.container.retired) break;
        yield wrong;
      }
    yield* this.columns.check();
  }

  /** Reads and checks everything; returns what is wrong. */
  verify(): string[] {
    return [...this.check()].filter((wrong) => wrong !== null);
  }

  pinVersion(version: StoreVersion): void {
    for (const container of version.containers()) container.pins++;
  }

  unpinVersion(version: StoreVersion): void {
    for (const container of version.containers()) if (--container.pins === 0 && container.retired) this.host.retire(container.ref);
  }

  /** Stops the work in hand and gives its space back. */
  close(): void {
    this.job?.abort();
    this.job = null;
  }

  /** Gives all containers back once an edit no longer names the shard. */
  retireAll(): void {
    this.close();
    this.install(new StoreVersion([], []));
  }

  private finishFlush(input: FlushInput, segment: ContainerRef | null): void {
    const columns = this.writeColumns(input, segment);
    const containers = segment === null ? [] : [segment];
    try {
      const meta = typeof input.meta === 'function' ? input.meta() : input.meta;
      const blob = typeof input.blob === 'function' ? input.blob() : input.blob;
      this.host.editShard(
        this.shard,
        (now) => ({
          ...now,
          flushedSequence: Math.max(now.flushedSequence, input.uptoSequence),
          meta,
          containers: [...containers, ...now.containers],
          columns: [...columns, ...now.columns],
        }),
        blob,
      );
    } catch (error) {
      for (const ref of [...containers, ...columns]) this.host.context.space.giveBack(ref.extents);
      throw error;
    }
    this.fruitless.clear();
    this.install(
      new StoreVersion(
        [...containers.map((ref) => new Segment(ref, this.host.context)), ...this.current.segments],
        [...columns.map((ref) => this.openColumn(ref)), ...this.current.columns],
      ),
    );
  }

  private writeColumns(input: FlushInput, segment: ContainerRef | null): ColumnRef[] {
    const written: ColumnRef[] = [];
    try {
      for (const rows of input.columns ?? []) {
        const ref = this.writeColumn(rows, input.emergency ?? false);
        if (ref !== null) written.push(ref);
      }
      return written;
    } catch (error) {
      for (const ref of [...written, ...(segment === null ? [] : [segment])]) this.host.context.space.giveBack(ref.extents);
      throw error;
    }
  }

  private writeColumn(rows: ColumnRows, emergency: boolean): ColumnRef | null {
    if (rows.docIDs.length === 0) return null;
    const writer = this.columnWriterOf(rows.ordinal, rows.dimensions, columnBytes(rows.docIDs.length, rows.dimensions), emergency);
    try {
      const bytes = new Uint8Array(rows.rows.buffer, rows.rows.byteOffset, rows.rows.byteLength);
      for (let i = 0; i < rows.docIDs.length; i++) writer.add(rows.docIDs[i], bytes, i * rows.dimensions * 4);
      return writer.finish();
    } catch (error) {
      writer.abort();
      throw error;
    }
  }

  private columnWriterOf(ordinal: number, dimensions: number, bytesExpected: number, emergency: boolean): ColumnWriter {
    return new ColumnWriter(this.writerOptions(bytesExpected, emergency), ordinal, dimensions);
  }

  private writerOptions(bytesExpected: number, emergency: boolean) {
    const { context, limits } = this.host;
    return {
      space: context.space,
      hostSeed: context.hostSeed,
      id: this.host.takeContainerId(),
      shard: this.shard,
      bytesExpected,
      bufferBytes: limits.writeBufferBytes,
      syncBytes: limits.syncBytes,
      emergency,
    };
  }

  private buildOf(sections: ConstructorParameters<typeof SegmentBuild>[1], bytesExpected: number, emergency: boolean): SegmentBuild {
    const out = new ContainerWriter({ ...this.writerOptions(bytesExpected, emergency), magic: SEGMENT_MAGIC });
    return new SegmentBuild(new SegmentWriter(out, this.host.limits), sections, this.host.clock);
  }

  private openColumn(ref: ColumnRef): ColumnReader {
    return new ColumnReader(new ContainerReader(ref, this.host.context), ref.ordinal);
  }

  /** Reads `version` from now on and lets go of containers that only the version before had. */
  private install(version: StoreVersion): void {
    const before = this.current;
    this.current = version;
    const kept = new Set(version.containers());
    for (const container of before.containers()) {
      if (kept.has(container)) continue;
      container.retired = true;
      if (container.pins === 0) this.host.retire(container.ref);
    }
    for (const segment of before.segments) if (!kept.has(segment.container)) segment.forget();
  }

  /** Takes up a job unless there is one. */
  private begin(pick: () => BackgroundJob | null): void {
    try {
      this.job ??= pick();
    } catch (error) {
      this.putOff(error);
    }
  }

  private advance(deadlineMs: number): void {
    const job = this.job!;
    try {
      if (!job.step(deadlineMs)) return;
      this.job = null;
      this.finishMerge(job);
    } catch (error) {
      this.job = null;
      this.putOff(error);
    }
  }

  /** A full disk puts merging off, damage leaves its segment alone; anything else is thrown. */
  private putOff(error: unknown): void {
    const typed = HeddleError.from(error);
    if (typed.code !== 'StorageFull' && typed.code !== 'Corruption') throw typed;
    if (typed.code === 'StorageFull') this.blockedUntilMs = this.host.clock.monotonic() + FULL_DISK_PAUSE_MS;
    this.host.logger.log('warn', `merge put off: ${typed.message}`, { shard: this.shard, code: typed.code });
  }

  private finishMerge(job: BackgroundJob): void {
    const gone = new Set(job.inputs.map((ref) => ref.id));
    const next = (refs: readonly ContainerRef[], made: ContainerRef | null): ContainerRef[] => spliced(refs, gone, made);
    const { made } = job;
    if (made !== null && !gone.has(made.id) && made.byteLength >= job.inputs.reduce((sum, ref) => sum + ref.byteLength, 0))
      this.fruitless.add(made.id);
    try {
      this.host.editShard(this.shard, (now) => ({
        ...now,
        containers: job.kind === 'segments' ? next(now.containers, made) : now.containers,
        columns: job.kind === 'columns' ? (next(now.columns, made) as ColumnRef[]) : now.columns,
      }));
    } catch (error) {
      if (made !== null) this.host.context.space.giveBack(made.extents);
      throw error;
    }
    const { segments, columns } = this.current;
    const isGone = (item: { readonly container: ContainerReader }): boolean => gone.has(item.container.ref.id);
    const replaced = <T extends { readonly container: ContainerReader }>(list: readonly T[], fresh: T | null): T[] => {
      const at = list.findIndex(isGone);
      const kept = list.filter((item) => !isGone(item));
      if (fresh !== null) kept.splice(at, 0, fresh);
      return kept;
    };
    this.install(
      job.kind === 'segments'
        ? new StoreVersion(replaced(segments, made === null ? null : new Segment(made, this.host.context)), columns)
        : new StoreVersion(segments, replaced(columns, made === null ? null : this.openColumn(made as ColumnRef))),
    );
  }

  private pickJob(whole: boolean): BackgroundJob | null {
    const run = this.picker.segments(this.current, whole);
    return run === null ? this.pickColumnJob(whole) : this.segmentJob(run);
  }

  private segmentJob(run: Run): BackgroundJob {
    const inputs = this.current.segments.slice(run.from, run.to);
    const older = this.current.segments.slice(run.to);
    const wanted = inputs.reduce((sum, segment) => sum + segment.bytes, 0);
    const shrinks = this.picker.shrinks(this.current);
    return new SegmentMerge(inputs, older, this.buckets, this.dropped, (sections) =>
      this.buildOf(sections, shrinks ? 0 : Math.min(wanted, 8 << 20), shrinks),
    );
  }

  private pickColumnJob(whole: boolean): BackgroundJob | null {
    const run = this.picker.columns(this.current, whole);
    if (run === null) return null;
    const { ordinal, dimensions } = run[0];
    const bytes = run.reduce((sum, column) => sum + column.container.ref.byteLength, 0);
    return new ColumnMerge(run, this.columns.keepOf(ordinal), this.host.clock, () =>
      this.columnWriterOf(ordinal, dimensions, Math.min(bytes, 8 << 20), false),
    );
  }
}

/** `refs` with those in `gone` replaced, at the place of the first, by `made`. */
function spliced(refs: readonly ContainerRef[], gone: ReadonlySet<number>, made: ContainerRef | null): ContainerRef[] {
  const at = refs.findIndex((ref) => gone.has(ref.id));
  const kept = refs.filter((ref) => !gone.has(ref.id));
  if (made !== null) kept.splice(at, 0, made);
  return kept;
}
