/**
 * The GPU backend of this thread: opens the device when first asked, keeps tables on it, runs jobs one at a time.
 *
 * - A lost device drops every table; the next job after a pause (`REOPEN_MS`, doubled each time up to `REOPEN_MS_MAX`) asks for
 *   a new one. A job that was running answers null.
 * - A kernel family is proved once for each row format before its first job; a wrong one is never used.
 * - Nothing throws: see `gpu-backend.ts`.
 */
import { SeededRandom, type Clock, type Logger } from '../core/clock.ts';
import { formatName, type RowFormat } from '../kernels/gpu/row-format.ts';
import { preparedRow } from '../kernels/scalar/distances.ts';
import { TILE_SHAPES } from '../kernels/gpu/tile-distances.ts';
import { calibrate, calibrated, keepCalibration, type Calibration, type KeyValueStore } from './calibration.ts';
import { exactSearch, type GpuHits } from './exact-search.ts';
import type {
  BuildRequest,
  BuiltGraph,
  ExactRequest,
  GpuBackend,
  GpuJobSize,
  GpuMode,
  GpuPlan,
  GpuStatus,
  GraphHits,
  GraphRequest,
  GraphPatch,
  KmeansJob,
  MissingRows,
  TableId,
  TableSpec,
} from './gpu-backend.ts';
import { openGpuDevice, type GpuDevice } from './gpu-device.ts';
import { planGpu, refit, type GpuTook } from './gpu-planner.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { buildGraph, drawLevels } from './graph-build.ts';
import { GraphCopy } from './graph-copy.ts';
import { graphSearch } from './graph-search.ts';
import { trainCentroids } from './kmeans.ts';
import { selfTest, type KernelFamily } from './self-test.ts';
import { RowTable } from './row-table.ts';
import { UploadRule } from './upload-rule.ts';

export interface LocalGpuOptions {
  /** `navigator.gpu`, or Dawn's in Node; null: there is none. */
  readonly gpu: GPU | null;
  readonly mode: GpuMode;
  readonly memoryBytesMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keeps calibrations; null: measured anew each time. */
  readonly store: KeyValueStore | null;
}

interface OpenTable {
  readonly rows: RowTable;
  graph: GraphCopy | null;
}

const REOPEN_MS = 1_000;
const REOPEN_MS_MAX = 60_000;
/** Jobs between two writes of the costs. */
const KEEP_EVERY = 64;
const SCRATCH_BYTES_MAX = 2 ** 26;
/** Rows before a batch up to which building scans instead of walking: about where both cost the same. */
const SCAN_ROWS_MAX = 32_768;
/** Rows that a walk is expected to score for each place of its list. */
const SCORED_PER_EF = 12;

export class LocalGpu implements GpuBackend {
  private readonly options: LocalGpuOptions;
  private device: GpuDevice | null = null;
  private opening: Promise<GpuDevice | null> | null = null;
  private state: GpuStatus['state'];
  private calibration: Calibration | null = null;
  private readonly tables = new Map<TableId, OpenTable>();
  private nextTable = 1;
  private readonly uploads = new UploadRule();
  private readonly checked = new Map<string, string | null>();
  private jobsRun = 0;
  private jobsLearned = 0;
  private jobsDeclined = 0;
  private jobsFailed = 0;
  private devicesLost = 0;
  private lastFailure: string | null = null;
  private reopenAt = 0;
  private reopenAfterMs = REOPEN_MS;

  constructor(options: LocalGpuOptions) {
    this.options = options;
    this.state = options.mode === 'forbid' ? 'forbidden' : 'idle';
  }

