/**
 * The engine under test: a whole host of shards on a simulated device, with limits small enough that a workload of a few
 * hundred operations crosses everything, and a recovery takes milliseconds.
 */
import { SeededRandom, silentLogger, type Clock } from '../../../src/core/clock.ts';
import type { StorageLimits } from '../../../src/lsm/storage-limits.ts';
import { normalize } from '../../../src/schema/normalize.ts';
import type { CollectionSchema } from '../../../src/schema/collection-schema.ts';
import { finishReindex, updateProperty } from '../../../src/schema/reindex.ts';
import { addProperty } from '../../../src/schema/schema-change.ts';
import { type HostLimits, ShardHost } from '../../../src/shard/engine-host.ts';
import type { SimulatedDevice } from '../../../src/vfs/simulated/device.ts';
import { simulatedMirror, simulatedVfs } from '../../../src/vfs/simulated/vfs.ts';
import type { Mirror, Vfs } from '../../../src/vfs/vfs.ts';
import { BACKGROUND_SHARD, DIMENSIONS } from './workload.ts';

export const VECTOR = 'default';
/** Ordinal of the vector in `schemaOf`. */
export const VECTOR_ORDINAL = 3;

const STORAGE_LIMITS: Partial<StorageLimits> = {
  logFiles: 3,
  logFileBytes: 8 << 10,
  dataFiles: 2,
  dataFileBytesMax: 16 << 10,
  extentBytes: 1 << 10,
  reserveBytes: 4 << 10,
  manifestBytes: 8 << 10,
  blockCacheBytes: 64 << 10,
  writeBufferBytes: 4 << 10,
  syncBytes: 4 << 10,
  shrinkBytesMin: 2 << 10,
  scrubEveryMs: 60_000,
  blockBytes: 512,
  inlineValueBytesMax: 128,
  mergeFanout: 3,
  mirrorBytesMax: 16 << 10,
};
const HOST_LIMITS: Partial<HostLimits> = {
  memtableBytesMax: 6 << 10,
  hostMemtableBytesMax: 24 << 10,
  commitBytesMax: 8 << 10,
  backlogRowsMax: 64,
};

/** How a broken engine differs from the real one; all of it from outside. */
export interface Sabotage {
  readonly storageLimits?: Partial<StorageLimits>;
  readonly wrapVfs?: (vfs: Vfs) => Vfs;
  readonly wrapMirror?: (mirror: Mirror) => Mirror;
  readonly durability?: 'strict' | 'relaxed';
}

/** The device's clock, but a little time passes each time it is asked, so that slices of background work end. */
class WorkingClock implements Clock {
  private readonly device: SimulatedDevice;
  constructor(device: SimulatedDevice) {
    this.device = device;
  }
  now(): number {
    return this.device.clock.now();
  }
  monotonic(): number {
    this.device.clock.advance(0.02);
    return this.device.clock.monotonic();
  }
}

/**
 * Properties 0 title, 1 tag, 2 stars, vector 3. Of three later versions one adds a property, one begins to index title and
 * stars anew, one puts these indexes to use: other settings, under which the checks' questions have the same answers.
 */
export function schemaOf(shard: number, version: number): CollectionSchema {
  let schema = normalize('Note', {
    properties: { title: 'text?', tag: { type: 'text?', tokenization: 'field' }, stars: { type: 'int?', indexRangeFilters: true } },
    vectors: {
      [VECTOR]: {
        dimensions: DIMENSIONS,
        distance: 'l2-squared',
        ...(shard === BACKGROUND_SHARD
          ? { vectorizer: { id: 'test', dimensions: DIMENSIONS }, from: ['title'], when: 'background' as const }
          : {}),
      },
    },
  });
  for (let next = 2; next <= version; next++) schema = { ...changed(schema, next), version: next };
  return schema;
}

function changed(schema: CollectionSchema, version: number): CollectionSchema {
  if (version % 3 === 1) return finishReindex(schema);
  if (version % 3 === 0) return addProperty(schema, `extra${version}`, 'int?');
  const [title, , stars] = schema.properties;
  const again = updateProperty(schema, 'title', { tokenization: title.tokenization === 'word' ? 'whitespace' : 'word' });
  return updateProperty(again, 'stars', { indexRangeFilters: !stars.indexRangeFilters });
}

/** `salvage`: also where the log is damaged, to be read only. */
export function openHost(device: SimulatedDevice, sabotage: Sabotage = {}, salvage = false): Promise<ShardHost> {
  const vfs = simulatedVfs(device).directory('host0');
  const mirror = simulatedMirror(device, 'host0');
  return ShardHost.open({
    vfs: sabotage.wrapVfs?.(vfs) ?? vfs,
    mirror: sabotage.wrapMirror?.(mirror) ?? mirror,
    clock: new WorkingClock(device),
    random: new SeededRandom(1),
    logger: silentLogger,
    durability: sabotage.durability ?? 'strict',
    salvage,
    limits: HOST_LIMITS,
    storageLimits: { ...STORAGE_LIMITS, ...sabotage.storageLimits },
    // As a microtask; `queueMicrotask` costs several times as much in Node.
    defer: (run) => void Promise.resolve().then(run),
  });
}
