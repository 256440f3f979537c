/**
 * A GPU backend in plain code, for tests of what stands above it in Node: the same jobs by the scalar twins, over rows in Maps.
 * It can be told to fail as a device fails.
 */
import { SeededRandom } from '../core/clock.ts';
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import { preparedRow } from '../kernels/scalar/distances.ts';
import { codeDistance, codeSum, floatDistance } from '../kernels/scalar/gpu-distance.ts';
import { assignCentroids, moveCentroids } from '../kernels/scalar/gpu-kmeans.ts';
import { pruneLinks } from '../kernels/scalar/gpu-prune.ts';
import { walkGraph } from '../kernels/scalar/gpu-walk.ts';
import type {
  BuildRequest,
  BuiltGraph,
  ExactRequest,
  GpuBackend,
  GpuHits,
  GpuJobSize,
  GpuPlan,
  GpuStatus,
  GraphHits,
  GraphPatch,
  GraphRequest,
  KmeansJob,
  MissingRows,
  TableId,
  TableSpec,
} from './gpu-backend.ts';
import { drawLevels } from './graph-build.ts';
import { UploadRule } from './upload-rule.ts';
import { encodeQueries, rowBytes } from './row-words.ts';

interface ScalarTable {
  readonly spec: TableSpec;
  readonly rows: Map<number, Float32Array>;
  /** Of a patched table: words, term and links of each row. */
  readonly patched: Map<number, { words: Uint8Array; term: number; links: Uint32Array }>;
  seeds: Uint32Array;
}

