/** The scrub: reads and checks everything once in a while, in slices. Whoever meets damage notes it; the scrub only looks. */
import type { Clock } from '../core/clock.ts';
import type { ShardStore } from './shard-store.ts';

export class Scrub {
  private readonly stores: ReadonlyMap<number, ShardStore>;
  private readonly everyMs: number;
  private readonly clock: Clock;
  private round: IterableIterator<string | null> | null = null;
  private endedMs: number;

  /** The first round begins `everyMs` from now. */
  constructor(stores: ReadonlyMap<number, ShardStore>, everyMs: number, clock: Clock) {
    this.stores = stores;
    this.everyMs = everyMs;
    this.clock = clock;
    this.endedMs = clock.monotonic();
  }

  /** One slice; false when no round is due or one has ended. */
  step(budgetMs: number): boolean {
    const now = this.clock.monotonic();
    if (this.round === null && now - this.endedMs < this.everyMs) return false;
    this.round ??= this.checkAll();
    do {
      if (this.round.next().done !== true) continue;
      this.round = null;
      this.endedMs = this.clock.monotonic();
      return false;
    } while (this.clock.monotonic() < now + budgetMs);
    return true;
  }

  /** A store that was dropped meanwhile is left out. */
  private *checkAll(): IterableIterator<string | null> {
    for (const store of [...this.stores.values()]) if (this.stores.get(store.shard) === store) yield* store.check();
  }
}
