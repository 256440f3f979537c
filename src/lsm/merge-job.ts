/**
 * Background work on containers, in slices: merging neighbouring segments under their buckets' operators, merging a vector's
 * columns, moving a container to a lower place so that its file can shrink.
 */
import type { Clock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { BucketOptions } from './bucket.ts';
import { ColumnCursor, type ColumnReader, type ColumnWriter } from './column-format.ts';
import { flushExtents, readExtents, writeExtents } from './extent-io.ts';
import type { ContainerRef } from './manifest.ts';
import { MergeCursor } from './merge-cursor.ts';
import type { BuildSection, SegmentBuild } from './segment-build.ts';
import type { Segment } from './segment.ts';
import type { Extent, Space } from './space.ts';

export interface BackgroundJob {
  readonly kind: 'segments' | 'columns';
  readonly inputs: readonly ContainerRef[];
  /** What replaces the inputs once `step` returned true; null: nothing was left. */
  readonly made: ContainerRef | null;
  /** True when done. Throws after giving its space back. */
  step(deadlineMs: number): boolean;
  abort(): void;
}

export class SegmentMerge implements BackgroundJob {
  readonly kind = 'segments';
  readonly inputs: readonly ContainerRef[];
  private readonly build: SegmentBuild;

  /** `inputs` newest first, neighbours; `older`: all segments behind them. */
  constructor(
    inputs: readonly Segment[],
    older: readonly Segment[],
    buckets: ReadonlyMap<number, BucketOptions>,
    dropped: ReadonlySet<number>,
    buildOf: (sections: readonly BuildSection[]) => SegmentBuild,
  ) {
    this.inputs = inputs.map((segment) => segment.container.ref);
    const ids = new Set(inputs.flatMap((segment) => [...segment.sections().keys()]).filter((id) => !dropped.has(id)));
    this.build = buildOf([...ids].map((id) => sectionOf(inputs, older, buckets, id)));
  }

  get made(): ContainerRef | null {
    return this.build.result;
  }

  step(deadlineMs: number): boolean {
    return this.build.step(deadlineMs);
  }

  abort(): void {
    this.build.abort();
  }
}

function sectionOf(
  inputs: readonly Segment[],
  older: readonly Segment[],
  buckets: ReadonlyMap<number, BucketOptions>,
  id: number,
): BuildSection {
  const options = buckets.get(id);
  if (options === undefined) throw new HeddleError('Unsupported', `bucket ${id} has no merge operator`);
  const behind = older.flatMap((segment) => segment.sections().get(id) ?? []);
  const mayBeOlder = behind.length === 0 ? null : (key: Uint8Array) => behind.some((section) => section.mayHave(key));
  return {
    bucket: id,
    bloom: options.bloom,
    open: () =>
      new MergeCursor(
        inputs.flatMap((segment) => segment.sections().get(id)?.cursor(null, null) ?? []),
        options.operator,
        { mayBeOlder, dropsUnwanted: true },
      ),
  };
}

const ROWS_PER_LOOK = 64;

export class ColumnMerge implements BackgroundJob {
  readonly kind = 'columns';
  readonly inputs: readonly ContainerRef[];
  made: ContainerRef | null = null;
  private readonly writer: ColumnWriter;
  private readonly cursors: ColumnCursor[];
  private readonly isOpen: boolean[];
  private readonly keep: (docID: number) => boolean;
  private readonly clock: Clock;

  /** `inputs` newest first; where two have a docID the newer row stays. */
  constructor(inputs: readonly ColumnReader[], keep: (docID: number) => boolean, clock: Clock, writerOf: () => ColumnWriter) {
    this.inputs = inputs.map((column) => column.container.ref);
    this.keep = keep;
    this.clock = clock;
    this.cursors = inputs.map((column) => new ColumnCursor(column));
    this.isOpen = this.cursors.map((cursor) => cursor.next());
    this.writer = writerOf();
  }

  step(deadlineMs: number): boolean {
    try {
      for (let count = 0; ; count++) {
        if (!this.copySmallest()) break;
        if (count % ROWS_PER_LOOK === 0 && deadlineMs !== Infinity && this.clock.monotonic() >= deadlineMs) return false;
      }
      this.made = this.writer.finish();
      return true;
    } catch (error) {
      this.writer.abort();
      throw error;
    }
  }

  abort(): void {
    this.writer.abort();
  }

  private copySmallest(): boolean {
    let best = -1;
    for (let i = 0; i < this.cursors.length; i++)
      if (this.isOpen[i] && (best === -1 || this.cursors[i].docID < this.cursors[best].docID)) best = i;
    if (best === -1) return false;
    const { docID, source, sourceAt } = this.cursors[best];
    if (this.keep(docID)) this.writer.add(docID, source, sourceAt);
    for (let i = 0; i < this.cursors.length; i++)
      if (this.isOpen[i] && this.cursors[i].docID === docID) this.isOpen[i] = this.cursors[i].next();
    return true;
  }
}

const MOVE_BYTES = 128 << 10;

/** Copies a container, byte for byte and under the same id, to another extent. */
export class MoveJob implements BackgroundJob {
  readonly kind: 'segments' | 'columns';
  readonly inputs: readonly ContainerRef[];
  made: ContainerRef | null = null;
  private readonly from: ContainerRef;
  private readonly to: Extent;
  private readonly space: Space;
  private readonly clock: Clock;
  private readonly syncBytes: number;
  private at = 0;
  private unsynced = 0;

  constructor(kind: 'segments' | 'columns', from: ContainerRef, to: Extent, space: Space, clock: Clock, syncBytes: number) {
    this.kind = kind;
    this.inputs = [from];
    this.from = from;
    this.to = to;
    this.space = space;
    this.clock = clock;
    this.syncBytes = syncBytes;
  }

  step(deadlineMs: number): boolean {
    try {
      while (this.at < this.from.byteLength) {
        this.copy(Math.min(MOVE_BYTES, this.from.byteLength - this.at));
        if (this.at < this.from.byteLength && deadlineMs !== Infinity && this.clock.monotonic() >= deadlineMs) return false;
      }
      flushExtents(this.space, [this.to]);
      this.made = { ...this.from, extents: [this.to] };
      return true;
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  abort(): void {
    this.space.giveBack([this.to]);
  }

  private copy(length: number): void {
    const bytes = new Uint8Array(length);
    readExtents(this.space, this.from.extents, bytes, this.at);
    writeExtents(this.space, [this.to], bytes, this.at);
    this.at += length;
    this.unsynced += length;
    if (this.unsynced < this.syncBytes) return;
    flushExtents(this.space, [this.to]);
    this.unsynced = 0;
  }
}
