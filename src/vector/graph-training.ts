/**
 * From waiting rows to a codec: takes a sample out of the engine's backlog, trains the quantizer that the schema asks for
 * and configures the engine with it. Generators, because training takes longer than a slice of background work may.
 */
import { bytesAt, Codec, floats, NONE, type Engine } from '../kernels/wasm/engine.ts';
import type { KmeansJob } from '../gpu/gpu-backend.ts';
import type { HnswConfig, VectorSchema } from '../schema/collection-schema.ts';
import type { GraphConfig } from './graph-config.ts';
import { meanOf, trainScalar } from './quantizer-training.ts';

/** Floats of a training sample. */
const SAMPLE_FLOATS_MAX = 2_000_000;
const PQ_ROWS_MAX = 4_096;
const PQ_ITERATIONS = 8;
const PQ_CENTROIDS = 256;

/**
 * The codec of a schema. Bits and products estimate inner products and Euclidean distances only; manhattan and hamming keep
 * 7-bit codes whichever of them is asked for.
 */
export function codecOf({ quantizer, distance }: VectorSchema): Codec {
  if (quantizer.type === 'none') return Codec.f32;
  if (quantizer.type === 'sq' || distance === 'manhattan' || distance === 'hamming') return Codec.sq7;
  return quantizer.type === 'bq' ? Codec.bq : Codec.pq;
}

/** Trains, configures the engine and returns the config; null when memory is full. Yields between pieces of work. */
export function* trainGraph(engine: Engine, schema: VectorSchema, dimensions: number): Generator<void, GraphConfig | null> {
  const config = untrained(schema, dimensions);
  const { codec } = config;
  if (codec === Codec.f32) return configureCodec(engine, config) ? config : null;
  const sample = sampleOfWaiting(engine, dimensions, sampleRows(schema, dimensions, codec));
  yield;
  if (codec === Codec.pq) return yield* trainProduct(engine, config, sample);
  const trained = { ...config, parameters: codec === Codec.bq ? meanOf(sample, dimensions) : scalarParameters(schema, sample, dimensions) };
  return configureCodec(engine, trained) ? trained : null;
}

/** The config of a schema's graph before its quantizer was trained. */
export function untrained(schema: VectorSchema, dimensions: number): GraphConfig {
  const codec = codecOf(schema);
  return {
    dimensions,
    distance: schema.distance,
    maxConnections: maxConnectionsOf(schema),
    codec,
    segmentDimensions: codec === Codec.pq ? segmentDimensionsOf(dimensions, schema.quantizer.segments) : 0,
    parameters: new Float32Array(0),
  };
}

function sampleRows(schema: VectorSchema, dimensions: number, codec: Codec): number {
  const rowsMax = Math.max(256, Math.min(schema.quantizer.trainingLimit || 100_000, Math.floor(SAMPLE_FLOATS_MAX / dimensions)));
  return codec === Codec.pq ? Math.min(rowsMax, PQ_ROWS_MAX) : rowsMax;
}

/** Null where nothing is linked. */
export const hnswOf = ({ index }: VectorSchema): HnswConfig | null =>
  index.type === 'flat' ? null : index.type === 'dynamic' ? index.hnsw : index;

export function maxConnectionsOf(schema: VectorSchema): number {
  const asked = hnswOf(schema)?.maxConnections ?? 16;
  return Math.min(Math.max(asked, 4), 512);
}

/** The power of two nearest to what `segments` asks for; 4 dimensions a segment when it is 0. */
function segmentDimensionsOf(dimensions: number, segments: number): number {
  if (segments <= 0) return 4;
  const wanted = dimensions / segments;
  return [1, 2, 4, 8, 16].reduce((best, size) => (Math.abs(size - wanted) < Math.abs(best - wanted) ? size : best));
}

