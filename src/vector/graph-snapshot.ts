/**
 * Writing and reading a snapshot of the arena: `docs/format/graph-snapshot.md`. Written chunk by chunk between other work,
 * while the graph goes on changing; the log that begins with it makes up for that.
 */
import { ByteReader, ByteWriter, fromUtf8, readFloat, utf8, writeFloat } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import type { ExtentStream } from '../lsm/bucket.ts';
import { bytesAt, type Engine } from '../kernels/wasm/engine.ts';
import { decodeConfig, encodeConfig, type GraphConfig } from './graph-config.ts';

const HEADER_MAGIC = 0x31534748; // "HGS1"
const TRAILER_MAGIC = 0x54534748; // "HGST"
const VERSION = 1;
const ALIGNMENT = 4096;
const KIND_ARENA = 0;
const KIND_UPPER = 1;

interface Block {
  readonly kind: number;
  readonly index: number;
  readonly length: number;
  readonly crc: number;
}

function blockChecksum(engine: Engine, generation: number, kind: number, index: number, address: number, length: number): number {
  const seed = crc32c(new ByteWriter(12).u32(generation).u32(kind).u32(index).finish());
  return engine.exports.crc(address, length, seed) >>> 0;
}

export class SnapshotWriter {
  readonly stream: ExtentStream;
  private readonly engine: Engine;
  private readonly generation: number;
  private readonly blocks: Block[] = [];
  private readonly headerCrc: number;
  private arenaNext = 0;
  private upperNext = 0;

  constructor(stream: ExtentStream, engine: Engine, generation: number, config: GraphConfig) {
    this.stream = stream;
    this.engine = engine;
    this.generation = generation;
    const json = utf8(encodeConfig(config));
    const header = new ByteWriter(ALIGNMENT).u32(HEADER_MAGIC).u32(VERSION).u32(generation).u32(json.length).bytes(json);
    header.bytes(new Uint8Array(config.parameters.buffer, config.parameters.byteOffset, config.parameters.byteLength)).align(ALIGNMENT);
    this.headerCrc = crc32c(header.finish());
    stream.append(header.finish());
  }

  /** Writes one more chunk; false when all are written. */
  step(): boolean {
    const { exports } = this.engine;
    if (this.upperNext < exports.upperChunkCount()) {
      const index = this.upperNext++;
      this.write(KIND_UPPER, index, exports.upperChunkAt(index), exports.upperChunkBytes());
      return true;
    }
    if (this.arenaNext >= exports.chunkCount()) return false;
    const index = this.arenaNext++;
    this.write(KIND_ARENA, index, exports.chunkAt(index), exports.chunkDiskBytes());
    return true;
  }

  private write(kind: number, index: number, address: number, length: number): void {
    const bytes = bytesAt(this.engine, address >>> 0, length);
    this.blocks.push({ kind, index, length, crc: blockChecksum(this.engine, this.generation, kind, index, address >>> 0, length) });
    this.stream.append(bytes);
  }

  /** Ends the snapshot after the last `step`; returns where the trailer is. The caller flushes. */
  finish(sequence: number): { readonly trailerAt: number; readonly trailerBytes: number } {
    const { exports } = this.engine;
    const trailer = new ByteWriter(64 + this.blocks.length * 16).u32(TRAILER_MAGIC).u32(this.generation).u32(this.blocks.length);
    trailer
      .u32(exports.slotEnd() >>> 0)
      .u32(exports.recordEnd() >>> 0)
      .u32(exports.entry() >>> 0)
      .u32(exports.entryLevel());
    writeFloat(trailer, exports.residualMax(), 4);
    writeFloat(trailer, exports.spreadMax(), 4);
    trailer.u32(exports.liveSlots());
    writeFloat(trailer, sequence, 8);
    trailer.u32(this.headerCrc);
    for (const { kind, index, length, crc } of this.blocks) trailer.u32(kind).u32(index).u32(length).u32(crc);
    trailer.u32(crc32c(trailer.finish()));
    const trailerAt = this.stream.length;
    this.stream.append(trailer.finish());
    return { trailerAt, trailerBytes: trailer.length };
  }
}

export interface LoadedSnapshot {
  readonly config: GraphConfig;
  readonly generation: number;
  readonly sequence: number;
}

/**
 * Reads a snapshot into an engine. `prepare` is given the config before any chunk is read, to configure the codec; it
 * returns false when the config is not this index's. Null then. `Corruption` when anything does not check.
 */
