/**
 * The vector index over the wasm engine: hnsw, flat and dynamic in one, since they differ only in whether slots are linked.
 *
 * - A row waits in the backlog as exact f32 until `step` codes it into a slot and, for a graph, links it. Below
 *   `TRAINED_FROM` rows everything waits: an exact scan is faster than any graph, and a quantizer needs a sample.
 * - A row enters the graph only when its record is durable, so the graph log never names a row that the log could lose.
 * - Removal and rebinding take effect at once; their log entries wait until their records are durable.
 * - When memory is full, f32 rows kept for rescoring are dropped first; then `add` throws `StorageFull`.
 */
import { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import type { Clock, Logger } from '../core/clock.ts';
import { bytesAt, Codec, floats, NONE, SlotFlag, words, type Engine } from '../kernels/wasm/engine.ts';
import type { HnswConfig, VectorSchema } from '../schema/collection-schema.ts';
import type { GraphConfig } from './graph-config.ts';
import type { GraphPersistence } from './graph-persistence.ts';
import { maxConnectionsOf, trainGraph } from './graph-training.ts';
import { ResidualWatch, retrained } from './quantizer-drift.ts';
import { SearchPlanner, type SearchPath } from './search-planner.ts';
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

/** Rows from which an index is coded and linked. */
export const TRAINED_FROM = 1_000;
/** Tombstones are swept out from this share of the rows, and at least this many. */
const SWEEP_SHARE = 0.02;
const SWEEP_ROWS_MIN = 64;
/** Share of the memory limit up to which f32 rows are kept for rescoring. */
const ROWS_SHARE = 0.75;
/** Share of the memory limit from which they are dropped, to leave the rest to codes and links. */
const LEAN_SHARE = 0.9;
const SEEDS = 32;
/** How much wider a filtered walk goes than a plain one. */
const ACORN_WIDENING = 2;
/** Allowed nodes that a filtered walk means to meet by way of refused ones, for each node it expands. */
const SECOND_HOPS = 10;
/** Links of a node, about. */
const LINKS_MEAN = 20;
/** Candidates that an exact search sorts; what else could be nearer is looked for in the list of all that was measured. */
const SCAN_WIDTH_MIN = 64;
/** Room that `admit` keeps for chunks in part used and for the log's buffer. */
const SLACK_BYTES = 256 * 1024;
/** f32 rows that wait before `add` begins to code durable ones itself. */
const WAITING_ROWS_MAX = 16_384;
/** The quantizer is looked at again when the index has grown by this factor. */
const DRIFT_GROWTH = 4;
const NOTHING: VectorHits = { docIDs: new Uint32Array(0), distances: new Float32Array(0) };

/** A removal or rebinding that waits to be logged. */
interface PendingChange {
  readonly slot: number;
  /** Null: removed. */
  readonly docID: number | null;
  readonly sequence: number;
}

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
  private readonly hnsw: HnswConfig | null;
  private readonly planner: SearchPlanner;
  private config: GraphConfig | null;
  private readonly changes: PendingChange[] = [];
  private linkNext = 0;
  private training: ReturnType<typeof trainGraph> | null = null;
  /** Rows at which the quantizer is looked at again. */
  private driftAt = Infinity;
  private readonly watch = new ResidualWatch();
  /** The graph was taken apart and is being linked anew. */
  private relinking = false;
  private recodeNext = 0;
  private recodeEnd = 0;
  private sweeping = false;
  private highestSequence = 0;
  private closed = false;
  private explain: VectorSearchExplain = { path: 'exact', backend: 'wasm', ef: 0, distances: 0, hops: 0, rescored: 0, backlogScanned: 0 };

  constructor(options: GraphIndexOptions) {
    const { schema, engine, dimensions } = options;
    this.options = options;
    this.engine = engine;
    this.dimensions = dimensions;
    this.config = options.config;
    this.lean = !options.keepRows;
    this.hnsw = schema.index.type === 'flat' ? null : schema.index.type === 'dynamic' ? schema.index.hnsw : schema.index;
    this.planner = new SearchPlanner(dimensions);
    if (this.config) this.driftAt = Math.max(TRAINED_FROM, this.size) * DRIFT_GROWTH;
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
    return Math.max(0, this.linkEnd() - this.linkNext);
  }
  get lastExplain(): VectorSearchExplain {
    return this.explain;
  }

  /** Whether new slots are linked: a graph index, or a dynamic one that has outgrown its threshold. */
  private get linked(): boolean {
    const { index } = this.options.schema;
    if (index.type === 'dynamic') return this.relinking || this.engine.exports.entry() >>> 0 !== NONE || this.size >= index.threshold;
    return index.type === 'hnsw';
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
    this.giveUpRows();
    if (!fits()) throw memoryFull(this.options.memoryBytesMax);
  }

  add(docID: number, row: Float32Array, sequence: number): void {
    const { exports } = this.engine;
    if (exports.has(docID)) this.remove(docID, sequence);
    if (exports.waiting() >= WAITING_ROWS_MAX) this.placeDurable();
    this.putInput(row);
    if (exports.add(docID, sequence)) return;
    this.giveUpRows();
    if (!exports.add(docID, sequence)) throw memoryFull(this.options.memoryBytesMax);
  }

  /**
   * When a whole column is given back after a rebuild: codes the oldest rows, unlinked, so that f32 rows don't pile up.
   * They are scanned by their codes until `step` links them.
   */
  private placeDurable(): void {
    const { exports } = this.engine;
    while (!this.config && this.train());
    for (let rows = 0; this.config && rows < WAITING_ROWS_MAX / 4; rows++) {
      const oldest = exports.headSequence();
      if (oldest < 0 || oldest > this.options.recoveredSequence) return;
      const slot = exports.settle(0, 0) >>> 0;
      if (slot === NONE) return;
      this.linkNext = Math.min(this.linkNext, slot);
      this.options.persistence.drainSome(this.config);
    }
  }

  remove(docID: number, sequence: number): void {
    const outcome = this.engine.exports.remove(docID);
    if (outcome >= 2) this.changes.push({ slot: outcome - 2, docID: null, sequence });
  }

  rebind(oldDocID: number, newDocID: number, sequence: number): void {
    const outcome = this.engine.exports.rebind(oldDocID, newDocID, sequence);
    if (outcome === -1) throw memoryFull(this.options.memoryBytesMax);
    if (outcome >= 2) this.changes.push({ slot: outcome - 2, docID: newDocID, sequence });
  }

  // Searching.

  search(query: Float32Array, k: number, options: VectorSearchOptions = {}): VectorHits {
    this.putInput(query);
    if (k <= 0 || this.size === 0) return NOTHING;
    const { exports } = this.engine;
    const allowed = this.openFilter(options.allow);
    try {
      const started = this.options.clock.monotonic();
      const scanned = exports.begin(k);
      if (scanned < 0) throw memoryFull(this.options.memoryBytesMax);
      const ef = this.widthFor(k, options.ef ?? null);
      const path = this.run(k, ef, allowed);
      const units = path === 'exact' ? Math.min(allowed, exports.liveSlots()) : ef;
      this.planner.note(path, units, (this.options.clock.monotonic() - started) * 1000);
      this.explain = {
        path,
        backend: 'wasm',
        ef: path === 'exact' ? 0 : ef,
        distances: exports.measured() + scanned,
        hops: exports.hops(),
        rescored: exports.rescored(),
        backlogScanned: scanned,
      };
      return this.answers(options.maxDistance ?? null);
    } finally {
      exports.closeAllow();
    }
  }

  searchMany(queries: Float32Array, k: number, options: VectorSearchOptions = {}): VectorHits[] {
    const hits: VectorHits[] = [];
    for (let at = 0; at + this.dimensions <= queries.length; at += this.dimensions)
      hits.push(this.search(queries.subarray(at, at + this.dimensions), k, options));
    return hits;
  }

  /** Copies the allow-list in; returns how many docIDs it holds (all rows without one). */
  private openFilter(allow: DocSet | undefined): number {
    const { exports } = this.engine;
    if (!allow) return this.size;
    const address = exports.openAllow(Math.max(1, allow.words.length)) >>> 0;
    if (address === 0) throw memoryFull(this.options.memoryBytesMax);
    const target = words(this.engine, address, Math.max(1, allow.words.length));
    if (allow.words.length === 0) target[0] = 0;
    else target.set(allow.words);
    return exports.countAllowed();
  }

  /** Weaviate's rule: ef as asked or configured, else k × factor within its bounds; never below k. */
  private widthFor(k: number, asked: number | null): number {
    if (!this.hnsw) return k;
    const { ef, dynamicEfFactor, dynamicEfMin, dynamicEfMax } = this.hnsw;
    const width = asked ?? (ef > 0 ? ef : Math.min(Math.max(k * dynamicEfFactor, dynamicEfMin), dynamicEfMax));
    return Math.max(width, k);
  }

  private run(k: number, ef: number, allowed: number): SearchPath {
    const { exports } = this.engine;
    const rows = exports.liveSlots();
    if (rows === 0) return 'exact';
    const filtered = allowed < this.size;
    const path = this.pathFor(k, ef, allowed, filtered);
    if (path === 'exact') {
      this.scan(k);
      return 'exact';
    }
    // Tombstones take places in the pool; refused rows do in a plain walk.
    const crowded = ef * (1 + Math.min(3, exports.deadSlots() / rows));
    // What a filter allows may lie far from the query, where a walk at the plain width falls just short of its recall.
    const wanted = path === 'acorn' ? crowded * ACORN_WIDENING : crowded;
    const width = Math.ceil(path === 'graph' && filtered ? (crowded * this.size) / allowed : wanted);
    // Rescoring stops by itself once nothing further down can enter the answer.
    const most = Math.max(width, this.options.schema.quantizer.rescoreLimit);
    const walked =
      path === 'acorn' ? exports.walkAllowed(width, SEEDS, refusedMaxFor(allowed / this.size), most) : exports.walk(width, most);
    if (!walked) throw memoryFull(this.options.memoryBytesMax);
    this.rescore();
    if (exports.answerCount() >= Math.min(k, filtered ? allowed : this.size)) return path;
    // Always the full k: what the walk did not reach is found by the scan.
    if (!exports.clearAnswers(k)) throw memoryFull(this.options.memoryBytesMax);
    this.scan(k);
    return 'exact';
  }

  private pathFor(k: number, ef: number, allowed: number, filtered: boolean): SearchPath {
    const { exports } = this.engine;
    if (!this.hnsw || exports.entry() >>> 0 === NONE || this.unlinked > 0) return 'exact';
    if (!filtered) return 'graph';
    if (allowed < this.hnsw.flatSearchCutoff) return 'exact';
    return this.planner.choose(allowed, this.size, k, ef, this.hnsw.filterStrategy === 'acorn');
  }

  /** Exact search of all slots that the filter allows. */
  private scan(k: number): void {
    if (!this.engine.exports.scanAll(Math.max(2 * k, SCAN_WIDTH_MIN))) throw memoryFull(this.options.memoryBytesMax);
    this.rescore();
  }

  /** Finishes the search: hands in the rows that are not in memory. */
  private rescore(): void {
    const { exports } = this.engine;
    const keep = this.keepsRows() ? 1 : 0;
    while (exports.rescore(keep)) {
      const docID = exports.wanted() >>> 0;
      const row = floats(this.engine, exports.inputAddress() >>> 0, this.dimensions);
      if (this.options.rows.read(docID, row)) continue;
      exports.goWithout();
      this.options.logger.log('warn', 'vector index: a row is missing from its column, its code stands in', {
        vector: this.options.schema.name,
        docID,
      });
    }
  }

  /** Whether f32 rows are kept in memory for rescoring. An index that has outgrown that gives them up for good. */
  private keepsRows(): boolean {
    if (this.lean) return false;
    const more = this.dimensions * 4 * 1024;
    return this.engine.exports.bytesInUse() >>> 0 < this.options.memoryBytesMax * ROWS_SHARE - more;
  }
  private lean: boolean;

  private giveUpRows(): void {
    this.lean = true;
    this.engine.exports.dropRows();
  }

  private answers(maxDistance: number | null): VectorHits {
    const { exports } = this.engine;
    const count = exports.answerCount();
    const entries = words(this.engine, exports.answersAddress() >>> 0, count * 2);
    const values = new Float32Array(entries.buffer, entries.byteOffset, count * 2);
    let length = count;
    if (maxDistance !== null) while (length > 0 && values[2 * (length - 1)] > maxDistance) length--;
    const docIDs = new Uint32Array(length);
    const distances = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      distances[i] = values[2 * i];
      docIDs[i] = entries[2 * i + 1];
    }
    return { docIDs, distances };
  }

  // Background work.

  step(budgetMs: number, durableSequence: number): boolean {
    const { clock } = this.options;
    const until = clock.monotonic() + budgetMs;
    this.highestSequence = Math.max(this.highestSequence, durableSequence);
    let more = true;
    do more = this.config ? this.work(durableSequence) : this.train();
    while (more && clock.monotonic() < until);
    if (this.config) this.options.persistence.drainSome(this.config);
    return more;
  }

  /** One piece of work, well below a millisecond where it can be; false when there is none. */
  private work(durableSequence: number): boolean {
    const { exports } = this.engine;
    const { persistence } = this.options;
    const config = this.config as GraphConfig;
    if (this.changes.length > 0) this.logChanges(durableSequence);
    if (this.size >= this.driftAt) return this.retrain(config);
    if (this.recodeNext < this.recodeEnd) return this.recodeOne();
    // A waiting row costs a scan five times what a coded one does; a few may wait until the coded ones are linked.
    if (this.unlinked > 0 && exports.waiting() < WAITING_ROWS_MAX / 4) return this.linkOne();
    const oldest = exports.headSequence();
    if (oldest >= 0 && oldest <= durableSequence && this.settle()) return true;
    if (this.unlinked > 0) return this.linkOne();
    if (this.sweeping) {
      this.sweeping = exports.sweep(256, this.efConstruction) !== 0;
      persistence.drainSome(config);
      return true;
    }
    if (exports.deadSlots() >= Math.max(SWEEP_ROWS_MIN, exports.liveSlots() * SWEEP_SHARE)) {
      this.sweeping = exports.startSweep() > 0;
      if (this.sweeping) return true;
    }
    if (persistence.snapshotting) return persistence.stepSnapshot(this.highestSequence) || true;
    if (persistence.snapshotDue(true)) {
      persistence.drain(config);
      persistence.startSnapshot(config);
      return true;
    }
    return false;
  }

  private get efConstruction(): number {
    return this.hnsw?.efConstruction ?? 128;
  }

  /** Codes and links the oldest waiting row; false when memory is full. */
  private settle(): boolean {
    const { exports } = this.engine;
    const config = this.config as GraphConfig;
    const linking = this.linked && this.unlinked === 0;
    const ef = linking ? this.efConstruction : 0;
    const keep = config.codec !== Codec.f32 && this.keepsRows() ? 1 : 0;
    let slot = exports.settle(ef, keep) >>> 0;
    if (slot === NONE) {
      this.giveUpRows();
      slot = exports.settle(ef, 0) >>> 0;
    }
    if (slot === NONE) {
      this.options.logger.log('warn', 'vector index: memory is full, rows stay in the backlog', { rows: this.size });
      return false;
    }
    if (!this.lean && exports.bytesInUse() >>> 0 > this.options.memoryBytesMax * LEAN_SHARE) this.giveUpRows();
    if (config.codec === Codec.sq7 && this.watch.note(() => exports.takeResidualSum())) this.driftAt = 0;
    if (!linking) this.linkNext = Math.min(this.linkNext, slot);
    if (linking && this.linkNext <= slot) this.linkNext = Math.max(this.linkNext, exports.slotEnd());
    this.options.persistence.drainSome(config);
    if (this.options.persistence.snapshotDue(false)) {
      this.options.persistence.drain(config);
      this.options.persistence.startSnapshot(config);
    }
    if (this.options.persistence.snapshotting) this.options.persistence.stepSnapshot(this.highestSequence);
    return true;
  }

  /** Slots below this must be linked before the graph answers; 0 while nothing is to be linked. */
  private linkEnd(): number {
    return this.linked ? this.engine.exports.slotEnd() : 0;
  }

  /** Links one slot that was coded before there was a graph (a dynamic index that has outgrown its threshold). */
  private linkOne(): boolean {
    const { exports } = this.engine;
    const end = this.linkEnd();
    const unlinked = (at: number): boolean => (exports.flagsOf(at) & (SlotFlag.used | SlotFlag.dead | SlotFlag.linked)) === SlotFlag.used;
    while (this.linkNext < end && !unlinked(this.linkNext)) this.linkNext++;
    const slot = this.linkNext;
    if (slot < end) {
      const row = floats(this.engine, exports.inputAddress() >>> 0, this.dimensions);
      // Without its row a slot stays out of the graph; the scan that follows a walk too short still finds it.
      if (this.options.rows.read(exports.docOf(slot) >>> 0, row) && !exports.linkSlot(slot, this.efConstruction)) return false;
    }
    if (slot < end) this.linkNext++;
    this.options.persistence.drainSome(this.config as GraphConfig);
    return true;
  }

  /** Records removals and rebindings whose records are durable by now. */
  private logChanges(durableSequence: number): void {
    let done = 0;
    for (const { slot, docID, sequence } of this.changes) {
      if (sequence > durableSequence) break;
      const low = sequence >>> 0;
      const high = Math.floor(sequence / 2 ** 32);
      if (docID === null) this.engine.exports.logDead(slot, low, high);
      else this.engine.exports.logRebind(slot, docID, low, high);
      done++;
    }
    this.changes.splice(0, done);
  }

  /** One piece of choosing the codec, once there are enough rows; false while there is nothing to do. */
  private train(): boolean {
    const { schema, persistence } = this.options;
    if (this.size < TRAINED_FROM) return false;
    this.training ??= trainGraph(this.engine, schema, this.dimensions);
    const { done, value } = this.training.next();
    if (!done) return true;
    this.training = null;
    if (!value) return false;
    this.config = value;
    this.driftAt = this.size * DRIFT_GROWTH;
    persistence.restart(value);
    return true;
  }

  /** Looks whether the quantizer still fits; if not, takes a better one for all codes, whose rows are then coded again one by one. */
  private retrain(config: GraphConfig): boolean {
    this.driftAt = this.size * DRIFT_GROWTH;
    if (config.codec !== Codec.sq7 || config.distance === 'hamming') return true;
    const found = retrained(this.options.rows, this.docIDs(), config.distance, config.parameters);
    if (!found) return true;
    const { better, relink } = found;
    const { exports } = this.engine;
    const bytes = exports.rowBytes();
    const block = exports.alloc(bytes) >>> 0;
    if (block === 0) return true;
    floats(this.engine, block, this.dimensions).set(better.center);
    const changed = exports.changeScale(block, better.scale);
    exports.release(block, bytes);
    if (!changed) return true;
    const parameters = new Float32Array(this.dimensions + 1);
    parameters.set(better.center);
    parameters[this.dimensions] = better.scale;
    this.config = { ...config, parameters };
    this.recodeNext = 0;
    this.recodeEnd = exports.slotEnd();
    this.watch.reset();
    exports.takeResidualSum();
    if (relink && exports.entry() >>> 0 !== NONE) {
      exports.unlinkAll();
      this.relinking = true;
      this.linkNext = 0;
    }
    this.options.persistence.abandonSnapshot();
    this.options.persistence.startSnapshot(this.config);
    this.options.logger.log('info', 'vector index: the quantizer was trained anew', { vector: this.options.schema.name, rows: this.size });
    return true;
  }

  /** Codes one slot again by the parameters in force. */
  private recodeOne(): boolean {
    const slot = this.recodeNext++;
    const { exports } = this.engine;
    if ((exports.flagsOf(slot) & (SlotFlag.used | SlotFlag.dead)) !== SlotFlag.used) return true;
    const row = floats(this.engine, exports.inputAddress() >>> 0, this.dimensions);
    if (this.options.rows.read(exports.docOf(slot) >>> 0, row)) exports.recodeSlot(slot);
    return true;
  }

  /** After a load: codes the slots that the log inserted, from the vector column. */
  recode(): void {
    const { exports } = this.engine;
    const end = exports.slotEnd();
    for (let slot = 0; slot < end; slot++) {
      const flags = exports.flagsOf(slot);
      if ((flags & (SlotFlag.used | SlotFlag.coded)) !== SlotFlag.used) continue;
      const row = floats(this.engine, exports.inputAddress() >>> 0, this.dimensions);
      // A row that has gone since was removed by a record that the shard still has to replay; it is never an answer.
      if (!this.options.rows.read(exports.docOf(slot) >>> 0, row)) row.fill(0);
      exports.encodeSlot(slot, 0);
    }
    if (this.options.schema.index.type === 'hnsw' || exports.entry() >>> 0 !== NONE) this.linkNext = this.firstUnlinked(end);
  }

  private firstUnlinked(end: number): number {
    const { exports } = this.engine;
    for (let slot = 0; slot < end; slot++)
      if ((exports.flagsOf(slot) & (SlotFlag.used | SlotFlag.dead | SlotFlag.linked)) === SlotFlag.used) return slot;
    return end;
  }

  checkpoint(durableSequence: number): VectorIndexState {
    this.highestSequence = Math.max(this.highestSequence, durableSequence);
    if (!this.config) return { snapshot: null, log: null, meta: {} };
    this.logChanges(durableSequence);
    return this.options.persistence.checkpoint(this.config, this.highestSequence);
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

  /** The answer of an exact search, whatever the planner thinks; for `health`, tests and benchmarks. */
  searchExact(query: Float32Array, k: number, allow?: DocSet): VectorHits {
    this.putInput(query);
    const { exports } = this.engine;
    this.openFilter(allow);
    try {
      if (exports.begin(k) < 0) throw memoryFull(this.options.memoryBytesMax);
      if (exports.liveSlots() > 0) this.scan(k);
      return this.answers(null);
    } finally {
      exports.closeAllow();
    }
  }

  /** Memory and disk in bytes, without the sampling that `health` does. */
  sizes(): { readonly memoryBytes: number; readonly graphDiskBytes: number } {
    return { memoryBytes: this.engine.exports.bytesInUse() >>> 0, graphDiskBytes: this.options.persistence.bytes };
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

/** Refused neighbours that a filtered walk looks through for each node: enough to meet about `SECOND_HOPS` allowed nodes more. */
function refusedMaxFor(share: number): number {
  return Math.min(64, Math.max(8, Math.ceil(SECOND_HOPS / (LINKS_MEAN * share))));
}

function memoryFull(limit: number): HeddleError {
  return new HeddleError('StorageFull', `the vector index has reached its memory limit of ${limit} bytes`, {
    hint: 'Raise the limit, choose a smaller quantizer (bq), or spread the collection over more shards.',
    details: { limit },
    retryable: false,
  });
}