/** Makes the engine use a codec with its parameters, with an empty arena; false when memory is full. */
export function configureCodec(engine: Engine, { codec, segmentDimensions, dimensions, parameters }: GraphConfig): boolean {
  const { exports } = engine;
  if (!exports.useCodec(codec, segmentDimensions)) return false;
  if (codec === Codec.pq) floats(engine, exports.codebookAddress() >>> 0, exports.codebookFloats()).set(parameters);
  if (codec !== Codec.sq7 && codec !== Codec.bq) return true;
  floats(engine, exports.centerAddress() >>> 0, dimensions).set(parameters.subarray(0, dimensions));
  exports.setScale(codec === Codec.sq7 ? parameters[dimensions] : 1);
  exports.setBounds(0, 0);
  return true;
}

/** The centers, then the scale. Hamming codes are hashes and need neither. */
function scalarParameters(schema: VectorSchema, sample: Float32Array, dimensions: number): Float32Array<ArrayBuffer> {
  const parameters = new Float32Array(dimensions + 1).fill(1, dimensions);
  if (schema.distance === 'hamming') return parameters;
  const { center, scale } = trainScalar(sample, dimensions);
  parameters.set(center);
  parameters[dimensions] = scale;
  return parameters;
}

/** What `trainProduct` does, as a job for the GPU: the same sample, start and number of moves. */
export function productJob(engine: Engine, schema: VectorSchema, dimensions: number): KmeansJob {
  const { segmentDimensions } = untrained(schema, dimensions);
  const sample = sampleOfWaiting(engine, dimensions, sampleRows(schema, dimensions, Codec.pq));
  const rows = sample.length / dimensions;
  const padded = engine.exports.rowBytes() / 4;
  const wide = new Float32Array(rows * padded);
  for (let row = 0; row < rows; row++) wide.set(sample.subarray(row * dimensions, (row + 1) * dimensions), row * padded);
  const start = new Float32Array(padded * PQ_CENTROIDS);
  for (let segment = 0; segment * segmentDimensions < padded; segment++)
    for (let c = 0; c < PQ_CENTROIDS; c++) {
      const from = Math.floor((c * rows) / PQ_CENTROIDS) * padded + segment * segmentDimensions;
      start.set(wide.subarray(from, from + segmentDimensions), (segment * PQ_CENTROIDS + c) * segmentDimensions);
    }
  const segments = padded / segmentDimensions;
  // Of the job's rounds the last one only assigns.
  return { rows, dimensions: padded, segments, centroids: PQ_CENTROIDS, sample: wide, start, iterations: PQ_ITERATIONS + 1 };
}

function* trainProduct(engine: Engine, config: GraphConfig, sample: Float32Array): Generator<void, GraphConfig | null> {
  const { exports } = engine;
  if (!exports.useCodec(Codec.pq, config.segmentDimensions)) return null;
  const rowBytes = exports.rowBytes();
  const count = sample.length / config.dimensions;
  const block = exports.alloc(rowBytes * count) >>> 0;
  const sums = exports.alloc(256 * 17 * 4) >>> 0;
  if (block === 0 || sums === 0) return null;
  for (let row = 0; row < count; row++)
    floats(engine, block + row * rowBytes, config.dimensions).set(sample.subarray(row * config.dimensions, (row + 1) * config.dimensions));
  for (let segment = 0; segment < exports.segmentCount(); segment++) {
    exports.trainSegment(segment, block, count, PQ_ITERATIONS, sums);
    yield;
  }
  exports.release(block, rowBytes * count);
  exports.release(sums, 256 * 17 * 4);
  const bytes = bytesAt(engine, exports.codebookAddress() >>> 0, exports.codebookFloats() * 4).slice();
  return { ...config, parameters: new Float32Array(bytes.buffer) };
}

/** Prepared rows spread over the backlog, row-major. */
function sampleOfWaiting(engine: Engine, dimensions: number, rowsMax: number): Float32Array {
  const { exports } = engine;
  const positions = exports.waitingPositions();
  const step = Math.max(1, Math.floor(positions / rowsMax));
  const sample = new Float32Array(Math.min(rowsMax, Math.ceil(positions / step)) * dimensions);
  let taken = 0;
  for (let n = 0; n < positions && (taken + 1) * dimensions <= sample.length; n += step) {
    if (exports.peekWaiting(n) >>> 0 === NONE) continue;
    sample.set(floats(engine, exports.inputAddress() >>> 0, dimensions), taken++ * dimensions);
  }
  return sample.subarray(0, taken * dimensions);
}
