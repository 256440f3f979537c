/**
 * The wasm engine as a twin of the GPU's kernels: the same jobs by its own functions. What has no export of its own is had by way of
 * an operation that does it: the k nearest of given distances by a search over rows of one dimension, links by inserting rows
 * with a list as long as there are rows, centroids of rows by coding them. Tests only.
 */
import { assert } from '../core/errors.ts';
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import type { EngineSpace } from '../kernels/scalar/engine-codes.ts';
import type { KmeansShape } from '../kernels/scalar/gpu-kmeans.ts';
import { bytesAt, Codec, createEngine, floats, Metric, words, type Engine } from '../kernels/wasm/engine.ts';
import type { Distance } from '../schema/collection-schema.ts';
import type { EncodedRows } from './row-words.ts';

const MEMORY_BYTES_MAX = 2 ** 30;
const padded = (dimensions: number): number => Math.ceil(dimensions / 16) * 16;

/** An engine of its own for each job, so that nothing is left over. */
function engineFor(dimensions: number, distance: Distance, maxConnections = 8): Engine {
  const engine = createEngine();
  assert(engine.exports.configure(dimensions, Metric[distance], maxConnections, MEMORY_BYTES_MAX), 'memory for the twin');
  return engine;
}

let probe: Engine | null = null;
/** One engine for distances alone, which leave nothing behind; with a block of `bytes`, to be released. */
function probeBlock(bytes: number): { readonly engine: Engine; readonly block: number } {
  probe ??= engineFor(1, 'dot');
  const block = probe.exports.alloc(bytes) >>> 0;
  assert(block !== 0, 'memory for the twin');
  return { engine: probe, block };
}

function putInput(engine: Engine, row: Float32Array): void {
  floats(engine, engine.exports.inputAddress() >>> 0, row.length).set(row);
}

/** Exact distances of a query to rows `[count × dimensions]`. */
export function wasmDistances(distance: Distance, query: Float32Array, rows: Float32Array): Float32Array {
  const { length } = query;
  const pitch = padded(length) / 4;
  const count = rows.length / length;
  const all = new Float32Array((count + 1) * 4 * pitch);
  all.set(query);
  for (let row = 0; row < count; row++) for (let d = 0; d < length; d++) all[(row + 1) * 4 * pitch + d] = rows[row * length + d];
  const sums = new Float32Array(probed('probeRows', distance, new Uint8Array(all.buffer), pitch * 16).buffer);
  if (distance === 'dot') return sums.map((sum) => -sum);
  return distance === 'cosine' ? sums.map((sum) => 1 - sum) : sums;
}

/** Integer sums of a coded query and coded rows, `bytes` each, a multiple of 16. */
export function wasmCodeSums(distance: Distance, query: Uint8Array, rows: Uint8Array, bytes: number): Int32Array {
  const all = new Uint8Array(bytes + rows.length);
  all.set(query);
  all.set(rows, bytes);
  return new Int32Array(probed('probeCodes', distance, all, bytes).buffer);
}

/** The kernel's four bytes for each row of `all` but the first, which is the query; `pitch` bytes each. */
function probed(kernel: 'probeRows' | 'probeCodes', distance: Distance, all: Uint8Array, pitch: number): Uint8Array<ArrayBuffer> {
  const { engine, block } = probeBlock(all.length + 16);
  bytesAt(engine, block, all.length).set(all);
  const count = all.length / pitch - 1;
  const at = (row: number): number => block + pitch * (Math.min(row, count - 1) + 1);
  const out = block + all.length;
  const found = new Uint8Array(count * 4);
  for (let row = 0; row < count; row += 4) {
    engine.exports[kernel](Metric[distance], block, at(row), at(row + 1), at(row + 2), at(row + 3), pitch, out);
    found.set(bytesAt(engine, out, 4 * Math.min(4, count - row)), row * 4);
  }
  engine.exports.release(block, all.length + 16);
  return found;
}

/** The k nearest by (distance, id) of those that `allowed` (a bitset of ids) lets through; EMPTY ids are passed over. */
export function wasmNearest(
  distances: Float32Array,
  ids: Uint32Array,
  k: number,
  allowed: Uint32Array | null,
): { readonly ids: number[]; readonly distances: number[] } {
  // By dot product a row of one dimension is as far from the query (1) as its value is low.
  const engine = engineFor(1, 'dot');
  const { exports } = engine;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === EMPTY) continue;
    floats(engine, exports.inputAddress() >>> 0, 1)[0] = -distances[i];
    assert(exports.add(ids[i], i + 1), 'memory for the twin');
  }
  if (allowed) {
    const at = exports.openAllow(allowed.length) >>> 0;
    words(engine, at, allowed.length).set(allowed);
  }
  floats(engine, exports.inputAddress() >>> 0, 1)[0] = 1;
  assert(exports.begin(k) >= 0, 'memory for the twin');
  const count = exports.answerCount();
  const answers = exports.answersAddress() >>> 0;
  return {
    ids: Array.from({ length: count }, (_, i) => words(engine, answers + 8 * i + 4, 1)[0]),
    distances: Array.from({ length: count }, (_, i) => floats(engine, answers + 8 * i, 1)[0]),
  };
}

/** A graph made by inserting rows one by one, unquantized or (with `space`) by 7-bit codes; slots are row numbers. */
export class WasmGraph {
  readonly degree: number;
  readonly engine: Engine;
  private readonly dimensions: number;
  private readonly hasTerms: boolean;