export function readSnapshot(
  stream: ExtentStream,
  engine: Engine,
  at: { readonly trailerAt: number; readonly trailerBytes: number },
  prepare: (config: GraphConfig) => boolean,
): LoadedSnapshot | null {
  const trailer = readTrailer(stream, at);
  const header = readHeader(stream, trailer.headerCrc, trailer.generation);
  if (!prepare(header.config)) return null;
  const { exports } = engine;
  let offset = header.bytes;
  for (const block of trailer.blocks) {
    const upper = block.kind === KIND_UPPER;
    const expected = upper ? exports.upperChunkBytes() : exports.chunkDiskBytes();
    if (block.length !== expected || block.kind > KIND_UPPER)
      throw damaged(stream, `block ${block.kind}/${block.index} has a strange length`);
    const count = upper ? exports.upperChunkCount() : exports.chunkCount();
    if (block.index !== count) throw damaged(stream, `block ${block.kind}/${block.index} is out of order`);
    if (!(upper ? exports.addUpperChunk() : exports.addChunk()))
      throw new HeddleError('StorageFull', 'the vector index does not fit into its memory limit');
    const address = (upper ? exports.upperChunkAt(block.index) : exports.chunkAt(block.index)) >>> 0;
    const bytes = bytesAt(engine, address, block.length);
    if (
      stream.read(bytes, offset) < block.length ||
      blockChecksum(engine, trailer.generation, block.kind, block.index, address, block.length) !== block.crc
    )
      throw damaged(stream, `block ${block.kind}/${block.index} does not check`);
    offset += block.length;
  }
  exports.setBounds(trailer.residualMax, trailer.spreadMax);
  if (!exports.adopt(trailer.slots, trailer.records, trailer.entry, trailer.entryLevel))
    throw damaged(stream, 'its counts contradict its blocks');
  return { config: header.config, generation: trailer.generation, sequence: trailer.sequence };
}

function damaged(stream: ExtentStream, what: string): HeddleError {
  return new HeddleError('Corruption', `graph snapshot ${stream.id}: ${what}`);
}

function readTrailer(stream: ExtentStream, at: { readonly trailerAt: number; readonly trailerBytes: number }) {
  const bytes = new Uint8Array(at.trailerBytes);
  if (at.trailerBytes < 52 || stream.read(bytes, at.trailerAt) < bytes.length) throw damaged(stream, 'its trailer is missing');
  const reader = new ByteReader(bytes);
  if (reader.u32() !== TRAILER_MAGIC) throw damaged(stream, 'its trailer is something else');
  const end = new ByteReader(bytes, bytes.length - 4).u32();
  if (crc32c(bytes, 0, 0, bytes.length - 4) !== end) throw damaged(stream, 'its trailer does not check');
  const generation = reader.u32();
  const count = reader.u32();
  const fixed = {
    generation,
    slots: reader.u32(),
    records: reader.u32(),
    entry: reader.u32(),
    entryLevel: reader.u32(),
    residualMax: readFloat(reader, 4),
    spreadMax: readFloat(reader, 4),
    rows: reader.u32(),
    sequence: readFloat(reader, 8),
    headerCrc: reader.u32(),
  };
  const blocks: Block[] = [];
  for (let i = 0; i < count; i++) blocks.push({ kind: reader.u32(), index: reader.u32(), length: reader.u32(), crc: reader.u32() });
  return { ...fixed, blocks };
}

function readHeader(stream: ExtentStream, crc: number, generation: number): { config: GraphConfig; bytes: number } {
  const first = new Uint8Array(16);
  stream.read(first, 0);
  const head = new ByteReader(first);
  if (head.u32() !== HEADER_MAGIC) throw damaged(stream, 'its header is something else');
  const version = head.u32();
  if (version !== VERSION)
    throw new HeddleError('Unsupported', `graph snapshot ${stream.id} has version ${version}, this build reads ${VERSION}`);
  if (head.u32() !== generation) throw damaged(stream, 'header and trailer are of different generations');
  const jsonBytes = head.u32();
  if (jsonBytes > 65_536) throw damaged(stream, 'its header does not check');
  const json = new Uint8Array(jsonBytes);
  stream.read(json, 16);
  const parameterCount = parametersOf(json, stream);
  const total = Math.ceil((16 + jsonBytes + parameterCount * 4) / ALIGNMENT) * ALIGNMENT;
  const whole = new Uint8Array(total);
  if (stream.read(whole, 0) < total || crc32c(whole) !== crc) throw damaged(stream, 'its header does not check');
  const parameters = whole.slice(16 + jsonBytes, 16 + jsonBytes + parameterCount * 4);
  return { config: decodeConfig(fromUtf8(json), new Float32Array(parameters.buffer)), bytes: total };
}

function parametersOf(json: Uint8Array, stream: ExtentStream): number {
  const count = /"parameters":(\d{1,9})}/.exec(fromUtf8(json))?.[1];
  if (count === undefined || Number(count) > 16_777_216) throw damaged(stream, 'its header does not check');
  return Number(count);
}
