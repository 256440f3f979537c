/**
 * One Heddle vector index with its rows in a flat array and its streams in memory: what the engine's own figures are taken
 * on, in a browser's worker. The storage below it is measured elsewhere.
 */
import { SeededRandom, silentLogger, systemClock } from '../../../src/core/clock.ts';
import { DocSet } from '../../../src/core/doc-set.ts';
import type { Distance, QuantizerConfig } from '../../../src/schema/collection-schema.ts';
import { createVectorIndex } from '../../../src/vector/create-vector-index.ts';
import type { GraphIndex } from '../../../src/vector/graph-index.ts';
import { HNSW_DEFAULTS } from '../../../src/schema/normalize-vector.ts';
import { MemoryStreams, vectorSchema } from '../../../src/vector/vector-fixture.ts';
import type { VectorIndexState, VectorRows } from '../../../src/vector/vector-index.ts';

export interface IndexSettings {
  readonly dimensions: number;
  readonly distance: Distance;
  readonly quantizer: QuantizerConfig['type'];
  readonly maxConnections: number;
  readonly efConstruction: number;
  /** Whether f32 rows may stay in memory. */
  readonly keepRows: boolean;
  readonly memoryBytesMax: number;
}

const RESCORE_LIMITS = { none: 0, sq: 20, bq: 512, pq: 100 };

/** Shape of generated rows. */
const LATENT = 48;
const CLUSTERS = 1_000;

class FlatRows implements VectorRows {
  readonly dimensions: number;
  private readonly values: Float32Array;
  reads = 0;
  constructor(values: Float32Array, dimensions: number) {
    this.values = values;
    this.dimensions = dimensions;
  }
  read(docID: number, into: Float32Array): boolean {
    this.reads++;
    const at = docID * this.dimensions;
    if (at + this.dimensions > this.values.length) return false;
    into.set(this.values.subarray(at, at + this.dimensions));
    return true;
  }
  forEach(each: (docID: number, row: Float32Array) => void): void {
    for (let docID = 0; docID * this.dimensions < this.values.length; docID++)
      each(docID, this.values.subarray(docID * this.dimensions, (docID + 1) * this.dimensions));
  }
}

export class MeasuredIndex {
  private base = new Float32Array(0);
  private queries = new Float32Array(0);
  private truth = new Uint32Array(0);
  private settings: IndexSettings | null = null;
  private streams = new MemoryStreams();
  private index: GraphIndex | null = null;

  /** Fetches a data set; paths are the server's. */
  async load(base: string, queries: string, truth: string, baseFloatsMax = Infinity): Promise<void> {
    const fetched = async (path: string): Promise<ArrayBuffer> => (await fetch(path)).arrayBuffer();
    if (this.base.length > 0) return;
    const all = new Float32Array(await fetched(base));
    this.base = all.length > baseFloatsMax ? all.slice(0, baseFloatsMax) : all;
    this.queries = new Float32Array(await fetched(queries));
    this.truth = new Uint32Array(await fetched(truth));
  }

  ping(): true {
    return true;
  }

  /** Takes rows and queries instead of fetching them. */
  give(base: Float32Array<ArrayBuffer>, queries: Float32Array<ArrayBuffer>, truth: Uint32Array<ArrayBuffer>): void {
    this.base = base;
    this.queries = queries;
    this.truth = truth;
  }

  /** Draws clustered rows and queries: 48 latent dimensions spread over all, and noise. */
  generate(dimensions: number, rows: number, queries: number): void {
    const random = new SeededRandom(5);
    const normal = (): number => (random.next() + random.next() + random.next() + random.next() - 2) * 1.7;
    const basis = Float32Array.from({ length: LATENT * dimensions }, normal);
    const centers = Float32Array.from({ length: CLUSTERS * LATENT }, normal);
    const latent = new Float32Array(LATENT);
    const draw = (count: number): Float32Array<ArrayBuffer> => {
      const out = new Float32Array(count * dimensions);
      for (let row = 0; row < count; row++) {
        const center = random.int(CLUSTERS) * LATENT;
        for (let l = 0; l < LATENT; l++) latent[l] = centers[center + l] + normal() * 0.7;
        const into = out.subarray(row * dimensions, (row + 1) * dimensions);
        for (let l = 0; l < LATENT; l++) for (let d = 0, at = l * dimensions; d < dimensions; d++) into[d] += latent[l] * basis[at + d];
        for (let d = 0; d < dimensions; d++) into[d] += (random.next() - 0.5) * 2;
      }
      return out;
    };
    this.give(draw(rows), draw(queries), new Uint32Array(0));
  }

