/**
 * Which shard an object lives on, and the parts of a batch that go to each: the entries' bytes as they came, regrouped.
 * The same batch and map always give the same parts, so that a resend reaches every shard with the same request.
 */
import { ByteWriter } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { uuidText, virtualShardOf } from '../core/ids.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';

export const shardOfUuid = (schema: CollectionSchema, uuid: Uint8Array): number => schema.shardOf[virtualShardOf(uuid)];

export interface BatchPart {
  readonly shard: number;
  readonly batch: Uint8Array;
  /** Place of each entry of the part in the whole batch. */
  readonly indexes: readonly number[];
}

const LENGTH_BYTES = 4;
const UUID_AT = LENGTH_BYTES + 1;

/** Calls back with the start and end of every entry. `InvalidInput` when the lengths don't add up. */
export function forEachEntry(batch: Uint8Array, each: (index: number, start: number, end: number) => void): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  let index = 0;
  for (let at = 0; at < batch.length;) {
    const end = at + LENGTH_BYTES <= batch.length ? at + LENGTH_BYTES + view.getUint32(at, true) : Infinity;
    if (end > batch.length || end < at + UUID_AT + 16)
      throw new HeddleError('InvalidInput', `write batch is malformed at byte ${at} of ${batch.length}`);
    each(index++, at, end);
    at = end;
  }
}

/** The batch's parts, one for each shard that has entries in it, in the order of the shards. */
export function sliceBatch(schema: CollectionSchema, batch: Uint8Array): BatchPart[] {
  const parts = new Map<number, { writer: ByteWriter; indexes: number[] }>();
  for (const shard of schema.shards) parts.set(shard, { writer: new ByteWriter(schema.shards.length === 1 ? 1 : 1_024), indexes: [] });
  const whole = schema.shards.length === 1;
  forEachEntry(batch, (index, start, end) => {
    const part = parts.get(shardOfUuid(schema, batch.subarray(start + UUID_AT, start + UUID_AT + 16)));
    if (part === undefined) throw new HeddleError('Corruption', `collection "${schema.name}" maps an object to a shard it does not have`);
    part.indexes.push(index);
    if (!whole) part.writer.bytes(batch.subarray(start, end));
  });
  const sliced: BatchPart[] = [];
  for (const [shard, { writer, indexes }] of parts)
    if (indexes.length > 0) sliced.push({ shard, batch: whole ? batch : writer.finish().slice(), indexes });
  return sliced;
}

/** UUIDs of a batch's entries as text, at most `limit`. */
export function uuidsOfBatch(batch: Uint8Array, limit: number): string[] {
  const uuids: string[] = [];
  forEachEntry(batch, (_, start) => {
    if (uuids.length < limit) uuids.push(uuidText(batch, start + UUID_AT));
  });
  return uuids;
}
