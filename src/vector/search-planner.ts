/**
 * Which way a filtered search goes, by what searches have cost on this device: an exact scan of the allow-list, a filtered
 * walk (ACORN), or a walk through all nodes whose hits are sifted. Costs are running estimates of measured time; until a way was measured,
 * an estimate from the dimensions stands in.
 */
export type SearchPath = 'exact' | 'graph' | 'acorn';

/** A search is never faster than the work, but often slower, when the machine has other things to do: downwards is learnt fast, upwards slowly. */
const FASTER = 1 / 4;
const SLOWER = 1 / 64;
const SLOWER_MAX = 2;
const learnt = (known: number, seen: number): number =>
  seen < known ? known + FASTER * (seen - known) : known + SLOWER * (Math.min(seen, SLOWER_MAX * known) - known);

/** A browser's clock may go in steps of 100 µs, longer than a search: costs are learnt from so many together. */
const LEARNT_FROM_US = 2_000;

interface Sum {
  units: number;
  microseconds: number;
}

export class SearchPlanner {
  /** Microseconds per row scanned. */
  private scanRow: number;
  /** Microseconds per hop. */
  private walkHop: number;
  private acornHop: number;
  /** Not learnt from yet. */
  private readonly sums: Record<SearchPath, Sum> = {
    exact: { units: 0, microseconds: 0 },
    graph: { units: 0, microseconds: 0 },
    acorn: { units: 0, microseconds: 0 },
  };

  constructor(dimensions: number) {
    this.scanRow = 0.01 + dimensions * 0.00008;
    this.walkHop = 0.3 + dimensions * 0.001;
    this.acornHop = this.walkHop * 4;
  }

  /** The cheapest way to k of `allowed` rows: a scan of them, or a walk of either kind with the hops it would take (Infinity: not that one). */
  choose(allowed: number, k: number, walkHops: number, acornHops: number): SearchPath {
    if (allowed <= k) return 'exact';
    const exact = allowed * this.scanRow;
    const graph = walkHops * this.walkHop;
    const acorn = acornHops * this.acornHop;
    if (exact <= Math.min(graph, acorn)) return 'exact';
    return acorn < graph ? 'acorn' : 'graph';
  }

  /** Notes what a search cost. `units`: rows for an exact scan, hops for a walk. */
  note(path: SearchPath, units: number, microseconds: number): void {
    if (!(microseconds >= 0)) return;
    const sum = this.sums[path];
    sum.units += units;
    sum.microseconds += microseconds;
    if (sum.microseconds < LEARNT_FROM_US || sum.units < 16) return;
    const cost = sum.microseconds / sum.units;
    if (path === 'exact') this.scanRow = learnt(this.scanRow, cost);
    else if (path === 'graph') this.walkHop = learnt(this.walkHop, cost);
    else this.acornHop = learnt(this.acornHop, cost);
    sum.units = 0;
    sum.microseconds = 0;
  }
}
