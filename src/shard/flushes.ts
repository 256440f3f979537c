/**
 * When the memtables of a host's shards go to segments, and who does the work.
 *
 * Invariants:
 * - A flush works in slices, in the background and, if that is not enough, before commits: a commit pays for about as much of it
 *   as it writes itself (`pace`), so the flush under way is done before the next has to begin and no writer waits for a whole one.
 * - Only when the log has no room for a commit and cannot be recycled is a flush finished at once.
 * - A full disk puts background flushing off; a writer that needs room tries at once.
 * Called by the host only.
 */
import type { Clock, Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { HostStorage } from '../lsm/host-storage.ts';
import type { HostLimits } from './engine-host.ts';
import type { Shard } from './shard.ts';

/** After a full disk, flushes that can wait do so this long; a writer that needs room tries at once. */
const FULL_DISK_PAUSE_MS = 1_000;
/** A slice that a commit pays for: the least that `stepFlush` does. */
const PACE_SLICE_MS = 0;

export interface FlushesOptions {
  readonly storage: HostStorage;
  readonly shards: ReadonlyMap<number, Shard>;
  readonly limits: HostLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The host's own part of the manifest edit. */
  hostMeta(): Uint8Array;
}

export class Flushes {
  private readonly options: FlushesOptions;
  private blockedUntilMs = 0;

  constructor(options: FlushesOptions) {
    this.options = options;
  }

  /** Before a commit of about `bytes`: begins and paces flushes, and waits for them when the log has no room. */
  makeRoom(bytes: number): void {
    const { storage, shards, limits } = this.options;
    this.unlessFull(() => {
      this.startDue();
      const logFill = storage.logPressure().length > 0 ? storage.logFill : 0;
      for (const shard of shards.values()) this.pace(shard, logFill);
      if ([...shards.values()].every((shard) => !shard.flushing)) storage.payForMerges(bytes);
    });
    for (const shard of shards.values()) if (shard.memtableBytes > 2 * limits.memtableBytesMax) this.flush(shard);
    if (!storage.hasLogRoom(bytes)) this.unpin();
  }

  /** One slice of every flush; false when nothing is left, or the disk is full. */
  step(left: () => number): boolean {
    let more = false;
    this.unlessFull(() => {
      this.startDue();
      for (const shard of this.options.shards.values()) more = !shard.stepFlush(left()) || more;
    });
    return more && this.blockedUntilMs === 0;
  }

  /** Begins the shard's flush unless one is under way. */
  start(shard: Shard): void {
    if (!shard.flushing) shard.startFlush(this.hostMeta);
  }

  /** Everything applied to the shard so far goes to segments, now. */
  flush(shard: Shard, finishing = false): void {
    finish(shard);
    shard.startFlush(this.hostMeta, finishing);
    finish(shard);
  }

  /** The same unless a full disk put flushes off or does so now; then all stays in memory and in the log. */
  flushIfRoom(shard: Shard): void {
    this.unlessFull(() => this.flush(shard));
  }

  /** Before closing, whatever was put off before. */
  flushAtLast(shard: Shard): void {
    this.blockedUntilMs = 0;
    this.unlessFull(() => this.flush(shard, true));
  }

  /** Flushes what keeps the log from being recycled, until the oldest file is free or there is nothing left to flush. */
  private unpin(): void {
    const { storage, shards } = this.options;
    for (let pinned = storage.logPressure(); pinned.length > 0; pinned = storage.logPressure()) {
      let flushed = false;
      for (const id of pinned) {
        const shard = shards.get(id);
        if (!shard?.isDirty) continue;
        if (shard.flushing) finish(shard);
        else this.flush(shard);
        flushed = true;
      }
      if (!flushed) return;
    }
  }

  /** Begins flushes of shards that pin the log or are over their limit, and of the largest when all together are over theirs. */
  private startDue(): void {
    const { storage, shards, limits } = this.options;
    const due = [...shards.values()].filter((shard) => shard.memtableBytes > limits.memtableBytesMax);
    for (const id of storage.logPressure()) if (shards.get(id)?.isDirty) due.push(shards.get(id)!);
    if (due.length === 0 && shards.size > 1) {
      const all = [...shards.values()];
      const total = all.reduce((sum, shard) => sum + shard.memtableBytes, 0);
      if (total > limits.hostMemtableBytesMax) due.push(all.reduce((a, b) => (a.memtableBytes > b.memtableBytes ? a : b)));
    }
    for (const shard of due) this.start(shard);
  }

  /** Runs work that can wait: a full disk puts it off. */
  private unlessFull(work: () => void): void {
    const { clock, logger } = this.options;
    if (clock.monotonic() < this.blockedUntilMs) return;
    this.blockedUntilMs = 0;
    try {
      work();
    } catch (thrown) {
      const error = HeddleError.from(thrown);
      if (error.code !== 'StorageFull') throw error;
      this.blockedUntilMs = clock.monotonic() + FULL_DISK_PAUSE_MS;
      logger.log('warn', `flush put off: ${error.message}`, error.details);
    }
  }

  /**
   * Works on the shard's flush until as large a part of it is done as is filled of the room that is left meanwhile: half a memtable, or
   * the last log file (`logFill` of it is used).
   */
  private pace(shard: Shard, logFill: number): void {
    if (!shard.flushing) return;
    const due = Math.max(logFill, shard.memtableBytes / (this.options.limits.memtableBytesMax / 2));
    while (shard.flushing && shard.flushProgress < due) shard.stepFlush(PACE_SLICE_MS);
  }

  private readonly hostMeta = (): Uint8Array => {
    // Segments leave out what the log has killed; so the log is durable before the manifest names them, in relaxed mode too.
    this.options.storage.sync();
    return this.options.hostMeta();
  };
}

function finish(shard: Shard): void {
  while (!shard.stepFlush(Infinity));
}
