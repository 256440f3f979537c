/**
 * What a vector index offers to whoever computes elsewhere, on the GPU: its graph to be copied and walked, rows to be linked in
 * bulk, a quantizer to be trained. Everything that comes back is checked or only a proposal, so the index stays right whatever
 * happened there or here meanwhile.
 */
import type { BuiltGraph, KmeansJob } from '../gpu/gpu-backend.ts';
import type { MirroredGraph } from '../gpu/graph-mirror.ts';
import type { VectorHits, VectorSearchOptions } from './vector-index.ts';

/** What was found elsewhere: slots in any order, also stale ones. */
export interface ListedSlots {
  readonly slots: Uint32Array;
  /** `exact`: all that may be among the k nearest. */
  readonly path: 'exact' | 'graph';
}

/** Searches. */
export interface WalkedElsewhere {
  /** The graph, for a copy of it. */
  readonly window: MirroredGraph;
  /** Width of the walk that would answer a search without a filter; null where a scan would. */
  walkWidth(k: number, ef: number | null): number | null;
  /** The slots of docIDs; a number that is no slot where there is none. */
  slotsOf(docIDs: Uint32Array): Uint32Array<ArrayBuffer>;
  /** `search` among slots that were found elsewhere and the rows that wait. */
  searchListed(query: Float32Array, k: number, listed: ListedSlots, options?: VectorSearchOptions): VectorHits;
}

/** Building of the graph, training of the quantizer. */
export interface BuiltElsewhere {
  readonly maxConnections: number;
  readonly efConstruction: number;
  /** Rows that linking is behind by, and what linking one takes here; null where nothing is to be linked, or nothing was timed yet. */
  readonly debt: { readonly rows: number; readonly msPerRow: number } | null;
  /** While something is made elsewhere: rows wait for it (so many as memory allows), searches go on with what there is. */
  hold(on: boolean): void;
  /** Takes a graph over rows of these docIDs in the place of its own; rows that came since are linked one by one. */
  adopt(built: BuiltGraph, docIDs: Uint32Array, durableSequence: number): void;
  /** The k-means that a product quantizer waits for; null where none does. */
  productJob(): KmeansJob | null;
  /** Takes the centroids that `productJob` asked for, unless others were trained meanwhile. */
  adoptCodebook(centroids: Float32Array<ArrayBuffer>): void;
}