  constructor(distance: Distance, dimensions: number, maxConnections: number, space: EngineSpace | null = null) {
    this.engine = engineFor(dimensions, distance, maxConnections);
    if (space) useCodes(this.engine, space);
    this.dimensions = dimensions;
    this.hasTerms = distance !== 'manhattan' && distance !== 'hamming';
    this.degree = 2 * maxConnections;
  }

  /** Inserts the next row with a candidate list of `ef`; 0: without links. */
  insert(row: Float32Array, ef: number): void {
    const { exports } = this.engine;
    putInput(this.engine, row);
    const docID = exports.slotEnd();
    assert(exports.add(docID, docID + 1), 'memory for the twin');
    assert(exports.settle(ef, 0) >>> 0 === docID, 'slots in order');
  }

  linksOf(slot: number): number[] {
    return [...words(this.engine, this.engine.exports.linksAt(slot) >>> 0, this.degree)].filter((link) => link !== EMPTY);
  }

  /** `[slots × degree]`, padded with EMPTY. */
  links(): Uint32Array<ArrayBuffer> {
    const { exports } = this.engine;
    const all = new Uint32Array(exports.slotEnd() * this.degree);
    for (let slot = 0; slot < exports.slotEnd(); slot++)
      all.set(words(this.engine, exports.linksAt(slot) >>> 0, this.degree), slot * this.degree);
    return all;
  }

  /** The codes of all slots and their terms, as the kernels take them. */
  codes(): EncodedRows {
    const { exports } = this.engine;
    const count = exports.slotEnd();
    const bytes = padded(this.dimensions);
    const words = new Uint8Array(count * bytes);
    for (let slot = 0; slot < count; slot++) words.set(bytesAt(this.engine, exports.codeAt(slot) >>> 0, bytes), slot * bytes);
    return { words, terms: Float32Array.from({ length: count }, (_, slot) => (this.hasTerms ? exports.termOf(slot) : 0)) };
  }

  /** Distances of the `ef` nearest that a walk finds, rising. */
  walk(query: Float32Array, ef: number): Float32Array {
    const { exports } = this.engine;
    putInput(this.engine, query.subarray(0, this.dimensions));
    exports.begin(1);
    exports.walk(ef, 0, 0, 0, 2 ** 31 - 1);
    return Float32Array.from({ length: exports.poolCount() }, (_, i) => exports.poolDistance(i));
  }
}

function useCodes(engine: Engine, { center, step }: EngineSpace): void {
  const { exports } = engine;
  assert(exports.useCodec(Codec.sq7, 0), 'memory for the twin');
  floats(engine, exports.centerAddress() >>> 0, center.length).set(center);
  exports.setScale(step);
}

/** 7-bit codes of rows by a center and a step, their terms, and what a query measures to each: `[rows × bytes]`, `[rows]`. */
export function wasmCodes(
  distance: Distance,
  space: EngineSpace,
  rows: Float32Array,
  query: Float32Array,
): { readonly codes: Uint8Array<ArrayBuffer>; readonly terms: Float32Array<ArrayBuffer>; readonly distances: Float32Array } {
  const graph = new WasmGraph(distance, query.length, 8, space);
  for (let at = 0; at < rows.length; at += query.length) graph.insert(rows.subarray(at, at + query.length), 0);
  const { engine } = graph;
  const { exports } = engine;
  const list = exports.alloc(4) >>> 0;
  putInput(engine, query);
  exports.begin(1);
  const distances = Float32Array.from({ length: rows.length / query.length }, (_, slot) => {
    words(engine, list, 1)[0] = slot;
    exports.takeListed(list, 1, 0, 0);
    return exports.poolDistance(0);
  });
  const { words: codes, terms } = graph.codes();
  return { codes, terms, distances };
}

/** The nearest of 256 centroids for each row and segment; `dimensions` a multiple of 16, segments of 1, 2, 4, 8 or 16. */
export function wasmAssign(shape: KmeansShape, rows: Float32Array, centroids: Float32Array): Uint32Array {
  const { dimensions, segments } = shape;
  const engine = engineFor(dimensions, 'l2-squared');
  const { exports } = engine;
  assert(exports.useCodec(Codec.pq, dimensions / segments), 'memory for the twin');
  floats(engine, exports.codebookAddress() >>> 0, exports.codebookFloats()).set(centroids);
  const assigned = new Uint32Array(shape.rows * segments);
  for (let row = 0; row < shape.rows; row++) {
    putInput(engine, rows.subarray(row * dimensions, (row + 1) * dimensions));
    exports.add(row, row + 1);
    assigned.set(bytesAt(engine, exports.codeAt(exports.settle(0, 0) >>> 0) >>> 0, segments), row * segments);
  }
  return assigned;
}

/** Centroids after `iterations` moves from rows spread over the sample, as the engine trains them. */
export function wasmTrain(shape: KmeansShape, rows: Float32Array, iterations: number): Float32Array {
  const { dimensions, segments } = shape;
  const engine = engineFor(dimensions, 'l2-squared');
  const { exports } = engine;
  assert(exports.useCodec(Codec.pq, dimensions / segments), 'memory for the twin');
  const sample = exports.alloc(rows.byteLength) >>> 0;
  const sums = exports.alloc(256 * 17 * 4) >>> 0;
  floats(engine, sample, rows.length).set(rows);
  for (let segment = 0; segment < segments; segment++) exports.trainSegment(segment, sample, shape.rows, iterations, sums);
  return floats(engine, exports.codebookAddress() >>> 0, exports.codebookFloats()).slice();
}
