/**
 * How far a walk reaches: through nodes within `stretch` times the distance of the k-th nearest found so far (Distance Adaptive
 * Beam Search, arXiv 2505.15636), instead of the `ef` nearest whatever they are. At the same number of hops this finds more: a
 * query whose neighbours stand out ends early, one in the midst of many near rows goes on.
 *
 * - `ef` keeps its meaning as what a search costs: for each width asked for, `stretch` is steered so that walks take `ef` hops on
 *   average as plain ones do. The first walks at a width keep the pool's own bound and show how many those are, and how much farther
 *   the pool's last is than the k-th.
 * - The pool is `POOL_SHARE` times as wide as `ef`, so no single query costs more than that.
 */

/** Most hops of one walk, as a multiple of ef. */
export const POOL_SHARE = 3;
/** Walks at the plain width from which the first stretch is taken. */
const SURVEYED = 8;
/** Of the way from the k-th to the pool's last, how much a stretched walk of the same cost goes. */
const SHARE_OF_LAST = 0.65;
/** How fast the stretch follows: first, and in the long run. */
const RATE_FIRST = 1 / 16;
const RATE_LAST = 1 / 256;
const EXCESS_GUESSED = 0.2;
const EXCESS_MIN = 1e-3;
const EXCESS_MAX = 8;
/** Widths remembered; others are walked plainly. */
const WIDTHS_MAX = 64;

interface Steering {
  walks: number;
  /** Of a plain walk, on average. */
  hops: number;
  /** Stretch − 1. */
  excess: number;
}

export class WalkStretch {
  private readonly steerings = new Map<number, Steering>();

  private steering(ef: number, k: number): Steering | undefined {
    const key = ef * 65_536 + k;
    let known = this.steerings.get(key);
    if (!known && this.steerings.size < WIDTHS_MAX) this.steerings.set(key, (known = { walks: 0, hops: 0, excess: 0 }));
    return known;
  }

  /** The excess over 1 for a search of k at this width, before it was surveyed a guess. */
  excess(ef: number, k: number): number {
    const stretch = this.for(ef, k);
    return stretch > 0 ? stretch - 1 : EXCESS_GUESSED;
  }

  /** For a search of k at this width; 0: at the plain width. */
  for(ef: number, k: number): number {
    const known = ef > k ? this.steering(ef, k) : undefined;
    return known && known.walks >= SURVEYED && known.excess > 0 ? 1 + known.excess : 0;
  }

  /** After a plain walk: its hops, and the distances of the k-th and the last of its pool. */
  survey(ef: number, k: number, hops: number, kth: number, last: number): void {
    const known = this.steering(ef, k);
    if (!known || !(kth > 0) || !(last >= kth)) return;
    known.walks++;
    known.hops += (hops - known.hops) / known.walks;
    known.excess += ((last / kth - 1) * SHARE_OF_LAST - known.excess) / known.walks;
    if (known.walks === SURVEYED) known.excess = Math.min(EXCESS_MAX, Math.max(EXCESS_MIN, known.excess));
  }

  /** After a stretched walk. */
  note(ef: number, k: number, hops: number): void {
    const known = this.steering(ef, k);
    if (!known) return;
    known.walks++;
    const rate = Math.max(RATE_LAST, Math.min(RATE_FIRST, 1 / (known.walks - SURVEYED)));
    known.excess = Math.min(EXCESS_MAX, Math.max(EXCESS_MIN, known.excess * (1 + rate * (1 - hops / known.hops))));
  }
}
