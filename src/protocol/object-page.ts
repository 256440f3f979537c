/**
 * A page of objects on their way from a shard to the page: object records as they lie in the store, one after another.
 *
 *   page  := count × ( docID u32 | length varint | record | vectors )
 *   record, its properties an array by ordinal: `object-record.ts`; where a projection was asked for, absent ordinals are null
 *   vectors: as in `write-batch.ts`
 *
 * Written by the engine's host, read by the client; never stored.
 */
import { ByteReader, ByteWriter, varintBytes } from '../core/bytes.ts';
import { readObject, type ObjectRecord } from './object-record.ts';
import { readVectors, vectorsBytes, writeVectors, type NamedVector } from './write-batch.ts';

export interface PagedObject {
  readonly docID: number;
  /** Borrowed from the page's bytes. */
  readonly record: ObjectRecord;
  readonly vectors: readonly NamedVector[];
}

/** Appends one object; `record` is the encoded object record, borrowed. */
export function writePagedObject(writer: ByteWriter, docID: number, record: Uint8Array, vectors: readonly NamedVector[]): void {
  writer.u32(docID).blob(record);
  writeVectors(writer, vectors);
}

/** Bytes that `writePagedObject` appends. */
export function pagedObjectBytes(record: Uint8Array, vectors: readonly NamedVector[]): number {
  return 4 + varintBytes(record.length) + record.length + vectorsBytes(vectors);
}

export function* readObjectPage(bytes: Uint8Array): IterableIterator<PagedObject> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const docID = reader.u32();
    const record = readObject(reader, reader.varint());
    yield { docID, record, vectors: readVectors(reader) };
  }
}
