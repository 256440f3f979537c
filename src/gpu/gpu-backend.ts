/**
 * What the engine asks of the GPU: tables of rows, and jobs over them. Served in-process (`local-gpu.ts`) or across a port
 * (`gpu-port.ts`); every value is structured-cloneable.
 *
 * - A job answers `null` (a table call `false`) when the GPU can't or should not do it: lost, out of memory, over a limit,
 *   refused by its self-test, declined by the planner. The caller then lets the CPU do it; that is never an error.
 * - A table is the engine's own: it says which rows are in it, and after a `false` or a `null` with `isOpen` false it starts
 *   over with `openTable`.
 * - Answers of exact jobs agree with the CPU's up to single-precision rounding, ties by docID.
 */
import type { Distance } from '../schema/collection-schema.ts';
import type { RowType } from '../kernels/gpu/row-format.ts';
import type { GpuAllow, GpuHits } from './exact-search.ts';
import type { GpuAdapterFacts } from './gpu-device.ts';
import type { GpuCosts, GpuJobSize, GpuMode, GpuPlan } from './gpu-planner.ts';
import type { BuiltGraph, BuiltLevel } from './graph-build.ts';
import type { GraphPatch } from './graph-copy.ts';
import type { GraphHits } from './graph-search.ts';
import type { KmeansJob } from './kmeans.ts';
import type { RowSpace } from './row-words.ts';

export type {
  BuiltGraph,
  BuiltLevel,
  GpuAllow,
  GpuCosts,
  GpuHits,
  GpuJobSize,
  GpuMode,
  GpuPlan,
  GraphHits,
  GraphPatch,
  KmeansJob,
  RowSpace,
};

/** `db.gpu`: what there is, what it was measured to do and what it did. */
export interface GpuStatus {
  /** `idle`: no adapter was asked for yet. `absent`: there is none. `lost`: it went away and is asked for again later. */
  readonly state: 'idle' | 'ready' | 'absent' | 'lost' | 'forbidden';
  readonly mode: GpuMode;
  readonly adapter: GpuAdapterFacts | null;
  /** Null until measured; a software adapter is not measured. */
  readonly costs: GpuCosts | null;
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly tables: number;
  /** Kernel families that were compared with plain code, and those that were wrong, with what they did. */
  readonly kernelsChecked: number;
  readonly kernelsWrong: readonly string[];
  readonly jobsRun: number;
  readonly jobsDeclined: number;
  readonly jobsFailed: number;
  readonly devicesLost: number;
  /** Why the last job that failed did. */
  readonly lastFailure: string | null;
}

export interface TableSpec {
  readonly rowType: RowType;
  readonly distance: Distance;
  readonly dimensions: number;
  /** For coded rows. */
  readonly space: RowSpace | null;
  /** Rows expected, so that memory is taken once. */
  readonly rowsExpected: number;
}

/** Names a table for as long as it lives; never reused. */
export type TableId = number;

export interface ExactRequest {
  readonly table: TableId;
  /** Row-major, of any length; transferred, as are those of a walk. */
  readonly queries: Float32Array<ArrayBuffer>;
  readonly k: number;
  readonly allow: GpuAllow | null;
  /** What the CPU is expected to take for all of it; the planner compares. */
  readonly cpuMs: number;
}

export interface GraphRequest {
  readonly table: TableId;
  /** Float table with the same rows, for rescoring; null: none. */
  readonly exact: TableId | null;
  readonly queries: Float32Array<ArrayBuffer>;
  readonly k: number;
  readonly ef: number;
  readonly rescore: number;
  readonly cpuMs: number;
}

export interface BuildRequest {
  /** Float table, its rows in random order. */
  readonly table: TableId;
  readonly maxConnections: number;
  readonly efConstruction: number;
  readonly cpuMs: number;
}

/** Rows that a job needs and the GPU does not have yet. */
export interface MissingRows {
  readonly key: string;
  readonly bytes: number;
}

export interface GpuBackend {
  status(): Promise<GpuStatus>;
  /**
   * Opens the adapter if that was not tried yet, measures it, and says whether such a job would go to it. `missing`: what has to be
   * uploaded once before this and later jobs of the same `key`; see `upload-rule.ts`.
   */
  plan(job: GpuJobSize, missing?: MissingRows): Promise<GpuPlan>;
  /** Null when there is no usable GPU or no memory for the table. */
  openTable(spec: TableSpec): Promise<TableId | null>;
  isOpen(table: TableId): Promise<boolean>;
  /** Row-major rows of any length, transferred; false when the table is gone or full. */
  append(table: TableId, docIDs: Uint32Array, rows: Float32Array): Promise<boolean>;
  remove(table: TableId, docIDs: Uint32Array): Promise<boolean>;
  /** Rows and level 0 of an engine's graph, as they changed; a table that takes patches takes nothing else. */
  patchGraph(table: TableId, patch: GraphPatch): Promise<boolean>;
  dropTable(table: TableId): Promise<void>;
  searchExact(request: ExactRequest): Promise<GpuHits | null>;
  searchGraph(request: GraphRequest): Promise<GraphHits | null>;
  build(request: BuildRequest): Promise<BuiltGraph | null>;
  trainCentroids(
    job: KmeansJob & { readonly cpuMs: number },
  ): Promise<{ readonly centroids: Float32Array; readonly assigned: Uint32Array } | null>;
  close(): Promise<void>;
}
