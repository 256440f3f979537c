/**
 * The log's frame: one group of records, written by one call and visible as a whole or not at all.
 * Layout: `docs/format/log.md`.
 *
 * Invariants:
 * - The checksum covers everything after itself and is seeded with the host, the log file and the offset, so that a frame
 *   of another database, file or place never validates.
 * - Groups count up by one without gaps over all log files; epochs rise with every open. A frame of a recycled file has a
 *   lower group than what was written over it.
 * - `durableGroup` says how far the log had been flushed when the frame was written: a damaged frame at or below some later
 *   frame's `durableGroup` had been acknowledged, so it is damage; otherwise it is the torn tail of a crash.
 */
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';

/** "HLG1" as little-endian u32. */
export const FRAME_MAGIC = 0x31474c48;
const CRC_AT = 4;
const LENGTH_AT = CRC_AT + 4;
const EPOCH_AT = LENGTH_AT + 4;
const GROUP_AT = EPOCH_AT + 4;
const DURABLE_AT = GROUP_AT + 8;
const GENERATION_AT = DURABLE_AT + 8;
const PREVIOUS_CRC_AT = GENERATION_AT + 8;
const RECORDS_AT = PREVIOUS_CRC_AT + 4;
/** Bytes before a frame's records. */
export const FRAME_HEADER_BYTES = RECORDS_AT + 4;
/** Frames start at multiples of this. */
export const FRAME_ALIGNMENT = 8;

export interface FrameHeader {
  readonly epoch: number;
  /** Number of this group; rises by one. */
  readonly group: number;
  /** Groups up to this one had been flushed. */
  readonly durableGroup: number;
  /** Manifest generation that was durable. */
  readonly generation: number;
  /** Checksum of the frame before it in the log, 0 for the first. */
  readonly previousCrc: number;
  readonly records: number;
}

export interface Frame extends FrameHeader {
  readonly crc: number;
  /** Offset in the log file. */
  readonly at: number;
  /** Offset of the byte after the padding. */
  readonly end: number;
  /** The encoded records, borrowed from the bytes that were read. */
  readonly payload: Uint8Array;
}

/** The log's identity in every checksum: `hostSeed` is the CRC-32C of the host's 16-byte id. */
export function frameSeed(hostSeed: number, file: number, at: number): number {
  return (hostSeed ^ Math.imul(file + 1, 0x9e3779b1) ^ Math.imul(at / FRAME_ALIGNMENT + 1, 0x85ebca6b)) >>> 0;
}

export const frameBytes = (payloadBytes: number): number =>
  Math.ceil((FRAME_HEADER_BYTES + payloadBytes) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;

/** Fills in the header of a frame whose payload already lies at `FRAME_HEADER_BYTES` of `bytes`; returns its checksum. */
export function sealFrame(bytes: Uint8Array, payloadBytes: number, header: FrameHeader, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, FRAME_MAGIC, true);
  view.setUint32(LENGTH_AT, payloadBytes, true);
  view.setUint32(EPOCH_AT, header.epoch, true);
  setU64(view, GROUP_AT, header.group);
  setU64(view, DURABLE_AT, header.durableGroup);
  setU64(view, GENERATION_AT, header.generation);
  view.setUint32(PREVIOUS_CRC_AT, header.previousCrc, true);
  view.setUint32(RECORDS_AT, header.records, true);
  const crc = crc32c(bytes, seed, LENGTH_AT, FRAME_HEADER_BYTES + payloadBytes);
  view.setUint32(CRC_AT, crc, true);
  return crc;
}

/** The frame at offset `at` of a log file's bytes, or null where none validates. */
export function readFrame(bytes: Uint8Array, at: number, hostSeed: number, file: number): Frame | null {
  if (at + FRAME_HEADER_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(at, true) !== FRAME_MAGIC) return null;
  const length = view.getUint32(at + LENGTH_AT, true);
  if (at + FRAME_HEADER_BYTES + length > bytes.length) return null;
  const crc = view.getUint32(at + CRC_AT, true);
  const end = at + FRAME_HEADER_BYTES + length;
  if (crc32c(bytes, frameSeed(hostSeed, file, at), at + LENGTH_AT, end) !== crc) return null;
  return {
    epoch: view.getUint32(at + EPOCH_AT, true),
    group: getU64(view, at + GROUP_AT),
    durableGroup: getU64(view, at + DURABLE_AT),
    generation: getU64(view, at + GENERATION_AT),
    previousCrc: view.getUint32(at + PREVIOUS_CRC_AT, true),
    records: view.getUint32(at + RECORDS_AT, true),
    crc,
    at,
    end: at + frameBytes(length),
    payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
  };
}

export interface LogRecord {
  readonly shard: number;
  /** Rises with every record of the shard. */
  readonly sequence: number;
  readonly type: number;
  /** Borrowed from the log's bytes. */
  readonly payload: Uint8Array;
}

/** Bytes of a record's header: shard u32, sequence u64, type u8, length u32. */
export const RECORD_HEADER_BYTES = 17;

export function writeRecordHeader(view: DataView, at: number, shard: number, sequence: number, type: number, length: number): void {
  view.setUint32(at, shard, true);
  setU64(view, at + 4, sequence);
  view.setUint8(at + 12, type);
  view.setUint32(at + 13, length, true);
}

/** The records of a frame's payload, in order. */
export function* readRecords(payload: Uint8Array): IterableIterator<LogRecord> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  while (at < payload.length) {
    const start = at + RECORD_HEADER_BYTES;
    if (start > payload.length) throw new HeddleError('Corruption', `log record header at ${at} passes its frame's end`);
    const length = view.getUint32(at + 13, true);
    if (start + length > payload.length) throw new HeddleError('Corruption', `log record at ${at} passes its frame's end`);
    yield {
      shard: view.getUint32(at, true),
      sequence: getU64(view, at + 4),
      type: view.getUint8(at + 12),
      payload: payload.subarray(start, start + length),
    };
    at = start + length;
  }
}

export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

export function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}
