/**
 * A vector index's files: the log it appends to, the snapshot before it, and when to write a new one.
 *
 * - `state` names what the manifest may rely on; it changes only in `checkpoint`, after a flush.
 * - While a snapshot is written, operations go to the log that will accompany it. A crash before the manifest names both
 *   falls back to the pair before: rows inserted in between are given to the index again by its shard.
 * - The log is kept below half of the snapshot (or below a floor), so that both stay within 2.2 times the arena.
 */
import type { Random } from '../core/clock.ts';
import type { ExtentStream, StreamSpace } from '../lsm/bucket.ts';
import { bytesAt, words, type Engine } from '../kernels/wasm/engine.ts';
import { GraphLogReader, GraphLogWriter } from './graph-log.ts';
import { readSnapshot, SnapshotWriter } from './graph-snapshot.ts';
import type { GraphConfig } from './graph-config.ts';
import type { VectorIndexState } from './vector-index.ts';

const LOG_BYTES_FLOOR = 4 * 1024 * 1024;
/** When there is nothing else to do, a smaller log is worth a snapshot: opening then codes fewer rows. */
const IDLE_LOG_BYTES_FLOOR = 1024 * 1024;
const FLUSHED_WORDS_BYTES = 64 * 1024;

interface SnapshotPlace {
  readonly trailerAt: number;
  readonly trailerBytes: number;
}

export class GraphPersistence {
  private readonly engine: Engine;
  private readonly streams: StreamSpace;
  private readonly random: Random;
  private log: GraphLogWriter | null = null;
  private snapshot: { readonly stream: ExtentStream; readonly place: SnapshotPlace; readonly bytes: number } | null = null;
  private writer: SnapshotWriter | null = null;
  private abandoned: number[] = [];
  private pendingSequence = 0;
  /** Sees the operations (borrowed) that the log is about to take. */
  onOperations: ((operations: Uint32Array) => void) | null = null;

  constructor(engine: Engine, streams: StreamSpace, random: Random) {
    this.engine = engine;
    this.streams = streams;
    this.random = random;
  }

  /** Bytes of log and snapshots, the ones being written included. */
  get bytes(): number {
    return (this.log?.length ?? 0) + (this.snapshot?.bytes ?? 0) + (this.writer?.stream.length ?? 0);
  }
  get snapshotting(): boolean {
    return this.writer !== null;
  }

  /** Begins anew with a config: what was there before is given up with the next checkpoint. */
  restart(config: GraphConfig): void {
    this.giveUp();
    this.log = GraphLogWriter.begin(this.streams.create(), this.drawGeneration(), config);
  }

  private giveUp(): void {
    if (this.log) this.abandoned.push(this.log.stream.id);
    if (this.snapshot) this.abandoned.push(this.snapshot.stream.id);
    if (this.writer) this.abandoned.push(this.writer.stream.id);
    this.log = null;
    this.snapshot = null;
    this.writer = null;
  }

  /** Streams that a state named and that could not be used. */
  abandon(state: VectorIndexState): void {
    for (const id of [state.snapshot, state.log]) if (id !== null) this.abandoned.push(id);
  }

  private drawGeneration(): number {
    return new DataView(this.random.fill(new Uint8Array(4)).buffer).getUint32(0) || 1;
  }

  /**
   * Loads what `state` names into the engine; `prepare` configures the codec, false when the config is another index's.
   * Returns the config, or null when there is nothing usable of this shape. `Corruption` when something does not check.
   */
  load(state: VectorIndexState, recoveredSequence: number, prepare: (config: GraphConfig) => boolean): GraphConfig | null {
    if (state.log === null) return null;
    const logStream = this.streams.open(state.log);
    const reader = new GraphLogReader(logStream);
    let config: GraphConfig | null = null;
    let snapshot: typeof this.snapshot = null;
    if (state.snapshot !== null) {
      const place = state.meta.snapshot as SnapshotPlace;
      const stream = this.streams.open(state.snapshot);
      const loaded = readSnapshot(stream, this.engine, place, prepare);
      if (!loaded || loaded.sequence > recoveredSequence) return null;
      config = loaded.config;
      snapshot = { stream, place, bytes: place.trailerAt + place.trailerBytes };
    } else {
      config = reader.header.config;
      if (!prepare(config)) return null;
    }
    const outcome = this.replay(reader, recoveredSequence);
    if (outcome === 'senseless' || !this.finishLoading()) return null;
    this.snapshot = snapshot;
    // Operations that were dropped must not come back once the shard's sequence numbers have passed them: no more of this log.
    if (outcome === 'cut') this.cutLog = state.log;
    else this.log = GraphLogWriter.resume(logStream, reader);
    return config;
  }
  private finishLoading(): boolean {
    const { exports } = this.engine;
    if (!exports.finishLoading()) return false;
    for (let chunk = 0; chunk < exports.chunkCount(); chunk++) if (!exports.countDegreesFrom(chunk)) return false;
    return true;
  }