  /** The ten nearest of each query by exact scan. */
  findTruth(): void {
    const { dimensions } = this.opened;
    const count = this.queries.length / dimensions;
    this.truth = new Uint32Array(count * 10);
    for (let q = 0; q < count; q++)
      this.truth.set(this.opened.searchExact(this.queries.subarray(q * dimensions, (q + 1) * dimensions), 10).docIDs, q * 10);
  }

  private open(state: VectorIndexState | null, settings: IndexSettings, sequence: number): GraphIndex {
    const { dimensions, distance, quantizer, maxConnections, efConstruction, keepRows, memoryBytesMax } = settings;
    const schema = vectorSchema(dimensions, distance, {
      index: { ...HNSW_DEFAULTS, maxConnections, efConstruction },
      quantizer: { type: quantizer, rescoreLimit: RESCORE_LIMITS[quantizer], trainingLimit: 100_000, segments: 0, centroids: 256 },
    });
    const rows = new FlatRows(this.base, dimensions);
    const random = new SeededRandom(1);
    return createVectorIndex({
      schema,
      rows,
      streams: this.streams,
      state,
      recoveredSequence: sequence,
      random,
      logger: silentLogger,
      clock: systemClock,
      memoryBytesMax,
      keepRows,
    });
  }

  /** Builds the index with `rows` rows of the data set (all by default); milliseconds of wall time. */
  build(
    settings: IndexSettings,
    rows = Infinity,
  ): { rows: number; wallMs: number; bytesPerVector: number; peakBytesPerVector: number; diskBytesPeakVsArena: number } {
    this.settings = settings;
    this.streams = new MemoryStreams();
    this.index = null;
    const { dimensions } = settings;
    const count = Math.min(rows, this.base.length / dimensions);
    const index = this.open(null, settings, 0);
    const started = performance.now();
    let peak = 0;
    let disk = 0;
    for (let docID = 0; docID < count; docID++) {
      index.add(docID, this.base.subarray(docID * dimensions, (docID + 1) * dimensions), docID + 1);
      if (docID % 2_000 !== 1_999 && docID !== count - 1) continue;
      if (docID > count / 2) peak = Math.max(peak, index.sizes().memoryBytes / (docID + 1));
      while (index.backlog + index.unlinked > 0 && index.step(1_000, docID + 1));
      const { memoryBytes, graphDiskBytes } = index.sizes();
      if (docID > count / 2) peak = Math.max(peak, memoryBytes / (docID + 1));
      if (docID > count / 10) disk = Math.max(disk, graphDiskBytes / memoryBytes);
    }
    while (index.step(1_000, count));
    const wallMs = performance.now() - started;
    this.index = index;
    return { rows: count, wallMs, bytesPerVector: index.sizes().memoryBytes / count, peakBytesPerVector: peak, diskBytesPeakVsArena: disk };
  }

  /** Brings every f32 row into memory, as searches would over time. */
  warm(ef: number): void {
    for (let round = 0; round < 2; round++) this.search(ef, 10);
  }

  private get opened(): GraphIndex {
    if (!this.index) throw new Error('nothing is built');
    return this.index;
  }

  /** Every query once; recall against the truth. */
  search(ef: number, k: number): { recall: number; wallMs: number; distances: number; hops: number; rescored: number } {
    const { queries, opened: index } = this;
    const { dimensions } = index;
    const count = queries.length / dimensions;
    const answers: Uint32Array[] = [];
    let distances = 0;
    let hops = 0;
    let rescored = 0;
    const options = { ef };
    const started = performance.now();
    for (let q = 0; q < count; q++) {
      answers.push(index.search(queries.subarray(q * dimensions, (q + 1) * dimensions), k, options).docIDs);
      distances += index.lastExplain.distances;
      hops += index.lastExplain.hops;
      rescored += index.lastExplain.rescored;
    }
    const wallMs = performance.now() - started;
    return { recall: this.recallOf(answers, k), wallMs, distances: distances / count, hops: hops / count, rescored: rescored / count };
  }

