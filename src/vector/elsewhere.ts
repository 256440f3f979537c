/**
 * What a vector index offers to whoever computes elsewhere, on the GPU: its graph to be copied and walked, rows to be linked in
 * bulk, a quantizer to be trained. Everything that comes back is checked or only a proposal, so the index stays right whatever
 * happened there or here meanwhile.
 */
import type { BuiltGraph, KmeansJob } from '../gpu/gpu-backend.ts';
import type { MirroredGraph } from '../gpu/graph-mirror.ts';
import type { VectorHits, VectorSearchOptions } from './vector-index.ts';

/** Walks of the graph. */
export interface WalkedElsewhere {
  /** The graph, for a copy of it. */
  readonly window: MirroredGraph;
  /** Width of the walk that would answer a search without a filter; null where a scan would. */
  walkWidth(k: number, ef: number | null): number | null;
  /** `search` among the slots that such a walk found (in any order, also stale ones) and the rows that wait. No filter. */
  searchListed(query: Float32Array, k: number, slots: Uint32Array, options?: VectorSearchOptions): VectorHits;
}

/** Building of the graph, training of the quantizer. */
export interface BuiltElsewhere {
  readonly maxConnections: number;
  readonly efConstruction: number;
  /** Rows that linking is behind by, and what linking one takes here; null where nothing is to be linked, or nothing was timed yet. */
  readonly debt: { readonly rows: number; readonly msPerRow: number } | null;
  /** While something is made elsewhere: rows wait for it (so many as memory allows), searches go on with what there is. */
  hold(on: boolean): void;
  /** The levels that these docIDs' nodes have in a graph. */
  levelsOf(docIDs: Uint32Array): Uint8Array<ArrayBuffer>;
  /** Takes a graph over rows of these docIDs in the place of its own; rows that came since are linked one by one. */
  adopt(built: BuiltGraph, docIDs: Uint32Array, durableSequence: number): void;
  /** The k-means that a product quantizer waits for; null where none does. */
  productJob(): KmeansJob | null;
  /** Takes the centroids that `productJob` asked for, unless others were trained meanwhile. */
  adoptCodebook(centroids: Float32Array<ArrayBuffer>): void;
}
