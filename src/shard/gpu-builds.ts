/**
 * Bulk work of vector indexes for the GPU: graphs over many rows that wait to be linked, and the k-means of product quantizers.
 *
 * - A graph is built anew over all rows that are there, and takes the place of the index's own when it is done; meanwhile
 *   searches go on with what there is, and rows wait. It is worth it only when the rows that wait are many (`rowsMin`) and at
 *   least one in `SHARE` of all, so that what is built again costs no more than a few times what is new.
 * - Whether it goes to the GPU is the planner's to say, by what linking the waiting rows was measured to take here.
 * - Whatever goes wrong (no GPU, lost, full) ends in the index linking its rows itself, as always; after that, and when the
 *   planner prefers the CPU, the question is not asked again for `PAUSE_MS`.
 *
 * Callers: the host of shards, before each slice of background work.
 */
import type { Clock, Logger } from '../core/clock.ts';
import type { GpuBackend } from '../gpu/gpu-backend.ts';
import { sendRows } from '../gpu/row-sender.ts';
import type { VectorIndex } from '../vector/vector-index.ts';
import type { VectorField } from './vector-field.ts';

const SHARE = 8;
const PAUSE_MS = 20_000;
/** Terms of k-means (a dimension of a row for a centroid) that wasm does in a millisecond, about; only for the planner. */
const KMEANS_TERMS_PER_MS = 1e6;
/** What is expected of a build: every row against this many at most. As in `LocalGpu.build`. */
const SCANNED_MAX = 32_768;

export interface GpuBuildsOptions {
  readonly gpu: GpuBackend;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Rows that wait, at least, for a build. */
  readonly rowsMin: number;
}

export class GpuBuilds {
  private readonly options: GpuBuildsOptions;
  private readonly gpu: GpuBackend;
  private readonly clock: Clock;
  private readonly running = new Map<VectorIndex, Promise<void>>();
  private readonly pausedUntilMs = new WeakMap<VectorIndex, number>();
  /** Whether the GPU was asked for anything. */
  asked = false;

  constructor(options: GpuBuildsOptions) {
    this.options = options;
    this.gpu = options.gpu;
    this.clock = options.clock;
  }

  /** Resolves when one of the jobs under way has ended, or after `ms`; null when there is none. */
  ended(ms: number): Promise<void> | null {
    if (this.running.size === 0) return null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    return Promise.race([...this.running.values(), late]).finally(() => clearTimeout(timer));
  }

  /** Starts what an index waits for, if the GPU is worth asking. `durableSequence`: of its shard, when asked. */
  consider(field: VectorField, durableSequence: () => number): void {
    const index = field.openedIndex;
    if (!index || this.running.has(index) || this.clock.monotonic() < (this.pausedUntilMs.get(index) ?? -Infinity)) return;
    const { debt } = index.bulk;
    const isDue = debt !== null && debt.rows >= Math.max(this.options.rowsMin, index.size / SHARE);
    const product = isDue ? null : index.bulk.productJob();
    if (!isDue && !product) return;
    this.asked = true;
    const work = isDue ? this.build(field, index, debt.rows * debt.msPerRow, durableSequence) : this.train(index, product!);
    const ended = work
      .catch(() => false) // whatever is wrong with the GPU, the CPU does it
      .then((askAgain) => {
        index.bulk.hold(false);
        this.running.delete(index);
        if (!askAgain) this.pausedUntilMs.set(index, this.clock.monotonic() + PAUSE_MS);
      });
    this.running.set(index, ended);
  }

  /** Resolves to false when there is no point in asking again soon. */
  private async build(field: VectorField, index: VectorIndex, cpuMs: number, durableSequence: () => number): Promise<boolean> {
    const { dimensions } = field;
    const { distance } = field.schema;
    const rows = index.size;
    const plan = await this.gpu.plan({
      kind: 'build',
      rowType: 'f32',
      terms: Math.min(rows, SCANNED_MAX) * rows * dimensions,
      uploadBytes: rows * dimensions * 4,
      cpuMs,
    });
    if (!plan.useGpu) return false;
    // Asking takes a slice or two of linking; if it opened the adapter, all may be linked by now. The next that wait are asked for at once.
    if (field.openedIndex !== index || (index.bulk.debt?.rows ?? 0) < this.options.rowsMin / 2) return true;
    index.bulk.hold(true);
    const started = this.clock.monotonic();
    const docIDs = spread(index.docIDs().toArray());
    const table = await this.gpu.openTable({ rowType: 'f32', distance, dimensions, space: null, rowsExpected: docIDs.length });
    if (table === null) return false;
    try {
      const gone = new Set<number>();
      const source = { dimensions, read: (docID: number, into: Float32Array) => field.read(docID, into) };
      if (!(await sendRows(this.gpu, table, source, docIDs, (docID) => gone.add(docID)))) return false;
      const sent = gone.size === 0 ? docIDs : docIDs.filter((docID) => !gone.has(docID));
      const { maxConnections, efConstruction } = index.bulk;
      const built = await this.gpu.build({ table, maxConnections, efConstruction, cpuMs });
      if (!built || field.openedIndex !== index || index.isClosed) return false;
      index.bulk.adopt(built, sent, durableSequence());
      this.options.logger.log('info', 'vector index: the graph was built on the GPU', {
        vector: field.schema.name,
        rows: sent.length,
        tookMs: Math.round(this.clock.monotonic() - started),
      });
      return true;
    } finally {
      void this.gpu.dropTable(table);
    }
  }

  private async train(index: VectorIndex, job: NonNullable<ReturnType<VectorIndex['bulk']['productJob']>>): Promise<boolean> {
    index.bulk.hold(true);
    const cpuMs = (job.rows * job.dimensions * job.centroids * job.iterations) / KMEANS_TERMS_PER_MS;
    const trained = await this.gpu.trainCentroids({ ...job, cpuMs });
    if (!trained || index.isClosed) return false;
    index.bulk.adoptCodebook(trained.centroids as Float32Array<ArrayBuffer>);
    return true;
  }
}

/** In steps of the golden section round the list: early rows of a build get the long links, so they have to come from everywhere. */
function spread(docIDs: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const { length } = docIDs;
  let step = Math.ceil(length * 0.618);
  while (commonDivisor(step, length) > 1) step++;
  return docIDs.map((_, i) => docIDs[(i * step) % length]);
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
