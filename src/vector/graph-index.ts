/**
 * The vector index over the wasm engine: hnsw, flat and dynamic in one, since they differ only in whether slots are linked.
 *
 * - A row waits in the backlog as exact f32 until `step` codes it into a slot and, for a graph, links it. Below
 *   `TRAINED_FROM` rows everything waits: an exact scan is faster than any graph, and a quantizer needs a sample.
 * - Searching is `GraphSearch`'s, background work `GraphUpkeep`'s; rows come in and go here.
 * - When memory is full, f32 rows kept for rescoring are dropped first; then `add` throws `StorageFull`.
 */
import { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import type { Clock, Logger } from '../core/clock.ts';
import { bytesAt, floats, slotsOf, words, type Engine } from '../kernels/wasm/engine.ts';
import type { HnswConfig, VectorSchema } from '../schema/collection-schema.ts';
import type { GraphConfig } from './graph-config.ts';
import type { GraphPersistence } from './graph-persistence.ts';
import type { BuiltElsewhere, ListedSlots } from './elsewhere.ts';
import { GraphSearch } from './graph-search.ts';
import { hnswOf, maxConnectionsOf } from './graph-training.ts';
import { GraphUpkeep, WAITING_ROWS_MAX } from './graph-upkeep.ts';
import { GraphWindow } from './graph-window.ts';
import { memoryFull } from './memory-full.ts';
import { RowMemory } from './row-memory.ts';
import { sampledRecall } from './sampled-recall.ts';
import type {
  VectorHits,
  VectorIndex,
  VectorIndexHealth,
  VectorIndexState,
  VectorRows,
  VectorSearchExplain,
  VectorSearchOptions,
} from './vector-index.ts';

/** Room that `admit` keeps for chunks in part used and for the log's buffer. */
const SLACK_BYTES = 256 * 1024;

export interface GraphIndexOptions {
  readonly schema: VectorSchema;
  readonly dimensions: number;
  readonly engine: Engine;
  readonly rows: VectorRows;
  readonly persistence: GraphPersistence;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memoryBytesMax: number;
  /** Rows up to this sequence number are on disk: those of the log as it was recovered. */
  readonly recoveredSequence: number;
  /** Whether f32 rows may be kept in memory for rescoring. */
  readonly keepRows: boolean;
  /** The config of a graph that was loaded; null: untrained. */
  readonly config: GraphConfig | null;
}

export class GraphIndex implements VectorIndex {
  readonly dimensions: number;
  private readonly options: GraphIndexOptions;
  private readonly engine: Engine;
  private readonly rowMemory: RowMemory;
  private readonly searches: GraphSearch;
  private readonly upkeep: GraphUpkeep;
  private hnsw: HnswConfig | null;
  /** The graph as a copy of it on the GPU sees it. */
  readonly window: GraphWindow;
  private closed = false;

  constructor(options: GraphIndexOptions) {
    const { schema, engine, dimensions, memoryBytesMax, keepRows } = options;
    this.options = options;
    this.engine = engine;
    this.dimensions = dimensions;
    const rowMemory = new RowMemory(engine, dimensions, memoryBytesMax, keepRows);
    const hnsw = (): HnswConfig | null => this.hnsw;
    this.hnsw = hnswOf(schema);
    this.rowMemory = rowMemory;
    this.window = new GraphWindow({
      engine,
      distance: schema.distance,
      dimensions,
      maxConnections: maxConnectionsOf(schema),
      walkable: () => (this.searches.walkable ? this.upkeep.config : null),
      drain: () => this.upkeep.drain(),
    });
    this.upkeep = new GraphUpkeep({ ...options, hnsw, rowMemory, window: this.window, docIDs: () => this.docIDs() });
    this.searches = new GraphSearch({ ...options, hnsw, rowMemory, graphWhole: () => this.unlinked === 0 });
    engine.exports.setRecording(1);
  }

  get size(): number {
    return this.engine.exports.liveSlots() + this.engine.exports.waiting();
  }
  get backlog(): number {
    return this.engine.exports.waiting();
  }
  /** Slots not looked at yet while a graph is made of coded ones; searches scan all codes until it is 0. */
  get unlinked(): number {
    return this.upkeep.unlinked;
  }
  get lastExplain(): VectorSearchExplain {
    return this.searches.explain;
  }

  has(docID: number): boolean {
    return this.engine.exports.has(docID) !== 0;
  }

  docIDs(): DocSet {
    const { exports } = this.engine;
    const count = Math.ceil(exports.docEnd() / 32);
    if (count === 0) return new DocSet();
    const address = exports.openAllow(count) >>> 0;
    exports.closeAllow();
    if (address === 0) throw memoryFull(this.options.memoryBytesMax);
    exports.collectDocs();
    return DocSet.adopt(words(this.engine, address, count).slice());
  }

  private putInput(row: Float32Array): void {
    if (row.length !== this.dimensions)
      throw new HeddleError('InvalidInput', `a vector of ${row.length} dimensions, the index has ${this.dimensions}`, {
        details: { expected: this.dimensions, value: row.length },
      });
    floats(this.engine, this.engine.exports.inputAddress() >>> 0, this.dimensions).set(row);
  }

  admit(rows: number): void {
    const { exports } = this.engine;
    const links = maxConnectionsOf(this.options.schema) * 8;
    const bytes = rows * (exports.rowBytes() * 2 + links + 64) + SLACK_BYTES;
    const fits = (): boolean => (exports.bytesInUse() >>> 0) + bytes <= this.options.memoryBytesMax;
    if (fits()) return;
    this.rowMemory.giveUp();
    if (!fits()) throw memoryFull(this.options.memoryBytesMax);
  }

  add(docID: number, row: Float32Array, sequence: number): void {
    const { exports } = this.engine;
    if (exports.has(docID)) this.remove(docID, sequence);
    if (exports.waiting() >= WAITING_ROWS_MAX) this.upkeep.placeDurable();
    this.putInput(row);
    if (exports.add(docID, sequence)) return;
    this.rowMemory.giveUp();
    if (!exports.add(docID, sequence)) throw memoryFull(this.options.memoryBytesMax);
  }

  remove(docID: number, sequence: number): void {
    const outcome = this.engine.exports.remove(docID);
    if (outcome >= 2) this.upkeep.changed(outcome - 2, null, sequence);
  }

  rebind(oldDocID: number, newDocID: number, sequence: number): void {
    const outcome = this.engine.exports.rebind(oldDocID, newDocID, sequence);
    if (outcome === -1) throw memoryFull(this.options.memoryBytesMax);
    if (outcome >= 2) this.upkeep.changed(outcome - 2, newDocID, sequence);
  }

  search(query: Float32Array, k: number, options: VectorSearchOptions = {}): VectorHits {
    this.putInput(query);
    return this.searches.search(k, options);
  }

  searchMany(queries: Float32Array, k: number, options: VectorSearchOptions = {}): VectorHits[] {
    const hits: VectorHits[] = [];
    for (let at = 0; at + this.dimensions <= queries.length; at += this.dimensions)
      hits.push(this.search(queries.subarray(at, at + this.dimensions), k, options));
    return hits;
  }

  walkWidth(k: number, ef: number | null): number | null {
    return this.searches.walkWidth(k, ef);
  }
  slotsOf(docIDs: Uint32Array): Uint32Array<ArrayBuffer> {
    return slotsOf(this.engine, docIDs);
  }
  searchListed(query: Float32Array, k: number, listed: ListedSlots, options: VectorSearchOptions = {}): VectorHits {
    this.putInput(query);
    return this.searches.listed(k, listed, options) ?? this.search(query, k, options);
  }
  get bulk(): BuiltElsewhere {
    return this.upkeep;
  }

  /** The answer of an exact search, whatever the planner thinks; for `health`, tests and benchmarks. */
  searchExact(query: Float32Array, k: number, allow?: DocSet): VectorHits {
    this.putInput(query);
    return this.searches.exact(k, allow);
  }

  step(budgetMs: number, durableSequence: number): boolean {
    return this.upkeep.step(budgetMs, durableSequence);
  }

  /** After a load: codes the slots that the log inserted, from the vector column. */
  recode(): void {
    this.upkeep.recode();
  }

  checkpoint(durableSequence: number): VectorIndexState {
    return this.upkeep.checkpoint(durableSequence);
  }

  get memoryBytes(): number {
    return this.engine.exports.bytesInUse() >>> 0;
  }
  get diskBytes(): number {
    return this.options.persistence.bytes;
  }
  get snapshotting(): boolean {
    return this.options.persistence.snapshotting;
  }

  health(): VectorIndexHealth {
    const { exports } = this.engine;
    return {
      rows: this.size,
      inGraph: Math.max(0, exports.liveSlots() - this.unlinked),
      backlog: this.backlog,
      tombstones: exports.deadSlots(),
      memoryBytes: this.memoryBytes,
      graphDiskBytes: this.diskBytes,
      recallAt10: sampledRecall(this, this.options.rows, this.docIDs()),
    };
  }

  /** Memory and disk in bytes, without the sampling that `health` does. */
  sizes(): { readonly memoryBytes: number; readonly graphDiskBytes: number } {
    return { memoryBytes: this.memoryBytes, graphDiskBytes: this.diskBytes };
  }

  retune(schema: VectorSchema): void {
    this.hnsw = hnswOf(schema);
  }

  /** Which build of the engine runs here. */
  get engineBuild(): string {
    return this.engine.build;
  }

  /** Live nodes that no link leads to; for tests. */
  orphans(): number {
    return this.engine.exports.orphans();
  }

  close(): void {
    this.closed = true;
  }
  get isClosed(): boolean {
    return this.closed;
  }

  /** Bytes of the engine's memory at an address; for tests. */
  bytesAt(address: number, length: number): Uint8Array {
    return bytesAt(this.engine, address, length);
  }
}
