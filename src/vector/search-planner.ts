/**
 * Which way a filtered search goes, by what searches have cost on this device: an exact scan of the allow-list, a filtered
 * walk (ACORN), or a plain walk whose hits are sifted. Costs are running means of measured time; until a way was measured,
 * an estimate from the dimensions stands in.
 */
export type SearchPath = 'exact' | 'graph' | 'acorn';

const MEMORY = 1 / 16;

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
    if (path === 'exact') this.scanRow += MEMORY * (cost - this.scanRow);
    else if (path === 'graph') this.walkEf += MEMORY * (cost - this.walkEf);
    else this.acornEf += MEMORY * (cost - this.acornEf);
  }
}
