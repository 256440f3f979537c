/**
 * What a graph's bytes mean: the shape and codec that log and snapshot must agree on with the index that opens them.
 */
import type { Distance } from '../schema/collection-schema.ts';
import { Codec } from '../kernels/wasm/engine.ts';
import { HeddleError } from '../core/errors.ts';

export interface GraphConfig {
  readonly dimensions: number;
  readonly distance: Distance;
  readonly maxConnections: number;
  readonly codec: Codec;
  /** PQ: dimensions of a segment; 0 otherwise. */
  readonly segmentDimensions: number;
  /** Codec parameters: for 7-bit codes the centers, then the scale; for 1-bit codes the centers; for PQ the codebook. */
  readonly parameters: Float32Array<ArrayBuffer>;
}

/** The config without its parameters, as JSON. */
export function encodeConfig(config: GraphConfig): string {
  const { dimensions, distance, maxConnections, codec, segmentDimensions, parameters } = config;
  return JSON.stringify({ dimensions, distance, maxConnections, codec, segmentDimensions, parameters: parameters.length });
}

export function decodeConfig(json: string, parameters: Float32Array<ArrayBuffer>): GraphConfig {
  const read = JSON.parse(json) as Omit<GraphConfig, 'parameters'> & { parameters: number };
  if (read.parameters > parameters.length)
    throw new HeddleError('Corruption', `graph config names ${read.parameters} parameters, ${parameters.length} are there`);
  return { ...read, parameters: parameters.slice(0, read.parameters) };
}

/** Whether a graph on disk was made for an index of this shape. */
export function sameShape(a: GraphConfig, b: Pick<GraphConfig, 'dimensions' | 'distance' | 'maxConnections' | 'codec'>): boolean {
  return a.dimensions === b.dimensions && a.distance === b.distance && a.maxConnections === b.maxConnections && a.codec === b.codec;
}
