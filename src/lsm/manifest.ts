/**
 * The manifest: one snapshot of everything a host keeps, encoded whole at every edit.
 * Layout: `docs/format/manifest.md`.
 *
 * Invariants:
 * - Generation g lies in manifest file g mod 2, so that writing g + 1 never touches g.
 * - What generation g names is not reused before g + 2 is durable; a damaged newest generation therefore falls back to the
 *   one before without losing anything: the log still holds what came since.
 * - The first sixteen bytes never change their meaning, so that any build can tell a newer format from damage.
 */
import { ByteReader, ByteWriter } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import type { Extent } from './space.ts';

/** "HMF1" as little-endian u32. */
export const MANIFEST_MAGIC = 0x31464d48;
/** Reaches the disk: the newest format this build writes and the only one it reads. */
export const FORMAT_VERSION = 1;
const FORMAT_AT = 4;
const LENGTH_AT = FORMAT_AT + 4;
const PREFIX_CRC_AT = LENGTH_AT + 4;
const BODY_CRC_AT = PREFIX_CRC_AT + 4;
/** Bytes before the body. */
export const MANIFEST_HEADER_BYTES = BODY_CRC_AT + 4;

/** A container (immutable file-like run of bytes) as the manifest names it. */
export interface ContainerRef {
  /** Never reused within a host; seeds every checksum inside. */
  readonly id: number;
  readonly extents: readonly Extent[];
  readonly byteLength: number;
  readonly footerBytes: number;
  readonly footerCrc: number;
}

export interface ColumnRef extends ContainerRef {
  /** Ordinal of the named vector. */
  readonly ordinal: number;
}

export interface StreamRef {
  readonly id: number;
  readonly extents: readonly Extent[];
}

export interface ShardManifest {
  readonly id: number;
  /** Records up to this sequence number are in containers. */
  readonly flushedSequence: number;
  /** Records of this shard in groups up to this one belong to an earlier shard of the same id. */
  readonly createdAfterGroup: number;
  /** The layer above's: schema, counters, vector index states. */
  readonly meta: Uint8Array;
  /** Newest first. */
  readonly containers: readonly ContainerRef[];
  /** Newest first, all ordinals together. */
  readonly columns: readonly ColumnRef[];
}

export interface Manifest {
  readonly hostId: Uint8Array;
  readonly generation: number;
  readonly settled: boolean;
  readonly logFiles: number;
  readonly logFileBytes: number;
  readonly dataFiles: number;
  readonly extentBytes: number;
  readonly reserveBytes: number;
  /** Groups from here on may hold records that no container has. */
  readonly logNeededFrom: number;
  /** Groups up to this one were flushed when this was written. */
  readonly logDurableGroup: number;
  readonly nextContainer: number;
  readonly nextStream: number;
  /** Opaque, one a host: the table of applied requests. */
  readonly blob: Uint8Array;
  readonly shards: readonly ShardManifest[];
  readonly streams: readonly StreamRef[];
  /** Containers found damaged, by id, with what was wrong. */
  readonly quarantined: readonly { readonly container: number; readonly reason: string }[];
}

export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter(1024);
  w.reserve(MANIFEST_HEADER_BYTES);
  w.bytes(manifest.hostId)
    .u64(manifest.generation)
    .u8(manifest.settled ? 1 : 0);
  w.varint(manifest.logFiles).varint(manifest.logFileBytes).varint(manifest.dataFiles);
  w.varint(manifest.extentBytes).varint(manifest.reserveBytes);
  w.varint(manifest.logNeededFrom).varint(manifest.logDurableGroup);
  w.varint(manifest.nextContainer).varint(manifest.nextStream).blob(manifest.blob);
  w.varint(manifest.shards.length);
  for (const shard of manifest.shards) {
    w.varint(shard.id).varint(shard.flushedSequence).varint(shard.createdAfterGroup).blob(shard.meta).varint(shard.containers.length);
    for (const container of shard.containers) writeContainer(w, container);
    w.varint(shard.columns.length);
    for (const column of shard.columns) {
      w.varint(column.ordinal);
      writeContainer(w, column);
    }
  }
  w.varint(manifest.streams.length);
  for (const stream of manifest.streams) {
    w.varint(stream.id);
    writeExtents(w, stream.extents);
  }
  w.varint(manifest.quarantined.length);
  for (const { container, reason } of manifest.quarantined) w.varint(container).text(reason);
  const bytes = w.finish().slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MANIFEST_MAGIC, true);
  view.setUint32(FORMAT_AT, FORMAT_VERSION, true);
  view.setUint32(LENGTH_AT, bytes.length - MANIFEST_HEADER_BYTES, true);
  view.setUint32(PREFIX_CRC_AT, crc32c(bytes, 0, 0, PREFIX_CRC_AT), true);
  view.setUint32(BODY_CRC_AT, crc32c(bytes, 0, MANIFEST_HEADER_BYTES), true);
  return bytes;
}

