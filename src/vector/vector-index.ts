/**
 * The vector index of one shard and one named vector, as the shard sees it.
 *
 * Invariants:
 * - A row is searchable as soon as `add` returns: rows not yet in the graph are scanned exactly and merged in.
 * - `docID`s are the shard's; graph slots are this index's own affair.
 * - Everything here is synchronous and single-threaded; `step` does background work in slices.
 * - The index owns no truth: rows are durable in the vector column, objects in the log. A graph log operation is written
 *   only after the record it stems from is durable; what lies beyond the recovered log is dropped at open.
 */
import type { DocSet } from '../core/doc-set.ts';
import type { VectorSchema } from '../schema/collection-schema.ts';
import type { BuiltElsewhere, WalkedElsewhere } from './elsewhere.ts';

export interface VectorHits {
  /** Nearest first; ties by docID. Length is the number of hits, at most k. */
  readonly docIDs: Uint32Array;
  /** Exact distances in the unit of the configured distance. */
  readonly distances: Float32Array;
}

export interface VectorSearchOptions {
  /** Search width; null: the index's own rule (Weaviate's dynamic ef). */
  readonly ef?: number | null;
  /** Only these docIDs; undefined: all. Borrowed for the call. */
  readonly allow?: DocSet;
  readonly maxDistance?: number | null;
}

/** What the index did for the last search, for `explain`. */
export interface VectorSearchExplain {
  readonly path: 'exact' | 'graph' | 'acorn';
  readonly backend: 'wasm' | 'gpu';
  readonly ef: number;
  readonly distances: number;
  readonly hops: number;
  readonly rescored: number;
  readonly backlogScanned: number;
}

export interface VectorIndexHealth {
  readonly rows: number;
  readonly inGraph: number;
  readonly backlog: number;
  readonly tombstones: number;
  readonly memoryBytes: number;
  readonly graphDiskBytes: number;
  /** Against exact scans on a sample of stored rows; null when there are none. */
  readonly recallAt10: number | null;
}

/** The durable rows of this vector (the vector column and its tail); owned by the shard, given to the index. */
export interface VectorRows {
  readonly dimensions: number;
  /** Copies the row of a live docID into `into` (`dimensions` floats); false when there is none. */
  read(docID: number, into: Float32Array): boolean;
  /** Calls back with every live row; the row is borrowed. Used for training and rebuilding. */
  forEach(each: (docID: number, row: Float32Array) => void): void;
}

export interface VectorIndex extends WalkedElsewhere {
  readonly bulk: BuiltElsewhere;
  readonly dimensions: number;
  /** Live rows. */
  readonly size: number;
  /** Rows not yet in the graph. */
  readonly backlog: number;
  /** Throws `StorageFull` where `rows` more would not fit into memory: for the shard to ask before it logs a write. */
  admit(rows: number): void;
  /** Takes a row (borrowed, `dimensions` floats). `sequence` is that of the log record it came with. `StorageFull` when memory is at its limit. */
  add(docID: number, row: Float32Array, sequence: number): void;
  /** Forgets a docID; unknown ones are ignored. */
  remove(docID: number, sequence: number): void;
  /** The same row under a new docID: free for the graph. */
  rebind(oldDocID: number, newDocID: number, sequence: number): void;
  /** The docIDs it holds, for the shard to reconcile after opening; a fresh set. */
  docIDs(): DocSet;
  search(query: Float32Array, k: number, options?: VectorSearchOptions): VectorHits;
  /** `queries` is row-major `[count × dimensions]`. */
  searchMany(queries: Float32Array, k: number, options?: VectorSearchOptions): VectorHits[];
  readonly lastExplain: VectorSearchExplain;
  /** One slice of background work (graph insertion, repair, log compaction), about `budgetMs` long; false when there is none left. `durableSequence`: records up to it are on disk. */
  step(budgetMs: number, durableSequence: number): boolean;
  /** Makes what `step` did durable (called with the shard's manifest edits and at close); returns what the manifest must keep. */
  checkpoint(durableSequence: number): VectorIndexState;
  health(): VectorIndexHealth;
  /** Takes the settings of the graph from a changed schema; they hold from now on. */
  retune(schema: VectorSchema): void;
  /** Cheap figures, for stats. */
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** A snapshot is being written: a checkpoint now would have to finish it in one go. */
  readonly snapshotting: boolean;
  close(): void;
  readonly isClosed: boolean;
}

/** What the shard keeps in the manifest for a vector index: streams of the host's data files and a little metadata. */
export interface VectorIndexState {
  /** Stream of the last snapshot, or null. */
  readonly snapshot: number | null;
  /** Stream of the graph log since that snapshot, or null. */
  readonly log: number | null;
  /** Opaque to the shard; JSON. */
  readonly meta: Readonly<Record<string, unknown>>;
}