export class ScalarGpu implements GpuBackend {
  readonly tables = new Map<TableId, ScalarTable>();
  /** Rows received so far, and lists of links. */
  appended = 0;
  linked = 0;
  searches = 0;
  walks = 0;
  builds = 0;
  trainings = 0;
  /** What `plan` answers. */
  planFor: (job: GpuJobSize) => GpuPlan = ({ cpuMs }) => ({ useGpu: true, gpuMs: 0, cpuMs, reason: 'test' });
  private nextTable = 1;
  private readonly uploads = new UploadRule();

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
  plan(job: GpuJobSize, missing?: MissingRows): Promise<GpuPlan> {
    return this.uploads.plan(async (size) => this.planFor(size), job, missing);
  }
  async openTable(spec: TableSpec): Promise<TableId | null> {
    this.tables.set(this.nextTable, { spec, rows: new Map(), patched: new Map(), seeds: new Uint32Array(0) });
    return this.nextTable++;
  }
  async isOpen(table: TableId): Promise<boolean> {
    return this.tables.has(table);
  }
  async append(id: TableId, docIDs: Uint32Array, rows: Float32Array): Promise<boolean> {
    const table = this.tables.get(id);
    const width = table?.spec.dimensions ?? 0;
    docIDs.forEach((docID, i) => table?.rows.set(docID, preparedRow(table.spec.distance, rows.slice(i * width, (i + 1) * width))));
    this.appended += docIDs.length;
    return table !== undefined;
  }
  async remove(id: TableId, docIDs: Uint32Array): Promise<boolean> {
    for (const docID of docIDs) this.tables.get(id)?.rows.delete(docID);
    return this.tables.has(id);
  }
  async patchGraph(id: TableId, patch: GraphPatch): Promise<boolean> {
    const table = this.tables.get(id);
    if (!table) return false;
    const bytes = rowBytes({ ...table.spec, packedDot: true }, table.spec.dimensions);
    const none = new Uint8Array(0);
    const at = (row: number): { words: Uint8Array; term: number; links: Uint32Array } => {
      const known = table.patched.get(row) ?? { words: none, term: 0, links: new Uint32Array(patch.degree).fill(EMPTY) };
      table.patched.set(row, known);
      return known;
    };
    patch.rows.forEach((row, i) => {
      at(row).words = patch.words.slice(i * bytes, (i + 1) * bytes);
      at(row).term = patch.terms[i] ?? 0;
    });
    patch.linked.forEach((row, i) => (at(row).links = patch.links.slice(i * patch.degree, (i + 1) * patch.degree)));
    table.seeds = patch.seeds;
    this.appended += patch.rows.length;
    this.linked += patch.linked.length;
    return true;
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
      const query = preparedRow(distance, queries.subarray(q * dimensions, (q + 1) * dimensions));
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
  async searchGraph({ table: id, queries, k, ef }: GraphRequest): Promise<GraphHits | null> {
    const table = this.tables.get(id);
    if (!table || table.patched.size === 0) return null;
    this.walks++;
    const { spec, patched, seeds } = table;
    const format = { ...spec, packedDot: true };
    const { dimensions, distance } = spec;
    const count = queries.length / dimensions;
    const prepared = queries.slice();
    for (let at = 0; at < prepared.length; at += dimensions) prepared.set(preparedRow(distance, queries.subarray(at, at + dimensions)), at);
    const encoded = encodeQueries(format, dimensions, prepared, spec.space);
    const bytes = encoded.words.length / count;
    const degree = patched.values().next().value!.links.length;
    const rows = Math.max(...patched.keys()) + 1;
    const links = new Uint32Array(rows * degree).fill(EMPTY);
    for (const [row, node] of patched) links.set(node.links, row * degree);
    const hits = { k, docIDs: new Uint32Array(count * k).fill(EMPTY), distances: new Float32Array(count * k), hops: 0, scored: 0 };
    for (let q = 0; q < count; q++) {
      const query = encoded.words.slice(q * bytes, (q + 1) * bytes);
      const term = [encoded.terms[2 * q], encoded.terms[2 * q + 1]] as const;
      const walked = walkGraph({ degree, links, seeds }, ef, (row) => {
        const node = patched.get(row)!;
        if (spec.rowType === 'u7') return codeDistance(codeSum(distance, query, node.words), term, node.term);
        return floatDistance(distance, new Float32Array(query.buffer), new Float32Array(node.words.buffer)).value;
      });
      hits.docIDs.set(walked.rows.subarray(0, k), q * k);
      hits.distances.set(walked.distances.subarray(0, k), q * k);
    }
    return hits;
  }
  /** One row after the other, its candidates by brute force. */
  async build({ table: id, maxConnections, efConstruction }: BuildRequest): Promise<BuiltGraph | null> {
    const table = this.tables.get(id);
    if (!table) return null;
    this.builds++;
    const rows = [...table.rows.values()];
    const random = new SeededRandom(rows.length);
    const levels = drawLevels(rows.length, maxConnections, () => random.next());
    const between = (a: number, b: number): number => floatDistance(table.spec.distance, rows[a], rows[b]).value;
    const built = Array.from({ length: Math.max(...levels) + 1 }, (_, level) => {
      const members = Uint32Array.from([...rows.keys()].filter((row) => levels[row] >= level));
      const degree = level === 0 ? 2 * maxConnections : maxConnections;
      const distance = (a: number, b: number): number => between(members[a], members[b]);
      const lists: number[][] = [];
      const nearest = (node: number, others: Iterable<number>): { row: number; distance: number }[] =>
        Array.from(others, (row) => ({ row, distance: distance(node, row) })).sort((a, b) => a.distance - b.distance || a.row - b.row);
      for (let node = 0; node < members.length; node++) {
        const chosen = pruneLinks(nearest(node, lists.keys()).slice(0, efConstruction), maxConnections, distance);
        lists.push(chosen);
        for (const target of chosen) {
          const grown = [...lists[target], node];
          lists[target] = grown.length <= degree ? grown : pruneLinks(nearest(target, grown), degree, distance);
        }
      }
      const links = new Uint32Array(members.length * degree).fill(EMPTY);
      lists.forEach((list, node) => links.set(list, node * degree));
      return { degree, rows: members, links };
    });
    return { levels: built, entry: built[built.length - 1].rows[0] };
  }
  async trainCentroids(job: KmeansJob): ReturnType<GpuBackend['trainCentroids']> {
    const centroids = job.start.slice();
    let assigned = new Uint32Array(0);
    for (let i = 0; i < job.iterations; i++) {
      if (i > 0) moveCentroids(job, job.sample, assigned, centroids);
      assigned = assignCentroids(job, job.sample, centroids) as Uint32Array<ArrayBuffer>;
    }
    this.trainings++;
    return { centroids, assigned };
  }
  async close(): Promise<void> {
    this.tables.clear();
  }
}
