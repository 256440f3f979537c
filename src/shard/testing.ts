/**
 * Shared by the tests of the shard and by the crash harness: a small schema, batches made by hand, and a model of what a shard
 * must hold (a Map of acknowledged writes).
 */
import { ByteWriter, fromUtf8, utf8 } from '../core/bytes.ts';
import { SeededRandom, silentLogger, systemClock } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import { readObjectPage } from '../protocol/object-page.ts';
import { WriteKind, writeEntry, type WriteEntry } from '../protocol/write-batch.ts';
import { normalize } from '../schema/normalize.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { memoryVfs, type MemoryDirectory } from '../vfs/memory.ts';
import type { SimulatedDevice } from '../vfs/simulated/device.ts';
import { simulatedMirror, simulatedVfs } from '../vfs/simulated/vfs.ts';
import { ShardHost, type HostOptions } from './engine-host.ts';
import type { EngineHost } from './host-api.ts';

export const DIMENSIONS = 4;

/** Properties: 0 title (text, searchable), 1 tag (text, field), 2 stars (int); one vector, brought by the app or attached later. */
export function testSchema(overrides: Partial<CollectionSchema> = {}): CollectionSchema {
  const schema = normalize('Note', {
    properties: { title: 'text?', tag: { type: 'text?', tokenization: 'field' }, stars: { type: 'int?', indexRangeFilters: true } },
    vectors: { default: { dimensions: DIMENSIONS, distance: 'l2-squared' } },
  });
  return { ...schema, ...overrides };
}

export const entry = (
  kind: WriteEntry['kind'],
  uuid: Uint8Array,
  values: unknown = [],
  vector: readonly number[] | null = null,
  ordinal = 3,
): WriteEntry => ({
  kind,
  uuid,
  properties: kind === WriteKind.delete || kind === WriteKind.attach ? new Uint8Array(0) : utf8(JSON.stringify(values)),
  vectors: vector ? [{ ordinal, values: Float32Array.from(vector) }] : [],
  expectedDocID: 0,
});

export function batchOf(entries: readonly WriteEntry[]): Uint8Array {
  const writer = new ByteWriter();
  for (const one of entries) writeEntry(writer, one);
  return writer.finish().slice();
}

/** A UUID that is easy to read in a failure: all zeros but the last two bytes. */
export function uuidOf(n: number): Uint8Array {
  const uuid = new Uint8Array(16);
  uuid[6] = 0x70;
  uuid[8] = 0x80;
  uuid[14] = n >>> 8;
  uuid[15] = n & 0xff;
  return uuid;
}

/** A host that always starts with the same random numbers. */
const openHost = (place: Pick<HostOptions, 'vfs' | 'mirror' | 'clock'>, options: Partial<HostOptions>): Promise<ShardHost> =>
  ShardHost.open({ ...place, random: new SeededRandom(1), logger: silentLogger, durability: 'strict', defer: queueMicrotask, ...options });

/** A host on a device that can be cut off, killed, filled and made to fail, with the device's clock. */
export const openOnDevice = (device: SimulatedDevice, options: Partial<HostOptions> = {}): Promise<ShardHost> =>
  openHost({ vfs: simulatedVfs(device).directory('host0'), mirror: simulatedMirror(device, 'host0'), clock: device.clock }, options);

/** A host on files in memory: quick, and nothing happens to them. */
export const openInMemory = (directory: MemoryDirectory, options: Partial<HostOptions> = {}): Promise<ShardHost> =>
  openHost({ vfs: memoryVfs(directory), mirror: null, clock: systemClock }, options);

/** Every object of a shard by UUID text: `[values, vector]`. */
export async function contentOf(
  host: EngineHost,
  shard: number,
  vectorOrdinal = 3,
): Promise<Map<string, { values: unknown[]; vector: number[] | null; docID: number }>> {
  const content = new Map<string, { values: unknown[]; vector: number[] | null; docID: number }>();
  for (let after: Uint8Array | null = null; ;) {
    const page = await host.scan(shard, after, 37, { properties: null, vectors: [vectorOrdinal] });
    for (const { docID, record, vectors } of readObjectPage(page.bytes))
      content.set(uuidText(record.uuid), {
        docID,
        values: JSON.parse(fromUtf8(record.properties)) as unknown[],
        vector: vectors.length > 0 ? [...vectors[0].values] : null,
      });
    if (!page.last) return content;
    after = page.last;
  }
}