  async status(): Promise<GpuStatus> {
    return {
      state: this.state,
      mode: this.options.mode,
      adapter: this.device?.facts ?? null,
      costs: this.calibration?.costs ?? null,
      memoryBytes: this.device?.pool.bytes ?? 0,
      memoryBytesMax: this.options.memoryBytesMax,
      tables: this.tables.size,
      kernelsChecked: this.checked.size,
      kernelsWrong: [...this.checked].flatMap(([name, wrong]) => (wrong === null ? [] : [`${name}: ${wrong}`])),
      jobsRun: this.jobsRun,
      jobsDeclined: this.jobsDeclined,
      jobsFailed: this.jobsFailed,
      devicesLost: this.devicesLost,
      lastFailure: this.lastFailure,
    };
  }

  plan(job: GpuJobSize, missing?: MissingRows): Promise<GpuPlan> {
    return this.uploads.plan((size) => this.planNow(size), job, missing);
  }

  private async planNow(job: GpuJobSize): Promise<GpuPlan> {
    const gpu = await this.open();
    if (!gpu) return { useGpu: false, gpuMs: null, cpuMs: job.cpuMs, reason: `the GPU is ${this.state}` };
    return planGpu(this.options.mode, gpu.facts.isSoftware, this.calibration?.costs ?? null, job);
  }

  // The device.

  private open(): Promise<GpuDevice | null> {
    if (this.device) return Promise.resolve(this.device);
    if (this.state === 'forbidden' || this.state === 'absent') return Promise.resolve(null);
    if (this.state === 'lost' && this.options.clock.monotonic() < this.reopenAt) return Promise.resolve(null);
    this.opening ??= this.openNow().finally(() => (this.opening = null));
    return this.opening;
  }

  private async openNow(): Promise<GpuDevice | null> {
    const { gpu, memoryBytesMax, clock, store } = this.options;
    try {
      const device = gpu && (await openGpuDevice({ gpu, memoryBytesMax }));
      if (!device) {
        this.state = 'absent';
        return null;
      }
      device.onLost((message) => this.onLost(device, message));
      if (!device.facts.isSoftware)
        this.calibration = await device.exclusive(() => calibrated(device, store, () => calibrate(device, clock)));
      this.device = device;
      this.state = 'ready';
      return device;
    } catch (error) {
      this.note(error);
      this.waitToReopen();
      return null;
    }
  }

  private onLost(device: GpuDevice, message: string): void {
    if (this.device !== null && this.device !== device) return;
    this.devicesLost++;
    this.options.logger.log('warn', 'the GPU was lost, the CPU goes on', { message });
    this.waitToReopen();
  }

  private waitToReopen(): void {
    this.device = null;
    this.tables.clear();
    if (this.state !== 'forbidden') this.state = 'lost';
    this.reopenAt = this.options.clock.monotonic() + this.reopenAfterMs;
    this.reopenAfterMs = Math.min(this.reopenAfterMs * 2, REOPEN_MS_MAX);
  }

  private note(error: unknown): void {
    this.jobsFailed++;
    this.lastFailure = error instanceof Error ? error.message : String(error);
    this.options.logger.log('debug', 'a GPU job failed, the CPU does it', { reason: this.lastFailure });
  }

  /** Runs a job on the open device; null when anything stands against it. */
  private async run<T>(job: (gpu: GpuDevice) => Promise<T>): Promise<T | null> {
    const gpu = await this.open();
    if (!gpu) return null;
    try {
      return await gpu.exclusive(() => job(gpu));
    } catch (error) {
      this.note(error);
      return null;
    }
  }

  /** The same for work that the planner has a say in; refits the costs by what it took. */
  private async planned<T>(size: GpuJobSize, job: (gpu: GpuDevice) => Promise<T>): Promise<T | null> {
    const plan = await this.plan(size);
    if (!plan.useGpu) {
      this.jobsDeclined++;
      return null;
    }
    let took: GpuTook | null = null;
    const done = await this.run(async (gpu) => {
      const compiled = gpu.compiled.length;
      gpu.timer?.restart();
      const started = this.options.clock.monotonic();
      const answer = await job(gpu);
      // What compiling took says nothing of the next job.
      if (gpu.compiled.length === compiled) took = { ms: this.options.clock.monotonic() - started, workMs: gpu.timer?.workMs ?? null };
      return answer;
    });
    if (done === null) return null;
    this.jobsRun++;
    this.reopenAfterMs = REOPEN_MS;
    if (took !== null && size.kind !== 'build') await this.learn(size, took);
    return done;
  }