/** The manifest in a slot's bytes, or null where none validates. `Unsupported` when it was written by a newer build. */
export function decodeManifest(bytes: Uint8Array): Manifest | null {
  if (bytes.length < MANIFEST_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MANIFEST_MAGIC) return null;
  if (view.getUint32(PREFIX_CRC_AT, true) !== crc32c(bytes, 0, 0, PREFIX_CRC_AT)) return null;
  const format = view.getUint32(FORMAT_AT, true);
  if (format > FORMAT_VERSION)
    throw new HeddleError('Unsupported', `this database has format ${format}; this build reads up to ${FORMAT_VERSION}`, {
      hint: 'reload the page to get the newer build that wrote it',
      details: { format, supported: FORMAT_VERSION },
    });
  const end = MANIFEST_HEADER_BYTES + view.getUint32(LENGTH_AT, true);
  if (end > bytes.length || view.getUint32(BODY_CRC_AT, true) !== crc32c(bytes, 0, MANIFEST_HEADER_BYTES, end)) return null;
  return readBody(new ByteReader(bytes, MANIFEST_HEADER_BYTES, end));
}

function readBody(r: ByteReader): Manifest {
  return {
    hostId: r.bytes(16).slice(),
    generation: r.u64(),
    settled: r.u8() === 1,
    logFiles: r.varint(),
    logFileBytes: r.varint(),
    dataFiles: r.varint(),
    extentBytes: r.varint(),
    reserveBytes: r.varint(),
    logNeededFrom: r.varint(),
    logDurableGroup: r.varint(),
    nextContainer: r.varint(),
    nextStream: r.varint(),
    blob: r.blob().slice(),
    shards: readList(r, readShard),
    streams: readList(r, () => ({ id: r.varint(), extents: readExtents(r) })),
    quarantined: readList(r, () => ({ container: r.varint(), reason: r.text() })),
  };
}

function readShard(r: ByteReader): ShardManifest {
  return {
    id: r.varint(),
    flushedSequence: r.varint(),
    createdAfterGroup: r.varint(),
    meta: r.blob().slice(),
    containers: readList(r, readContainer),
    columns: readList(r, () => ({ ordinal: r.varint(), ...readContainer(r) })),
  };
}

function writeContainer(w: ByteWriter, container: ContainerRef): void {
  w.varint(container.id).varint(container.byteLength).varint(container.footerBytes).u32(container.footerCrc);
  writeExtents(w, container.extents);
}

function readContainer(r: ByteReader): ContainerRef {
  return { id: r.varint(), byteLength: r.varint(), footerBytes: r.varint(), footerCrc: r.u32(), extents: readExtents(r) };
}

function writeExtents(w: ByteWriter, extents: readonly Extent[]): void {
  w.varint(extents.length);
  for (const { file, unit, units } of extents) w.varint(file).varint(unit).varint(units);
}

function readExtents(r: ByteReader): Extent[] {
  return readList(r, () => ({ file: r.varint(), unit: r.varint(), units: r.varint() }));
}

function readList<T>(r: ByteReader, read: (r: ByteReader) => T): T[] {
  const list: T[] = [];
  for (let rest = r.varint(); rest > 0; rest--) list.push(read(r));
  return list;
}
