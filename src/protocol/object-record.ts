/**
 * One version of one object as bytes, in the store and on the wire. Layout: `docs/format/object-record.md`.
 * The header is read without touching the properties, so that merges, cursors and UUID look-ups never parse JSON.
 */
import { ByteReader, varintBytes } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';

const VERSION = 1;
const UUID_AT = 1;
const HLC_AT = UUID_AT + 16;
const AGE_AT = HLC_AT + 8;

export interface ObjectHeader {
  /** 16 bytes, borrowed. */
  readonly uuid: Uint8Array;
  readonly hlc: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly sequence: number;
}

export interface ObjectRecord extends ObjectHeader {
  /** UTF-8 JSON array by ordinal, borrowed. */
  readonly properties: Uint8Array;
}

/** Milliseconds since the epoch of a hybrid timestamp. */
export const millisecondsOf = (hlc: number): number => Math.floor(hlc / 4096);

/** The record as bytes, in memory that `allocate` gives (it need not be zeroed). */
export function encodeObject(
  record: Omit<ObjectRecord, 'updatedMs'>,
  allocate: (bytes: number) => Uint8Array<ArrayBuffer> = (bytes) => new Uint8Array(bytes),
): Uint8Array<ArrayBuffer> {
  const { uuid, hlc, sequence, properties } = record;
  const ageMs = Math.max(0, millisecondsOf(hlc) - record.createdMs);
  const bytes = allocate(AGE_AT + varintBytes(ageMs) + varintBytes(sequence) + properties.length);
  bytes[0] = VERSION;
  bytes.set(uuid, UUID_AT);
  const high = Math.floor(hlc / 0x1_0000_0000);
  for (let at = 0; at < 4; at++) {
    bytes[HLC_AT + at] = hlc >>> (at * 8);
    bytes[HLC_AT + 4 + at] = high >>> (at * 8);
  }
  bytes.set(properties, putVarint(bytes, putVarint(bytes, AGE_AT, ageMs), sequence));
  return bytes;
}

/** Writes a LEB128 at `at` and returns where it ends. */
function putVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[next++] = (rest % 0x80) | 0x80;
  into[next++] = rest;
  return next;
}

/** The record in `bytes`, its uuid and properties borrowed. */
export const decodeObject = (bytes: Uint8Array): ObjectRecord => readObject(new ByteReader(bytes), bytes.length);

/** The record at the reader's position, `length` bytes long, its uuid and properties borrowed. */
export function readObject(reader: ByteReader, length: number): ObjectRecord {
  const end = reader.at + length;
  const version = reader.u8();
  if (version !== VERSION)
    throw new HeddleError('Unsupported', `object record has version ${version}, this build reads ${VERSION}`, {
      hint: 'The database was written by a newer build; reload the app.',
    });
  const uuid = reader.bytes(16);
  const hlc = reader.u64();
  const updatedMs = millisecondsOf(hlc);
  const createdMs = updatedMs - reader.varint();
  const sequence = reader.varint();
  return { uuid, hlc, createdMs, updatedMs, sequence, properties: reader.bytes(end - reader.at) };
}

/** The UUID of a record without decoding the rest; borrowed. */
export const uuidOfRecord = (bytes: Uint8Array): Uint8Array => bytes.subarray(UUID_AT, HLC_AT);