  /** Refits the costs by a job, and keeps them now and then: soon at first, as a session may be short. */
  private async learn(size: GpuJobSize, took: GpuTook): Promise<void> {
    const { device, calibration } = this;
    if (!device || !calibration) return;
    this.calibration = { ...calibration, costs: refit(calibration.costs, size, took) };
    this.jobsLearned++;
    const isPowerOfTwo = (this.jobsLearned & (this.jobsLearned - 1)) === 0;
    if (isPowerOfTwo || this.jobsLearned % KEEP_EVERY === 0)
      await keepCalibration(device, this.options.store, this.calibration).catch((error: unknown) => this.note(error));
  }

  private get shape(): number {
    return this.calibration?.shape ?? 0;
  }

  /** Proves a kernel family for a format once; throws where it is wrong. */
  private async prove(gpu: GpuDevice, family: KernelFamily, format: RowFormat): Promise<void> {
    const name = family === 'kmeans' ? family : `${family}-${formatName(format)}`;
    if (!this.checked.has(name)) {
      const wrong = await selfTest(gpu, family, format, this.shape);
      this.checked.set(name, wrong);
      if (wrong !== null)
        this.options.logger.log('error', 'a GPU kernel computes wrongly here and will not be used', { kernel: name, wrong });
    }
    const wrong = this.checked.get(name);
    if (wrong) throw new GpuUnavailable('kernel', `${name}: ${wrong}`);
  }

  // Tables.

  private table(id: TableId): OpenTable {
    const table = this.tables.get(id);
    if (!table) throw new GpuUnavailable('lost', `table ${id} is not on the GPU`);
    return table;
  }

  openTable(spec: TableSpec): Promise<TableId | null> {
    return this.run(async (gpu) => {
      const format: RowFormat = { rowType: spec.rowType, distance: spec.distance, packedDot: gpu.facts.packedDot };
      const rows = new RowTable(gpu, { format, dimensions: spec.dimensions, space: spec.space });
      try {
        await rows.reserve(spec.rowsExpected);
        await this.prove(gpu, 'exact', format);
      } catch (error) {
        rows.drop();
        throw error;
      }
      const id = this.nextTable++;
      this.tables.set(id, { rows, graph: null });
      return id;
    });
  }

  async isOpen(table: TableId): Promise<boolean> {
    return this.tables.has(table);
  }

  async append(id: TableId, docIDs: Uint32Array, rows: Float32Array): Promise<boolean> {
    return (
      (await this.run(() =>
        this.table(id)
          .rows.append(docIDs, preparedRows(this.table(id).rows, rows))
          .then(() => true),
      )) ?? false
    );
  }

  async remove(id: TableId, docIDs: Uint32Array): Promise<boolean> {
    return (await this.run(async () => (this.table(id).rows.remove(docIDs), true))) ?? false;
  }

  async patchGraph(id: TableId, patch: GraphPatch): Promise<boolean> {
    const done = await this.run(async (gpu) => {
      const table = this.table(id);
      await this.prove(gpu, 'graph', table.rows.format);
      await table.rows.place(patch.rows, patch);
      table.graph ??= new GraphCopy(gpu, patch.degree, table.rows.count);
      await table.graph.patch(patch);
      return true;
    });
    return done ?? false;
  }

  async dropTable(id: TableId): Promise<void> {
    const table = this.tables.get(id);
    this.tables.delete(id);
    if (!table) return;
    await this.run(async () => {
      table.rows.drop();
      table.graph?.drop();
    });
  }

  // Jobs.

