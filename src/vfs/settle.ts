/**
 * The settle rule: when a new file's name can be trusted to outlive a power cut.
 *
 * Chromium keeps the names of OPFS files in a table it never syncs; measured, files made 6 s before a power cut were gone
 * (4 of 4) and files made 36 s before it were there (3 of 3), flushed or not. So a file counts as settled once the worker
 * that made it has itself lived `settleMs` since, by its monotonic clock. Time a worker did not live through does not count:
 * after a reload nothing says whether the machine slept, crashed or ran, so the wait starts again.
 *
 * The moment of settling has to be *recorded* by the caller in a settled place or derived again at each open: a worker that
 * opens files whose record says "unsettled" passes them to `start` as if it had just made them.
 */
import type { Clock } from '../core/clock.ts';
import type { Vfs } from './vfs.ts';

/** Twice what was measured to suffice. */
export const SETTLE_MS = 60_000;

/** How long a new name takes to settle on this vfs: Node syncs the directory itself, memory has no power to lose. */
export const settleMsOf = (kind: Vfs['kind']): number => (kind === 'opfs' || kind === 'simulated' ? SETTLE_MS : 0);

export class SettleRule {
  private readonly clock: Clock;
  private readonly settleMs: number;
  private readonly startedAt = new Map<string, number>();

  constructor(clock: Clock, settleMs: number) {
    this.clock = clock;
    this.settleMs = settleMs;
  }

  /** `name` was created now, or was found unsettled by this worker. Calling it again does not restart the wait. */
  start(name: string): void {
    if (this.settleMs > 0 && !this.startedAt.has(name)) this.startedAt.set(name, this.clock.monotonic());
  }

  isSettled(name: string): boolean {
    const startedAt = this.startedAt.get(name);
    if (startedAt === undefined) return true;
    if (this.clock.monotonic() - startedAt < this.settleMs) return false;
    this.startedAt.delete(name);
    return true;
  }

  /** Milliseconds until every name is settled; 0 when all are. */
  remainingMs(): number {
    let remaining = 0;
    const now = this.clock.monotonic();
    for (const startedAt of this.startedAt.values()) remaining = Math.max(remaining, startedAt + this.settleMs - now);
    return remaining;
  }
}
