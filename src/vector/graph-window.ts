/**
 * A graph index as a copy of it elsewhere sees it: where its codes and links lie, and which slots changed since they were last
 * copied. The changes are read off the graph's own log as it is drained: every insertion, repair and sweep is in it.
 *
 * - Nothing is kept until `takeTouched` was called once, and after `forget`.
 * - `generation` rises when codes or links change without the log (a new quantizer, a graph that was taken apart).
 *
 * Callers: the mirror of the graph on the GPU. Addresses are read anew each time, since the engine's memory may grow.
 */
import { DocSet } from '../core/doc-set.ts';
import type { EncodedRows } from '../gpu/row-words.ts';
import type { GraphLayout, MirroredGraph, TouchedSlots } from '../gpu/graph-mirror.ts';
import { bytesAt, Codec, NONE, SlotFlag, words, type Engine } from '../kernels/wasm/engine.ts';
import type { Distance } from '../schema/collection-schema.ts';
import type { GraphConfig } from './graph-config.ts';
import { forEachOperation, GraphOp } from './graph-operations.ts';

/** What a window needs of the index behind it. */
export interface WindowedIndex {
  readonly engine: Engine;
  readonly distance: Distance;
  readonly dimensions: number;
  readonly maxConnections: number;
  /** Null while the graph can't be walked: not trained, or not linked throughout. */
  walkable(): GraphConfig | null;
  /** Moves what the engine has recorded to the log, and so to `note`. */
  drain(): void;
}

export class GraphWindow implements MirroredGraph {
  generation = 0;
  private readonly index: WindowedIndex;
  private rows: DocSet | null = null;
  private links = new DocSet();

  constructor(index: WindowedIndex) {
    this.index = index;
  }

  get distance(): Distance {
    return this.index.distance;
  }
  get dimensions(): number {
    return this.index.dimensions;
  }

  layout(): GraphLayout | null {
    const { engine, dimensions, maxConnections } = this.index;
    const config = this.index.walkable();
    if (!config || (config.codec !== Codec.f32 && config.codec !== Codec.sq7)) return null;
    const coded = config.codec === Codec.sq7;
    return {
      rowType: coded ? 'u7' : 'f32',
      space: coded ? { center: config.parameters.slice(0, dimensions), step: config.parameters[dimensions] } : null,
      degree: 2 * maxConnections,
      slots: engine.exports.slotEnd(),
      generation: this.generation,
    };
  }

  /** Operations (whole ones) that the log is about to take. */
  note(operations: Uint32Array): void {
    const { rows, links } = this;
    if (!rows) return;
    forEachOperation(operations, (op, slot, targets) => {
      if (op === GraphOp.insert || op === GraphOp.place) rows.add(slot);
      links.add(slot);
      for (const target of targets) links.add(target);
    });
  }
  /** A slot was coded anew, which is not in the log. */
  noteCode(slot: number): void {
    this.rows?.add(slot);
    this.links.add(slot);
  }

  takeTouched(): TouchedSlots | null {
    this.index.drain();
    const { rows, links } = this;
    this.rows = new DocSet();
    this.links = new DocSet();
    return rows && { rows: rows.toArray(), links: links.toArray() };
  }

  filled(): Uint32Array<ArrayBuffer> {
    this.index.drain();
    return this.rows?.toArray() ?? new Uint32Array(0);
  }

  forget(): void {
    this.rows = null;
    this.links = new DocSet();
  }

  rowsOf(slots: Uint32Array, bytes: number): EncodedRows {
    const { engine, distance } = this.index;
    const copied = new Uint8Array(slots.length * bytes);
    const isCoded = this.index.walkable()?.codec === Codec.sq7;
    const hasTerms = isCoded && distance !== 'manhattan' && distance !== 'hamming';
    const terms = new Float32Array(isCoded ? slots.length : 0);
    slots.forEach((slot, i) => {
      copied.set(bytesAt(engine, engine.exports.codeAt(slot) >>> 0, bytes), i * bytes);
      if (hasTerms) terms[i] = engine.exports.termOf(slot);
    });
    return { words: copied, terms };
  }

  linksOf(slots: Uint32Array): Uint32Array<ArrayBuffer> {
    const { engine, maxConnections } = this.index;
    const degree = 2 * maxConnections;
    const copied = new Uint32Array(slots.length * degree);
    slots.forEach((slot, i) => copied.set(words(engine, engine.exports.linksAt(slot) >>> 0, degree), i * degree));
    return copied;
  }

  seeds(most: number): Uint32Array<ArrayBuffer> {
    const { engine, maxConnections } = this.index;
    const { exports } = engine;
    const entry = exports.entry() >>> 0;
    if (entry === NONE) return new Uint32Array(0);
    const slotOf = (record: number): number => {
      const at = (exports.upperChunkAt(record >>> 8) >>> 0) + (record & 255) * (3 + maxConnections) * 4;
      return words(engine, at, 1)[0];
    };
    const seeds = new Set([exports.entryLevel() === 0 ? entry : slotOf(entry)]);
    const records = exports.recordEnd();
    for (let i = 0; i < most && seeds.size < most; i++) {
      const slot = records === 0 ? NONE : slotOf(Math.floor((i * records) / most));
      if (slot !== NONE) seeds.add(slot);
    }
    // A graph without upper levels: any of its slots.
    const slots = exports.slotEnd();
    for (let i = 0; i < most && records === 0 && seeds.size < most; i++) {
      const slot = Math.floor((i * slots) / most);
      if (exports.flagsOf(slot) & SlotFlag.linked) seeds.add(slot);
    }
    return Uint32Array.from(seeds);
  }
}