  searchExact({ table, queries, k, allow, cpuMs }: ExactRequest): Promise<GpuHits | null> {
    const rows = this.tables.get(table)?.rows;
    if (!rows) return Promise.resolve(null);
    const scanned = allow?.kind === 'list' ? Math.min(allow.docIDs.length, rows.count) : rows.count;
    const allowBytes = allow ? (allow.kind === 'list' ? allow.docIDs : allow.words).byteLength : 0;
    const size: GpuJobSize = {
      kind: 'scan',
      rowType: rows.format.rowType,
      terms: queries.length * scanned,
      uploadBytes: queries.byteLength + allowBytes,
      cpuMs,
    };
    return this.planned(size, (gpu) =>
      exactSearch(gpu, {
        table: this.table(table).rows,
        queries: preparedRows(rows, queries),
        k,
        allow,
        shape: TILE_SHAPES[this.shape],
        scratchBytesMax: SCRATCH_BYTES_MAX,
      }),
    );
  }

  searchGraph({ table, exact, queries, k, ef, rescore, cpuMs }: GraphRequest): Promise<GraphHits | null> {
    const open = this.tables.get(table);
    if (!open?.graph) return Promise.resolve(null);
    const size: GpuJobSize = {
      kind: 'walk',
      rowType: open.rows.format.rowType,
      terms: queries.length * SCORED_PER_EF * Math.max(ef, k),
      uploadBytes: queries.byteLength,
      cpuMs,
    };
    return this.planned(size, (gpu) => {
      const { rows, graph } = this.table(table);
      if (!graph) throw new GpuUnavailable('lost', `table ${table} has no graph`);
      const floats = exact === null ? null : this.table(exact).rows;
      return graphSearch(gpu, { table: rows, graph, exact: floats, queries: preparedRows(rows, queries), k, ef, rescore });
    });
  }

  build({ table, maxConnections, efConstruction, cpuMs }: BuildRequest): Promise<BuiltGraph | null> {
    const rows = this.tables.get(table)?.rows;
    if (!rows) return Promise.resolve(null);
    const terms = Math.min(rows.count, SCAN_ROWS_MAX) * rows.count * rows.dimensions;
    return this.planned({ kind: 'build', rowType: rows.format.rowType, terms, uploadBytes: 0, cpuMs }, async (gpu) => {
      const open = this.table(table).rows;
      await this.prove(gpu, 'graph', open.format);
      await this.prove(gpu, 'build', open.format);
      const random = new SeededRandom(open.count);
      return buildGraph(gpu, open, {
        maxConnections,
        efConstruction,
        levels: drawLevels(open.count, maxConnections, () => random.next()),
        shape: TILE_SHAPES[this.shape],
        scratchBytesMax: SCRATCH_BYTES_MAX,
        scanRowsMax: SCAN_ROWS_MAX,
      });
    });
  }

  trainCentroids(
    job: KmeansJob & { readonly cpuMs: number },
  ): Promise<{ readonly centroids: Float32Array; readonly assigned: Uint32Array } | null> {
    const terms = job.rows * job.dimensions * job.centroids * job.iterations;
    return this.planned({ kind: 'build', rowType: 'f32', terms, uploadBytes: job.sample.byteLength, cpuMs: job.cpuMs }, async (gpu) => {
      await this.prove(gpu, 'kmeans', { rowType: 'f32', distance: 'l2-squared', packedDot: false });
      return trainCentroids(gpu, job);
    });
  }

  async close(): Promise<void> {
    this.state = 'forbidden';
    this.tables.clear();
    this.device?.destroy();
    this.device = null;
  }
}

/** Rows as the distance wants them, of unit length for cosine; in place. */
function preparedRows({ format, dimensions }: RowTable, rows: Float32Array): Float32Array {
  if (format.distance !== 'cosine') return rows;
  for (let at = 0; at < rows.length; at += dimensions) rows.set(preparedRow('cosine', rows.subarray(at, at + dimensions)), at);
  return rows;
}
