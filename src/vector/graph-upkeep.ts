/**
 * Background work of one index: rows into the graph, training and retraining of the quantizer, repair, snapshots. In pieces, each
 * well below a millisecond where it can be.
 *
 * - A row enters the graph only when its record is durable, so the graph log never names a row that the log could lose.
 * - Removal and rebinding take effect at once; their log entries wait here until their records are durable.
 */
import type { Clock, Logger } from '../core/clock.ts';
import { DocSet } from '../core/doc-set.ts';
import type { BuiltGraph, KmeansJob } from '../gpu/gpu-backend.ts';
import { Codec, floats, NONE, SlotFlag, type Engine } from '../kernels/wasm/engine.ts';
import type { HnswConfig, VectorSchema } from '../schema/collection-schema.ts';
import type { BuiltElsewhere } from './elsewhere.ts';
import { adoptGraph } from './graph-adoption.ts';
import type { GraphConfig } from './graph-config.ts';
import type { GraphPersistence } from './graph-persistence.ts';
import { codecOf, configureCodec, maxConnectionsOf, productJob, trainGraph, untrained } from './graph-training.ts';
import type { GraphWindow } from './graph-window.ts';
import { ResidualWatch, retrained } from './quantizer-drift.ts';
import type { RowMemory } from './row-memory.ts';
import type { VectorIndexState, VectorRows } from './vector-index.ts';

/** Rows from which an index is coded and linked. */
export const TRAINED_FROM = 1_000;
/** Tombstones are swept out from this share of the rows, and at least this many. */
const SWEEP_SHARE = 0.02;
const SWEEP_ROWS_MIN = 64;
/** f32 rows that wait before `add` begins to code durable ones itself. */
export const WAITING_ROWS_MAX = 16_384;
/** The quantizer is looked at again when the index has grown by this factor. */
const DRIFT_GROWTH = 4;

/** A removal or rebinding that waits to be logged. */
interface PendingChange {
  readonly slot: number;
  /** Null: removed. */
  readonly docID: number | null;
  readonly sequence: number;
}

export interface GraphUpkeepOptions {
  readonly schema: VectorSchema;
  /** Null: slots are coded and never linked. */
  readonly hnsw: () => HnswConfig | null;
  readonly dimensions: number;
  readonly engine: Engine;
  readonly rows: VectorRows;
  readonly rowMemory: RowMemory;
  readonly persistence: GraphPersistence;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Rows up to this sequence number are on disk: those of the log as it was recovered. */
  readonly recoveredSequence: number;
  /** The config of a graph that was loaded; null: untrained. */
  readonly config: GraphConfig | null;
  readonly docIDs: () => DocSet;
  readonly window: GraphWindow;
}

export class GraphUpkeep implements BuiltElsewhere {
  private readonly options: GraphUpkeepOptions;
  private readonly engine: Engine;
  private readonly dimensions: number;
  /** Null until trained. */
  config: GraphConfig | null;
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
  /** Rows wait for what is made of them elsewhere, up to `WAITING_ROWS_MAX` of them. */
  private held = false;
  /** Rows linked in timed slices, and what these took. */
  private readonly linking = { rows: 0, ms: 0 };

  constructor(options: GraphUpkeepOptions) {
    this.options = options;
    this.engine = options.engine;
    this.dimensions = options.dimensions;
    this.config = options.config;
    if (this.config) this.driftAt = Math.max(TRAINED_FROM, this.size) * DRIFT_GROWTH;
    options.persistence.onOperations = (operations) => options.window.note(operations);
  }

  private get size(): number {
    return this.engine.exports.liveSlots() + this.engine.exports.waiting();
  }

  /** Slots not looked at yet while a graph is made of coded ones; searches scan all codes until it is 0. */
  get unlinked(): number {
    return Math.max(0, this.linkEnd() - this.linkNext);
  }

  /** Whether new slots are linked: a graph index, or a dynamic one that has outgrown its threshold. */
  private get linked(): boolean {
    const { index } = this.options.schema;
    if (index.type === 'dynamic') return this.relinking || this.engine.exports.entry() >>> 0 !== NONE || this.size >= index.threshold;
    return index.type === 'hnsw';
  }

  /** A slot was removed (`docID` null) or given to another docID by the record with this sequence number. */
  changed(slot: number, docID: number | null, sequence: number): void {
    this.changes.push({ slot, docID, sequence });
  }

