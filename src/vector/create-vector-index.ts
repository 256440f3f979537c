/**
 * Opens the vector index of one shard and named vector: loads its graph (snapshot and log), drops what lies beyond the
 * shard's recovered log, and hands back an index to reconcile (`docIDs`, `add`, `remove`). A damaged graph costs a rebuild:
 * the index then starts empty, and its shard adds every row again.
 */
import { HeddleError } from '../core/errors.ts';
import type { Clock, Logger, Random } from '../core/clock.ts';
import { createEngine, Metric } from '../kernels/wasm/engine.ts';
import type { StreamSpace } from '../lsm/bucket.ts';
import type { VectorSchema } from '../schema/collection-schema.ts';
import { sameShape, type GraphConfig } from './graph-config.ts';
import { GraphIndex } from './graph-index.ts';
import { GraphPersistence } from './graph-persistence.ts';
import { codecOf, configureCodec, maxConnectionsOf } from './graph-training.ts';
import type { VectorIndexState, VectorRows } from './vector-index.ts';

export interface VectorIndexOptions {
  readonly schema: VectorSchema;
  readonly rows: VectorRows;
  readonly streams: StreamSpace;
  /** What the manifest keeps; null: a new index. */
  readonly state: VectorIndexState | null;
  /** Highest sequence number of the shard's recovered log; graph operations beyond it are dropped. */
  readonly recoveredSequence: number;
  readonly random: Random;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Limit of the engine's memory; also what f32 rows may be kept in memory within. */
  readonly memoryBytesMax: number;
  /** False: f32 rows are read from the column whenever they are needed, to save memory. True by default. */
  readonly keepRows?: boolean;
}

export function createVectorIndex(options: VectorIndexOptions): GraphIndex {
  const dimensions = options.rows.dimensions || options.schema.dimensions;
  if (!(dimensions > 0)) throw new HeddleError('InvalidInput', `vector "${options.schema.name}" has no dimensions yet`);
  if (options.state && options.state.log !== null) {
    const loaded = tryLoad(options, dimensions, options.state);
    if (loaded) return loaded;
  }
  return open(options, dimensions, null).index;
}

function open(
  options: VectorIndexOptions,
  dimensions: number,
  load: ((persistence: GraphPersistence, prepare: (config: GraphConfig) => boolean) => GraphConfig | null) | null,
) {
  const { schema } = options;
  const engine = createEngine();
  const maxConnections = maxConnectionsOf(schema);
  if (!engine.exports.configure(dimensions, Metric[schema.distance], maxConnections, options.memoryBytesMax))
    throw new HeddleError('StorageFull', `the memory limit of ${options.memoryBytesMax} bytes is too small for a vector index`, {
      retryable: false,
    });
  const persistence = new GraphPersistence(engine, options.streams, options.random);
  const shape = { dimensions, distance: schema.distance, maxConnections, codec: codecOf(schema) };
  const config = load?.(persistence, (read) => sameShape(read, shape) && configureCodec(engine, read)) ?? null;
  const { rows, clock, logger, memoryBytesMax, recoveredSequence, keepRows = true } = options;
  const index = new GraphIndex({
    schema,
    dimensions,
    engine,
    rows,
    persistence,
    clock,
    logger,
    memoryBytesMax,
    recoveredSequence,
    keepRows,
    config,
  });
  return { index, persistence, config };
}

function tryLoad(options: VectorIndexOptions, dimensions: number, state: VectorIndexState): GraphIndex | null {
  try {
    const opened = open(options, dimensions, (persistence, prepare) => persistence.load(state, options.recoveredSequence, prepare));
    if (opened.config) {
      opened.index.recode();
      return opened.index;
    }
    options.logger.log('warn', 'vector index: the graph on disk is not usable and is built anew', { vector: options.schema.name });
  } catch (thrown) {
    const error = HeddleError.from(thrown);
    if (error.code !== 'Corruption' && error.code !== 'NotFound') throw error;
    options.logger.log('warn', 'vector index: the graph on disk is damaged and is built anew', {
      vector: options.schema.name,
      reason: error.message,
    });
  }
  const fresh = open(options, dimensions, null);
  fresh.persistence.abandon(state);
  return fresh.index;
}
