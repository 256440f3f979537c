/**
 * A batch of writes as bytes: made once by the client, resent byte for byte, sliced by the coordinator, read by the shard.
 *
 *   entry   := length u32 | kind u8 | uuid 16 | body          (length counts from `kind` to the end of the body)
 *   body    := insert, upsert, replace, update: properties blob | vectors
 *              delete: nothing
 *              attach: expected docID u32 | vectors
 *   blob    := varint length | bytes
 *   vectors := count u8 | count × ( ordinal u16 | dimensions u16 | dimensions × f32 )
 *
 * `properties` is UTF-8 JSON: for insert, upsert and replace an array indexed by property ordinal (null: absent); for update
 * an object from ordinal to new value (null: unset). Dates are ISO 8601 text, UUIDs lower-case text.
 * A vector of zero dimensions in an update removes that vector.
 */
import { ByteReader, ByteWriter } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';

/** Reaches the log's request digests: never renumber. */
export const WriteKind = { insert: 1, upsert: 2, replace: 3, update: 4, delete: 5, attach: 6 } as const;
export type WriteKind = (typeof WriteKind)[keyof typeof WriteKind];

export interface NamedVector {
  readonly ordinal: number;
  readonly values: Float32Array;
}

export interface WriteEntry {
  readonly kind: WriteKind;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  /** UTF-8 JSON; empty for delete and attach. */
  readonly properties: Uint8Array;
  readonly vectors: readonly NamedVector[];
  /** attach only: the vectors are dropped if the object has another docID by now. */
  readonly expectedDocID: number;
}

const EMPTY = new Uint8Array(0);
export const NO_VECTORS: readonly NamedVector[] = [];

/** Largest encoded entry: an object over this is refused by the client. */
export const ENTRY_BYTES_MAX = 16 * 1024 * 1024;
/** The client cuts its work into batches of at most this. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

export function writeEntry(writer: ByteWriter, entry: WriteEntry): void {
  const start = writer.reserve(4);
  writer.u8(entry.kind).bytes(entry.uuid);
  if (entry.kind === WriteKind.attach) writer.u32(entry.expectedDocID);
  else if (entry.kind !== WriteKind.delete) writer.blob(entry.properties);
  if (entry.kind !== WriteKind.delete) writeVectors(writer, entry.vectors);
  writer.patchU32(start, writer.length - start - 4);
}

export function writeVectors(writer: ByteWriter, vectors: readonly NamedVector[]): void {
  writer.u8(vectors.length);
  for (const { ordinal, values } of vectors) {
    writer.u16(ordinal).u16(values.length);
    writer.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
}

/** Bytes that `writeVectors` appends. */
export function vectorsBytes(vectors: readonly NamedVector[]): number {
  let bytes = 1;
  for (const { values } of vectors) bytes += 4 + values.byteLength;
  return bytes;
}

/** The vectors at the reader's position, copied (their bytes are not aligned in the source). */
export function readVectors(reader: ByteReader): readonly NamedVector[] {
  let rest = reader.u8();
  if (rest === 0) return NO_VECTORS;
  const vectors: NamedVector[] = [];
  for (; rest > 0; rest--) {
    const ordinal = reader.u16();
    const dimensions = reader.u16();
    const values = new Float32Array(dimensions);
    new Uint8Array(values.buffer).set(reader.bytes(dimensions * 4));
    vectors.push({ ordinal, values });
  }
  return vectors;
}

/** One entry, its uuid and properties borrowed from the source. */
export function readEntry(reader: ByteReader): WriteEntry {
  const end = reader.u32() + reader.at;
  const kind = reader.u8() as WriteKind;
  if (kind < WriteKind.insert || kind > WriteKind.attach)
    throw new HeddleError('Corruption', `write entry at ${reader.at - 1} has unknown kind ${kind}`);
  const uuid = reader.bytes(16);
  let properties = EMPTY;
  let expectedDocID = 0;
  if (kind === WriteKind.attach) expectedDocID = reader.u32();
  else if (kind !== WriteKind.delete) properties = reader.blob() as Uint8Array<ArrayBuffer>;
  const vectors = kind === WriteKind.delete ? NO_VECTORS : readVectors(reader);
  if (reader.at !== end) throw new HeddleError('Corruption', `write entry ends at ${reader.at}, its length says ${end}`);
  return { kind, uuid, properties, vectors, expectedDocID };
}

/** The entries of a batch, in order. */
export function* readEntries(batch: Uint8Array): IterableIterator<WriteEntry> {
  const reader = new ByteReader(batch);
  while (reader.remaining > 0) yield readEntry(reader);
}
