/**
 * Recall on a sample of the stored rows: how many of the ten nearest by exact scan the index finds at its own settings.
 * The sample is spread evenly over the docIDs, so that the same index gives the same figure.
 */
import type { DocSet } from '../core/doc-set.ts';
import type { VectorHits, VectorRows } from './vector-index.ts';

const SAMPLE = 32;
const K = 10;

export interface Searchable {
  readonly dimensions: number;
  search(query: Float32Array, k: number): VectorHits;
  searchExact(query: Float32Array, k: number): VectorHits;
}

/** Null when there are no rows. */
export function sampledRecall(index: Searchable, rows: VectorRows, stored: DocSet): number | null {
  const docIDs = stored.toArray();
  if (docIDs.length === 0) return null;
  const row = new Float32Array(index.dimensions);
  let found = 0;
  let wanted = 0;
  for (let i = 0; i < SAMPLE; i++) {
    const docID = docIDs[Math.floor(((i + 0.5) * docIDs.length) / SAMPLE)];
    if (!rows.read(docID, row)) continue;
    const exact = new Set(index.searchExact(row, K).docIDs);
    for (const hit of index.search(row, K).docIDs) if (exact.has(hit)) found++;
    wanted += exact.size;
  }
  return wanted === 0 ? null : found / wanted;
}
