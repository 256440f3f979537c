/**
 * Whether the names of a host's files are power-safe yet, and until they are, the mirror that stands in for them.
 *
 * Called by the host's storage only, which puts it into the manifest that the files have settled before it says so here.
 */
import type { Clock, Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { FirstMinute, MirrorRecord } from './first-minute.ts';

export class Settling {
  private readonly firstMinute: FirstMinute | null;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly dueMs: number;
  private readonly waiters: (() => void)[] = [];
  private isDone: boolean;
  private clearing: Promise<void> = Promise.resolve();

  /** `settleMs`: from now on; `isSettled`: as the manifest says. */
  constructor(firstMinute: FirstMinute | null, settleMs: number, isSettled: boolean, clock: Clock, logger: Logger) {
    this.firstMinute = firstMinute;
    this.isDone = isSettled;
    this.clock = clock;
    this.logger = logger;
    this.dueMs = clock.monotonic() + settleMs;
  }

  get isSettled(): boolean {
    return this.isDone;
  }

  /** Time to say in the manifest that the files have settled. */
  get isDue(): boolean {
    return !this.isDone && this.clock.monotonic() >= this.dueMs;
  }

  /** Whether records must be mirrored. */
  get mirrors(): boolean {
    return this.firstMinute !== null && !this.isDone;
  }

  get mirrorBytes(): number {
    return this.firstMinute?.bytesHeld ?? 0;
  }

  mirror(record: MirrorRecord): void {
    if (!this.isDone) this.firstMinute?.put(record);
  }

  /** Resolves when what was mirrored is durable: whether it is whole. */
  async sync(): Promise<boolean> {
    return this.mirrors && (await this.firstMinute!.sync());
  }

  /** The manifest says so: the mirror goes, and those who wait are told when it has gone. */
  settle(): void {
    this.isDone = true;
    this.clearing = this.clear();
    for (const resolve of this.waiters.splice(0)) resolve();
  }

  settled(): Promise<void> {
    if (this.isDone) return this.clearing;
    return new Promise((resolve) => this.waiters.push(() => resolve(this.clearing)));
  }

  /** Resolves when the mirror holds all it was given, or has gone. */
  close(): Promise<void> {
    return this.firstMinute?.sync().then(() => this.clearing) ?? this.clearing;
  }

  private async clear(): Promise<void> {
    try {
      await this.firstMinute?.clear();
    } catch (error) {
      this.logger.log('warn', `the first minute mirror stays until the next open: ${HeddleError.from(error).message}`);
    }
  }
}
