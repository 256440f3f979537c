/**
 * What a store merges next: neighbouring segments of like size, columns of one vector of like size, or everything where much of
 * it is dead. Decides only; `merge-job.ts` does the work. Called by the store, on its thread.
 */
import { HeddleError } from '../core/errors.ts';
import type { BucketOptions } from './bucket.ts';
import type { ColumnReader } from './column-format.ts';
import type { ColumnStore } from './column-store.ts';
import type { ContainerReader } from './container-reader.ts';
import { pickBySize, pickWhole } from './merge-policy.ts';
import type { Segment } from './segment.ts';
import type { StorageLimits } from './storage-limits.ts';
import type { StoreVersion } from './store-version.ts';

export interface MergePickerOptions {
  /** Buckets whose merge operators are known. */
  readonly buckets: ReadonlyMap<number, BucketOptions>;
  /** Buckets that merges leave out. */
  readonly dropped: ReadonlySet<number>;
  readonly columns: ColumnStore;
  /** Containers that a merge left as large as what it read; until the next flush there is nothing to gain from them. */
  readonly fruitless: ReadonlySet<number>;
  readonly limits: StorageLimits;
}

/** Neighbours in the order of the version, newest first: `[from, to)`. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

/** Dead entries of one in this many are worth a merge of everything. */
const GARBAGE_SHARE = 4;

export class MergePicker {
  private readonly options: MergePickerOptions;

  constructor(options: MergePickerOptions) {
    this.options = options;
  }

  /** Segments to merge; null when there are none. `whole`: all of them, if there is anything to gain. */
  segments(version: StoreVersion, whole: boolean): Run | null {
    const candidates = version.segments.map((segment) => ({
      bytes: segment.bytes,
      isDamaged: segment.isLostTo(this.options.dropped) || !this.isMergeable(segment),
    }));
    if (whole) return pickWhole(candidates, this.hasGarbage(version, 1));
    return this.bySize(candidates) ?? (this.shrinks(version) ? pickWhole(candidates, true) : null);
  }

  /** Columns of one vector to merge, newest first; null when there are none. */
  columns(version: StoreVersion, whole: boolean): readonly ColumnReader[] | null {
    for (const ordinal of new Set(version.columns.map((column) => column.ordinal))) {
      const columns = version.columnsOf(ordinal);
      if (columns.some((column) => column.container.isDamaged)) continue;
      const candidates = columns.map(({ container }) => ({ bytes: container.ref.byteLength, isDamaged: container.isDamaged }));
      const kept = this.options.columns.keptRowsOf(ordinal);
      const rows = columns.reduce((sum, column) => sum + column.rows, 0);
      const isGarbage = kept !== null && rows > kept && (rows - kept) * (whole ? rows : GARBAGE_SHARE) > rows && this.mayGain(columns);
      const run = whole ? pickWhole(candidates, isGarbage) : (this.bySize(candidates) ?? (isGarbage ? pickWhole(candidates, true) : null));
      if (run === null) continue;
      const inputs = columns.slice(run.from, run.to);
      if (inputs.every((column) => column.dimensions === inputs[0].dimensions)) return inputs;
    }
    return null;
  }

  /** Whether so much is dead that merging gives space back. */
  shrinks(version: StoreVersion): boolean {
    return this.hasGarbage(version, GARBAGE_SHARE);
  }

  private bySize(candidates: Parameters<typeof pickBySize>[0]): Run | null {
    const { mergeFanout, mergeBytesMax } = this.options.limits;
    return pickBySize(candidates, { fanout: mergeFanout, bytesMax: mergeBytesMax });
  }

  /** Whether every bucket in the segment is known, so that its entries can be merged. */
  private isMergeable(segment: Segment): boolean {
    const { buckets, dropped } = this.options;
    try {
      for (const bucket of segment.sections().keys()) if (!buckets.has(bucket) && !dropped.has(bucket)) return false;
      return true;
    } catch (error) {
      if (HeddleError.from(error).code !== 'Corruption') throw error;
      return false;
    }
  }

  /** False when merging all of these gave nothing back the last time. */
  private mayGain(inputs: readonly { readonly container: ContainerReader }[]): boolean {
    return inputs.length > 1 || !this.options.fruitless.has(inputs[0].container.ref.id);
  }

  /**
   * Whether some bucket's dead entries, as far as they are known, are more than one in `share` of its entries, or merging gets rid
   * of damage.
   */
  private hasGarbage(version: StoreVersion, share: number): boolean {
    const { buckets, dropped } = this.options;
    const totals = new Map<number, { entries: number; tombstones: number }>();
    for (const segment of version.segments) {
      if (segment.isLostTo(dropped)) return false;
      for (const [bucket, { info }] of segment.sections()) {
        if (dropped.has(bucket)) return true;
        const total = totals.get(bucket) ?? { entries: 0, tombstones: 0 };
        total.entries += info.entries;
        total.tombstones += info.tombstones;
        totals.set(bucket, total);
      }
    }
    // With its damage out of the way: in a segment that no bucket loses anything of, and in a filter.
    if (version.segments.some(({ container }) => container.losesFilter || container.isDamaged)) return true;
    if (version.segments.length === 0 || !this.mayGain(version.segments)) return false;
    for (const [bucket, { entries, tombstones }] of totals) {
      const kept = buckets.get(bucket)?.keptEntries?.();
      const dead = kept === undefined ? tombstones * 2 : Math.max(tombstones, entries - kept);
      if (dead > 0 && dead * share > entries) return true;
    }
    return false;
  }
}
