/**
 * Which way a filtered search goes, by what searches have cost on this device: an exact scan of the allow-list, a filtered
 * walk (ACORN), or a plain walk whose hits are sifted. Costs are running estimates of measured time; until a way was measured,
 * an estimate from the dimensions stands in.
 */
export type SearchPath = 'exact' | 'graph' | 'acorn';

/** A search is never faster than the work, but often slower, when the machine has other things to do: downwards is learnt fast, upwards slowly. */
const FASTER = 1 / 4;
const SLOWER = 1 / 64;
const SLOWER_MAX = 2;
const learnt = (known: number, seen: number): number =>
  seen < known ? known + FASTER * (seen - known) : known + SLOWER * (Math.min(seen, SLOWER_MAX * known) - known);

export class SearchPlanner {
  /** Microseconds per row scanned. */
  private scanRow: number;
  /** Microseconds per unit of ef. */
  private walkEf: number;
  private acornEf: number;

  constructor(dimensions: number) {
    this.scanRow = 0.01 + dimensions * 0.00008;
    this.walkEf = 0.3 + dimensions * 0.001;
    this.acornEf = this.walkEf * 2;
  }

  /** The cheapest way for `allowed` of `rows` rows; a plain walk needs more width to find enough allowed ones. */
  choose(allowed: number, rows: number, k: number, ef: number, acorn: boolean): SearchPath {
    if (allowed <= k) return 'exact';
    const share = Math.min(1, allowed / Math.max(1, rows));
    const exact = allowed * this.scanRow;
    const graph = this.walkEf * (ef / share);
    const filtered = acorn ? this.acornEf * ef : Infinity;
    if (exact <= Math.min(graph, filtered)) return 'exact';
    return filtered < graph ? 'acorn' : 'graph';
  }

  /** Notes what a search cost. `units`: rows for an exact scan, ef for a walk. */
  note(path: SearchPath, units: number, microseconds: number): void {
    if (units < 16 || !(microseconds >= 0)) return;
    const cost = microseconds / units;
    if (path === 'exact') this.scanRow = learnt(this.scanRow, cost);
    else if (path === 'graph') this.walkEf = learnt(this.walkEf, cost);
    else this.acornEf = learnt(this.acornEf, cost);
  }
}