  private recallOf(answers: readonly Uint32Array[], k: number): number {
    const perQuery = this.truth.length / answers.length;
    let found = 0;
    answers.forEach((docIDs, q) => {
      const nearest = new Set(this.truth.subarray(q * perQuery, q * perQuery + k));
      for (const docID of docIDs) if (nearest.has(docID)) found++;
    });
    return found / (answers.length * k);
  }

  /** Searches under a random filter that allows `share` of the rows; recall against an exact search under it. */
  searchFiltered(
    share: number,
    ef: number,
    k: number,
    checked: boolean,
  ): { recall: number; wallMs: number; paths: Record<string, number>; distances: number } {
    const { queries, opened: index } = this;
    const { dimensions } = index;
    const random = new SeededRandom(17);
    const allow = new DocSet(index.size);
    for (let docID = 0; docID < index.size; docID++) if (random.next() < share) allow.add(docID);
    const count = queries.length / dimensions;
    const answers: Uint32Array[] = [];
    const paths: Record<string, number> = {};
    let distances = 0;
    const started = performance.now();
    for (let q = 0; q < count; q++) {
      answers.push(index.search(queries.subarray(q * dimensions, (q + 1) * dimensions), k, { ef, allow }).docIDs);
      paths[index.lastExplain.path] = (paths[index.lastExplain.path] ?? 0) + 1;
      distances += index.lastExplain.distances;
    }
    const wallMs = performance.now() - started;
    let found = 0;
    for (let q = 0; checked && q < count; q++) {
      const truth = new Set(index.searchExact(queries.subarray(q * dimensions, (q + 1) * dimensions), k, allow).docIDs);
      for (const docID of answers[q]) if (truth.has(docID)) found++;
    }
    return { recall: found / (count * k), wallMs, paths, distances: distances / count };
  }

  /** Removes half of the rows and inserts them again, `rounds` times; recall at `ef` afterwards. */
  churn(rounds: number, ef: number, k: number): { recallBefore: number; recallAfter: number; orphans: number } {
    const { opened: index } = this;
    const recallBefore = this.search(ef, k).recall;
    const random = new SeededRandom(23);
    const count = index.size;
    let sequence = count;
    for (let round = 0; round < rounds; round++) {
      for (let docID = 0; docID < count; docID++) {
        if (random.next() < 0.5) continue;
        index.remove(docID, ++sequence);
        index.add(docID, this.base.subarray(docID * index.dimensions, (docID + 1) * index.dimensions), sequence);
        if (index.backlog >= 500) while (index.backlog > 0 && index.step(1_000, sequence));
      }
      while (index.step(1_000, sequence));
    }
    return { recallBefore, recallAfter: this.search(ef, k).recall, orphans: index.orphans() };
  }

  /** Idle work to its end, checkpoint, then the time from opening to the first answer. */
  reopen(): { wallMs: number; diskBytes: number; bytesPerVector: number } {
    const { opened: index, settings } = this;
    const rows = index.size;
    while (index.step(1_000, rows + 1));
    const state = index.checkpoint(rows + 1);
    const started = performance.now();
    const again = this.open(state, settings as IndexSettings, rows + 1);
    again.search(this.queries.subarray(0, again.dimensions), 10);
    const wallMs = performance.now() - started;
    if (again.size !== rows) throw new Error(`${again.size} rows after reopening, ${rows} before`);
    const { graphDiskBytes, memoryBytes } = again.sizes();
    this.index = again;
    return { wallMs, diskBytes: graphDiskBytes, bytesPerVector: memoryBytes / rows };
  }

  /** Which build of the engine runs here. */
  engineBuild(): string {
    return this.opened.engineBuild;
  }
}
