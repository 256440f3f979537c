/**
 * A GPU backend in plain code, for tests of what stands above it in Node: exact search only, over rows in Maps; everything else
 * is declined. It can be told to fail as a device fails.
 */
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import { floatDistance } from '../kernels/scalar/gpu-distance.ts';
import type { ExactRequest, GpuBackend, GpuHits, GpuJobSize, GpuPlan, GpuStatus, TableId, TableSpec } from './gpu-backend.ts';

export class ScalarGpu implements GpuBackend {
  readonly tables = new Map<TableId, { readonly spec: TableSpec; readonly rows: Map<number, Float32Array> }>();
  /** Rows received so far. */
  appended = 0;
  searches = 0;
  /** What `plan` answers. */
  planFor: (job: GpuJobSize) => GpuPlan = ({ cpuMs }) => ({ useGpu: true, gpuMs: 0, cpuMs, reason: 'test' });
  private nextTable = 1;

  /** The device is lost: every table with it. */
  lose(): void {
    this.tables.clear();
  }

  async status(): Promise<GpuStatus> {
    return {
      state: 'ready',
      mode: 'force',
      adapter: null,
      costs: null,
      memoryBytes: 0,
      memoryBytesMax: 0,
      tables: this.tables.size,
      kernelsChecked: 0,
      kernelsWrong: [],
      jobsRun: this.searches,
      jobsDeclined: 0,
      jobsFailed: 0,
      devicesLost: 0,
      lastFailure: null,
    };
  }
  async plan(job: GpuJobSize): Promise<GpuPlan> {
    return this.planFor(job);
  }
  async openTable(spec: TableSpec): Promise<TableId | null> {
    this.tables.set(this.nextTable, { spec, rows: new Map() });
    return this.nextTable++;
  }
  async isOpen(table: TableId): Promise<boolean> {
    return this.tables.has(table);
  }
  async append(id: TableId, docIDs: Uint32Array, rows: Float32Array): Promise<boolean> {
    const table = this.tables.get(id);
    const width = table?.spec.dimensions ?? 0;
    docIDs.forEach((docID, i) => table?.rows.set(docID, rows.slice(i * width, (i + 1) * width)));
    this.appended += docIDs.length;
    return table !== undefined;
  }
  async remove(id: TableId, docIDs: Uint32Array): Promise<boolean> {
    for (const docID of docIDs) this.tables.get(id)?.rows.delete(docID);
    return this.tables.has(id);
  }
  async setGraph(): Promise<boolean> {
    return false;
  }
  async dropTable(table: TableId): Promise<void> {
    this.tables.delete(table);
  }
  async searchExact({ table: id, queries, k, allow }: ExactRequest): Promise<GpuHits | null> {
    const table = this.tables.get(id);
    if (!table) return null;
    this.searches++;
    const { dimensions, distance } = table.spec;
    const listed = allow?.kind === 'list' ? new Set(allow.docIDs) : null;
    const isAllowed = (docID: number): boolean =>
      listed ? listed.has(docID) : allow?.kind === 'bits' ? ((allow.words[docID >>> 5] >>> (docID & 31)) & 1) === 1 : true;
    const count = queries.length / dimensions;
    const hits = { k, docIDs: new Uint32Array(count * k).fill(EMPTY), distances: new Float32Array(count * k).fill(NaN) };
    for (let q = 0; q < count; q++) {
      const query = queries.subarray(q * dimensions, (q + 1) * dimensions);
      const scored = [...table.rows]
        .filter(([docID]) => isAllowed(docID))
        .map(([docID, row]) => ({ docID, distance: floatDistance(distance, query, row).value }));
      scored.sort((a, b) => a.distance - b.distance || a.docID - b.docID);
      scored.slice(0, k).forEach((hit, i) => {
        hits.docIDs[q * k + i] = hit.docID;
        hits.distances[q * k + i] = hit.distance;
      });
    }
    return hits;
  }
  async searchGraph(): Promise<null> {
    return null;
  }
  async build(): Promise<null> {
    return null;
  }
  async trainCentroids(): Promise<null> {
    return null;
  }
  async close(): Promise<void> {
    this.tables.clear();
  }
}