  /**
   * When a whole column is given back after a rebuild: codes the oldest rows, unlinked, so that f32 rows don't pile up.
   * They are scanned by their codes until `step` links them.
   */
  placeDurable(): void {
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

  step(budgetMs: number, durableSequence: number): boolean {
    const { clock } = this.options;
    const started = clock.monotonic();
    const until = started + budgetMs;
    this.highestSequence = Math.max(this.highestSequence, durableSequence);
    const before = this.toLink;
    let more = true;
    do more = this.config ? this.work(durableSequence) : !this.held && this.train();
    while (more && clock.monotonic() < until);
    if (before > this.toLink) {
      this.linking.rows += before - this.toLink;
      this.linking.ms += clock.monotonic() - started;
    }
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
    if (this.held && exports.waiting() < WAITING_ROWS_MAX) return false;
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

  get efConstruction(): number {
    return this.options.hnsw()?.efConstruction ?? 128;
  }

  /** Codes and links the oldest waiting row; false when memory is full. */
  private settle(): boolean {
    const { exports } = this.engine;
    const config = this.config as GraphConfig;
    const linking = this.linked && this.unlinked === 0;
    const ef = linking ? this.efConstruction : 0;
    const keep = config.codec !== Codec.f32 && this.options.rowMemory.keeps ? 1 : 0;
    let slot = exports.settle(ef, keep) >>> 0;
    if (slot === NONE) {
      this.options.rowMemory.giveUp();
      slot = exports.settle(ef, 0) >>> 0;
    }
    if (slot === NONE) {
      this.options.logger.log('warn', 'vector index: memory is full, rows stay in the backlog', { rows: this.size });
      return false;
    }
    this.options.rowMemory.spare();
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
    const { schema } = this.options;
    if (this.size < TRAINED_FROM) return false;
    this.training ??= trainGraph(this.engine, schema, this.dimensions);
    const { done, value } = this.training.next();
    if (!done) return true;
    this.training = null;
    if (!value) return false;
    this.startWith(value);
    return true;
  }

  private startWith(config: GraphConfig): void {
    this.config = config;
    this.driftAt = this.size * DRIFT_GROWTH;
    this.options.persistence.restart(config);
  }

  /** Looks whether the quantizer still fits; if not, takes a better one for all codes, whose rows are then coded again one by one. */
  private retrain(config: GraphConfig): boolean {
    this.driftAt = this.size * DRIFT_GROWTH;
    if (config.codec !== Codec.sq7 || config.distance === 'hamming') return true;
    const found = retrained(this.options.rows, this.options.docIDs(), config.distance, config.parameters);
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
    this.options.window.generation++;
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
    this.options.window.noteCode(slot);
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

  // Made elsewhere.

  get maxConnections(): number {
    return maxConnectionsOf(this.options.schema);
  }

  /** Rows that are to be linked. */
  private get toLink(): number {
    return this.linked ? this.engine.exports.waiting() + this.unlinked : 0;
  }

  get debt(): { readonly rows: number; readonly msPerRow: number } | null {
    const { rows, ms } = this.linking;
    return this.config && this.toLink > 0 && rows > 0 ? { rows: this.toLink, msPerRow: ms / rows } : null;
  }

  hold(on: boolean): void {
    this.held = on;
  }

  /** It reaches the disk as a new quantizer does: a snapshot is begun, and until it is whole the manifest names the files before. */
  adopt(built: BuiltGraph, docIDs: Uint32Array, durableSequence: number): void {
    const { exports } = this.engine;
    const { persistence, rowMemory, window } = this.options;
    const config = this.config as GraphConfig;
    const known = DocSet.of(docIDs);
    // Rows enter the graph in the order in which they wait, as always, and only once they are durable.
    while (exports.waiting() > 0 && exports.headSequence() <= durableSequence && known.has(exports.peekWaiting(0) >>> 0))
      if (exports.settle(0, config.codec !== Codec.f32 && rowMemory.keeps ? 1 : 0) >>> 0 === NONE) break;
    persistence.drain(config);
    adoptGraph(this.engine, built, docIDs);
    this.relinking = true;
    this.linkNext = this.firstUnlinked(exports.slotEnd());
    window.generation++;
    persistence.abandonSnapshot();
    persistence.startSnapshot(config);
  }

  productJob(): KmeansJob | null {
    const { schema } = this.options;
    if (this.config || this.training || this.size < TRAINED_FROM || codecOf(schema) !== Codec.pq) return null;
    return productJob(this.engine, schema, this.dimensions);
  }

  adoptCodebook(parameters: Float32Array<ArrayBuffer>): void {
    if (this.config || this.training) return;
    const config = { ...untrained(this.options.schema, this.dimensions), parameters };
    if (configureCodec(this.engine, config)) this.startWith(config);
  }

  /** Moves what the engine has recorded to the log. */
  drain(): void {
    if (this.config) this.options.persistence.drain(this.config);
  }
}
