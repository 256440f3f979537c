/**
 * The payload of a write in the log: one batch on one shard, resolved. Layout: `docs/format/write-record.md`.
 * Replaying records in order rebuilds the memtables, the live set and the vector tails exactly.
 */
import { ByteReader, ByteWriter } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { RequestId, WriteFailure } from './host-api.ts';
import { readVectors, writeVectors, type NamedVector } from '../protocol/write-batch.ts';

/** Types of log records; they reach the disk. */
export const RecordType = { write: 1, schema: 2 } as const;

const VERSION = 1;
const FLAG_FAILURES = 1;
const NO_DOC = 0xffffffff;

export const OperationKind = { put: 1, delete: 2, attach: 3 } as const;

export interface PutOperation {
  readonly kind: typeof OperationKind.put;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly docID: number;
  /** docID of the version this one replaces; null for a new object. */
  readonly previous: number | null;
  readonly ageMs: number;
  readonly properties: Uint8Array;
  /** Ordinals of vectors the previous version hands on. */
  readonly carried: readonly number[];
  readonly vectors: readonly NamedVector[];
}
export interface DeleteOperation {
  readonly kind: typeof OperationKind.delete;
  readonly uuid: Uint8Array;
  readonly docID: number;
}
export interface AttachOperation {
  readonly kind: typeof OperationKind.attach;
  readonly docID: number;
  readonly vectors: readonly NamedVector[];
}
export type Operation = PutOperation | DeleteOperation | AttachOperation;

export interface WriteRecord {
  readonly hlc: number;
  readonly request: RequestId;
  readonly failures: readonly WriteFailure[];
  readonly operations: readonly Operation[];
}

/** Kept: a record of many objects is large, and the log copies it at once. */
const writer = new ByteWriter(1024);

/** The record as bytes, borrowed until the next call. */
export function encodeWriteRecord(record: WriteRecord): Uint8Array<ArrayBuffer> {
  writer.clear();
  const failed = record.failures.length > 0;
  writer.u8(VERSION).u64(record.hlc).bytes(record.request.client).varint(record.request.sequence);
  writer.u8(failed ? FLAG_FAILURES : 0);
  if (failed) writer.text(JSON.stringify(record.failures));
  writer.varint(record.operations.length);
  for (const operation of record.operations) encodeOperation(operation);
  return writer.finish();
}

function encodeOperation(operation: Operation): void {
  writer.u8(operation.kind);
  switch (operation.kind) {
    case OperationKind.put:
      writer
        .bytes(operation.uuid)
        .u32(operation.docID)
        .u32(operation.previous ?? NO_DOC)
        .varint(operation.ageMs);
      writer.blob(operation.properties).u8(operation.carried.length);
      for (const ordinal of operation.carried) writer.u16(ordinal);
      writeVectors(writer, operation.vectors);
      return;
    case OperationKind.delete:
      writer.bytes(operation.uuid).u32(operation.docID);
      return;
    case OperationKind.attach:
      writer.u32(operation.docID);
      writeVectors(writer, operation.vectors);
  }
}

/** The record in `payload`; uuids and properties are borrowed from it. */
export function decodeWriteRecord(payload: Uint8Array): WriteRecord {
  const reader = new ByteReader(payload);
  const version = reader.u8();
  if (version !== VERSION) throw new HeddleError('Unsupported', `write record has version ${version}, this build reads ${VERSION}`);
  const hlc = reader.u64();
  const client = reader.bytes(16);
  const request = { client, sequence: reader.varint() };
  const failures = (reader.u8() & FLAG_FAILURES) === 0 ? [] : (JSON.parse(reader.text()) as WriteFailure[]);
  const operations: Operation[] = [];
  for (let rest = reader.varint(); rest > 0; rest--) operations.push(decodeOperation(reader));
  return { hlc, request, failures, operations };
}

function decodeOperation(reader: ByteReader): Operation {
  const kind = reader.u8();
  switch (kind) {
    case OperationKind.put: {
      const uuid = reader.bytes(16);
      const docID = reader.u32();
      const previous = reader.u32();
      const ageMs = reader.varint();
      const properties = reader.blob();
      const carried = Array.from({ length: reader.u8() }, () => reader.u16());
      return {
        kind,
        uuid,
        docID,
        previous: previous === NO_DOC ? null : previous,
        ageMs,
        properties,
        carried,
        vectors: readVectors(reader),
      };
    }
    case OperationKind.delete:
      return { kind, uuid: reader.bytes(16), docID: reader.u32() };
    case OperationKind.attach:
      return { kind, docID: reader.u32(), vectors: readVectors(reader) };
    default:
      throw new HeddleError('Corruption', `write record has an operation of unknown kind ${kind} at byte ${reader.at - 1}`);
  }
}
