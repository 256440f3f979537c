/**
 * From waiting rows to a codec: takes a sample out of the engine's backlog, trains the quantizer that the schema asks for
 * and configures the engine with it.
 */
import { Codec, floats, NONE, type Engine } from '../kernels/wasm/engine.ts';
import type { VectorSchema } from '../schema/collection-schema.ts';
import type { GraphConfig } from './graph-config.ts';
import { trainScalar } from './quantizer-training.ts';

/** Floats of a training sample. */
const SAMPLE_FLOATS_MAX = 4_000_000;

export function codecOf(schema: VectorSchema): Codec {
  if (schema.quantizer.type === 'none') return Codec.f32;
  return Codec.sq7;
}

/** Trains and configures; null when memory is full. */
export function trainGraph(engine: Engine, schema: VectorSchema, dimensions: number): GraphConfig | null {
  const codec = codecOf(schema);
  const shape = { dimensions, distance: schema.distance, maxConnections: maxConnectionsOf(schema), codec };
  const config = { ...shape, codeBytes: codeBytesOf(codec, dimensions), parameters: trainParameters(engine, schema, codec, dimensions) };
  return configureCodec(engine, config) ? config : null;
}

export function maxConnectionsOf(schema: VectorSchema): number {
  const { index } = schema;
  const asked = index.type === 'flat' ? 16 : index.type === 'dynamic' ? index.hnsw.maxConnections : index.maxConnections;
  return Math.min(Math.max(asked, 4), 512);
}

function codeBytesOf(codec: Codec, dimensions: number): number {
  const padded = (dimensions + 15) & ~15;
  return codec === Codec.f32 ? padded * 4 : padded;
}

/** Makes the engine use a codec with its parameters, with an empty arena; false when memory is full. */
export function configureCodec(engine: Engine, config: GraphConfig): boolean {
  const { exports } = engine;
  if (!exports.useCodec(config.codec, config.codeBytes)) return false;
  if (config.codec !== Codec.sq7) return true;
  const { dimensions, parameters } = config;
  floats(engine, exports.centerAddress() >>> 0, dimensions).set(parameters.subarray(0, dimensions));
  exports.setScale(parameters[dimensions]);
  exports.setBounds(0, 0);
  return true;
}

function trainParameters(engine: Engine, schema: VectorSchema, codec: Codec, dimensions: number): Float32Array<ArrayBuffer> {
  if (codec !== Codec.sq7 || schema.distance === 'hamming') return codec === Codec.sq7 ? flatParameters(dimensions) : new Float32Array(0);
  const rowsMax = Math.max(256, Math.min(schema.quantizer.trainingLimit || 100_000, Math.floor(SAMPLE_FLOATS_MAX / dimensions)));
  const { center, scale } = trainScalar(sampleOfWaiting(engine, dimensions, rowsMax), dimensions);
  const parameters = new Float32Array(dimensions + 1);
  parameters.set(center);
  parameters[dimensions] = scale;
  return parameters;
}

function flatParameters(dimensions: number): Float32Array<ArrayBuffer> {
  const parameters = new Float32Array(dimensions + 1);
  parameters[dimensions] = 1;
  return parameters;
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
