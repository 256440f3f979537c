/** A vector index for tests: l2-squared, every row compared. */
import type { VectorHits, VectorSearchOptions } from '../../vector/vector-index.ts';
import type { SearchableVectors } from '../vector-search.ts';

export class ExactVectors implements SearchableVectors {
  readonly dimensions: number;
  readonly lastExplain = { path: 'exact', backend: 'wasm', ef: 0, distances: 0, hops: 0, rescored: 0, backlogScanned: 0 } as const;
  private readonly rows = new Map<number, Float32Array>();

  constructor(dimensions: number) {
    this.dimensions = dimensions;
  }
  get size(): number {
    return this.rows.size;
  }
  add(docID: number, row: Float32Array): void {
    this.rows.set(docID, row.slice());
  }
  remove(docID: number): void {
    this.rows.delete(docID);
  }
  search(query: Float32Array, k: number, { allow, maxDistance = null }: VectorSearchOptions = {}): VectorHits {
    const hits = [...this.rows]
      .filter(([docID]) => allow === undefined || allow.has(docID))
      .map(([docID, row]) => ({ docID, distance: Math.fround(row.reduce((sum, value, d) => sum + (value - query[d]) ** 2, 0)) }))
      .filter(({ distance }) => maxDistance === null || distance <= maxDistance)
      .sort((a, b) => a.distance - b.distance || a.docID - b.docID)
      .slice(0, k);
    return { docIDs: Uint32Array.from(hits, ({ docID }) => docID), distances: Float32Array.from(hits, ({ distance }) => distance) };
  }
}