  /** A loaded log that ends in dropped operations; a snapshot replaces it. */
  private cutLog: number | null = null;

  private replay(reader: GraphLogReader, recoveredSequence: number): 'whole' | 'cut' | 'senseless' {
    const { exports } = this.engine;
    for (let payload = reader.next(); payload; payload = reader.next()) {
      const block = exports.alloc(payload.length) >>> 0;
      if (block === 0) return 'senseless';
      bytesAt(this.engine, block, payload.length).set(payload);
      const outcome = exports.replay(block, payload.length / 4, recoveredSequence);
      exports.release(block, payload.length);
      if (outcome === 2) return 'senseless';
      if (outcome === 1) return 'cut';
    }
    return 'whole';
  }

  /** Moves the operations recorded in wasm to the log. */
  drain(config: GraphConfig, atLeastBytes = 1): void {
    const { exports } = this.engine;
    const length = exports.logBytes();
    if (length < atLeastBytes) return;
    if (!this.log) this.startSnapshot(config);
    this.onOperations?.(words(this.engine, exports.logAddress() >>> 0, length / 4));
    this.log?.append(bytesAt(this.engine, exports.logAddress() >>> 0, length));
    exports.clearLog();
  }
  /** Drains when enough has gathered to be worth a frame. */
  drainSome(config: GraphConfig): void {
    this.drain(config, FLUSHED_WORDS_BYTES);
  }

  private logBytesMax(idle: boolean): number {
    return Math.max(idle ? IDLE_LOG_BYTES_FLOOR : LOG_BYTES_FLOOR, (this.snapshot?.bytes ?? 0) * (idle ? 0.1 : 0.5));
  }

  /** Whether the log has grown so far that a snapshot is worth writing; `idle`: also for a smaller gain. */
  snapshotDue(idle: boolean): boolean {
    if (this.writer) return false;
    if (!this.log) return this.cutLog !== null;
    return this.log.length > this.logBytesMax(idle);
  }

  /** Begins a snapshot, and the log that accompanies it. */
  startSnapshot(config: GraphConfig): void {
    const generation = this.drawGeneration();
    const log = GraphLogWriter.begin(this.streams.create(), generation, config);
    this.writer = new SnapshotWriter(this.streams.create(), this.engine, generation, config);
    this.replaced = [this.log?.stream.id ?? this.cutLog, this.snapshot?.stream.id ?? null, ...this.superseded];
    this.superseded = [];
    this.cutLog = null;
    this.log = log;
  }
  private replaced: (number | null)[] = [];
  private superseded: (number | null)[] = [];

  /** Gives up a snapshot that is being written, because codes change their meaning; what the manifest names stays. */
  abandonSnapshot(): void {
    if (!this.writer) return;
    this.abandoned.push(this.writer.stream.id);
    this.writer = null;
    if (this.log) this.abandoned.push(this.log.stream.id);
    this.log = null;
    this.superseded.push(...this.replaced);
    this.replaced = [];
  }

  /** Writes one chunk of the snapshot; false when it is finished (or none is being written). */
  stepSnapshot(sequence: number): boolean {
    if (!this.writer) return false;
    if (this.writer.step()) return true;
    const place = this.writer.finish(Math.max(sequence, this.pendingSequence));
    this.snapshot = { stream: this.writer.stream, place, bytes: this.writer.stream.length };
    this.writer = null;
    for (const id of this.replaced) if (id !== null) this.abandoned.push(id);
    this.replaced = [];
    return false;
  }

  /** Flushes log and snapshot and says what the manifest must keep; what it no longer names is freed. */
  checkpoint(config: GraphConfig, sequence: number): VectorIndexState {
    this.drain(config);
    if (!this.log) this.startSnapshot(config);
    while (this.writer) this.stepSnapshot(sequence);
    this.snapshot?.stream.flush();
    this.log?.flush();
    const state = this.named(this.log?.stream.id ?? null);
    for (const id of new Set(this.abandoned)) this.streams.free(id);
    this.abandoned = [];
    return state;
  }

  private named(log: number | null): VectorIndexState {
    return { snapshot: this.snapshot?.stream.id ?? null, log, meta: this.snapshot ? { snapshot: this.snapshot.place } : {} };
  }
}
