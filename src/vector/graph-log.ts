/**
 * The graph log's frames on a stream: `docs/format/graph-log.md`. Operations are opaque words here; wasm makes and applies
 * them.
 *
 * - `append` does not flush; what was appended is durable after `flush`.
 * - Reading stops at the first frame that does not check: a torn tail, or what an earlier owner of the extents left.
 */
import { ByteReader, ByteWriter, fromUtf8, utf8 } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import type { ExtentStream } from '../lsm/bucket.ts';
import { decodeConfig, encodeConfig, type GraphConfig } from './graph-config.ts';

const MAGIC = 0x314c4748; // "HGL1"
const VERSION = 1;
const FRAME_HEAD_BYTES = 8;
/** A frame's payload is at most this; larger batches of operations are cut between operations by their producer. */
export const FRAME_PAYLOAD_MAX = 16 * 1024 * 1024;

function checksum(before: number, generation: number, payload: Uint8Array): number {
  const head = new ByteWriter(12).u32(before).u32(generation).u32(payload.length).finish();
  return crc32c(payload, crc32c(head));
}

/** Appends a frame that follows one of checksum `before`; returns its checksum. */
function appendFrame(stream: ExtentStream, before: number, generation: number, payload: Uint8Array): number {
  const crc = checksum(before, generation, payload);
  stream.append(new ByteWriter(FRAME_HEAD_BYTES + payload.length).u32(payload.length).u32(crc).bytes(payload).finish());
  return crc;
}

export class GraphLogWriter {
  readonly stream: ExtentStream;
  private readonly generation: number;
  /** Checksum of the last frame: frames are chained, so that one left over from before a resume never follows a new one. */
  private last: number;

  private constructor(stream: ExtentStream, generation: number, last: number) {
    this.stream = stream;
    this.generation = generation;
    this.last = last;
  }

  /** Begins a log on an empty stream. */
  static begin(stream: ExtentStream, generation: number, config: GraphConfig): GraphLogWriter {
    const json = utf8(encodeConfig(config));
    const padding = (4 - (json.length % 4)) % 4;
    const header = new ByteWriter(4096)
      .u32(MAGIC)
      .u32(VERSION)
      .u32(generation)
      .u32(json.length + padding)
      .bytes(json);
    header.bytes(utf8(' '.repeat(padding)));
    header.bytes(new Uint8Array(config.parameters.buffer, config.parameters.byteOffset, config.parameters.byteLength));
    return new GraphLogWriter(stream, generation, appendFrame(stream, 0, 0, header.finish()));
  }

  /** Goes on with a log that was read to its end: what follows the last good frame is overwritten. */
  static resume(stream: ExtentStream, read: GraphLogReader): GraphLogWriter {
    stream.resumeAt(read.bytesRead);
    return new GraphLogWriter(stream, read.header.generation, read.lastChecksum);
  }

  /** Bytes of the log. */
  get length(): number {
    return this.stream.length;
  }

  /** Appends whole operations (borrowed). */
  append(operations: Uint8Array): void {
    if (operations.length > 0) this.last = appendFrame(this.stream, this.last, this.generation, operations);
  }

  flush(): void {
    this.stream.flush();
  }
}

export interface GraphLogHeader {
  readonly generation: number;
  readonly config: GraphConfig;
}

/** Reads a log: its header, then each frame's operations (copied) until frames end. `Corruption` when the header does not check. */
export class GraphLogReader {
  readonly header: GraphLogHeader;
  private readonly stream: ExtentStream;
  private at = 0;
  private last = 0;

  constructor(stream: ExtentStream) {
    this.stream = stream;
    const payload = this.frame(0);
    if (!payload) throw new HeddleError('Corruption', `graph log ${stream.id} has no readable header`);
    this.header = decodeHeader(payload, stream.id);
  }

  /** Checksum of the last frame read. */
  get lastChecksum(): number {
    return this.last;
  }
  /** Bytes of the frames read so far. */
  get bytesRead(): number {
    return this.at;
  }

  next(): Uint8Array<ArrayBuffer> | null {
    return this.frame(this.header.generation);
  }

  private frame(generation: number): Uint8Array<ArrayBuffer> | null {
    const head = new Uint8Array(FRAME_HEAD_BYTES);
    if (this.stream.read(head, this.at) < FRAME_HEAD_BYTES) return null;
    const reader = new ByteReader(head);
    const length = reader.u32();
    const crc = reader.u32();
    if (length === 0 || length % 4 !== 0 || length > FRAME_PAYLOAD_MAX) return null;
    if (this.at + FRAME_HEAD_BYTES + length > this.stream.length) return null;
    const payload = new Uint8Array(length);
    if (this.stream.read(payload, this.at + FRAME_HEAD_BYTES) < length) return null;
    if (checksum(this.last, generation, payload) !== crc) return null;
    this.last = crc;
    this.at += FRAME_HEAD_BYTES + length;
    return payload;
  }
}

function decodeHeader(payload: Uint8Array, stream: number): GraphLogHeader {
  const reader = new ByteReader(payload);
  if (reader.u32() !== MAGIC) throw new HeddleError('Corruption', `stream ${stream} is no graph log`);
  const version = reader.u32();
  if (version !== VERSION) throw new HeddleError('Unsupported', `graph log ${stream} has version ${version}, this build reads ${VERSION}`);
  const generation = reader.u32();
  const json = fromUtf8(reader.bytes(reader.u32()));
  const parameters = reader.bytes(reader.remaining).slice();
  return { generation, config: decodeConfig(json, new Float32Array(parameters.buffer)) };
}
