/**
 * Writes a container: an immutable run of bytes in extents, from its header to the footer that the manifest's reference
 * vouches for. Bytes are collected and written in large pieces (a call costs Firefox 50–110 µs).
 *
 * Invariants: offsets are below 2^32; nothing is named by a manifest before `finish` has flushed it; `abort` gives all
 * space back. Layout: `docs/format/segment.md`.
 */
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import { blockSeed } from './block.ts';
import { capacityOf, flushExtents, writeExtents } from './extent-io.ts';
import type { ContainerRef } from './manifest.ts';
import type { Extent, Space } from './space.ts';

/** "HSG1" and "HVC1" as little-endian u32: a container of bucket sections, of a vector column. */
export const SEGMENT_MAGIC = 0x31475348;
export const COLUMN_MAGIC = 0x31435648;
/** Header: magic u32, container id u32, shard u32, crc u32. */
export const CONTAINER_HEADER_BYTES = 16;
const BYTES_MAX = 0xf000_0000;

export interface ContainerWriterOptions {
  readonly space: Space;
  readonly hostSeed: number;
  readonly id: number;
  readonly shard: number;
  readonly magic: number;
  /** What the container will hold, as far as is known: room for it is made before anything is written. */
  readonly bytesExpected: number;
  readonly bufferBytes: number;
  /** Flushes after this many bytes, so that the last flush is short. */
  readonly syncBytes: number;
  /** May use the emergency reserve. */
  readonly emergency: boolean;
}

export class ContainerWriter {
  readonly id: number;
  private readonly options: ContainerWriterOptions;
  private readonly space: Space;
  private extents: Extent[];
  private capacity: number;
  private buffer: Uint8Array;
  private buffered = 0;
  private written = 0;
  private unsynced = 0;

  constructor(options: ContainerWriterOptions) {
    this.options = options;
    this.id = options.id;
    this.space = options.space;
    this.extents = this.space.allocate(options.bytesExpected, options.emergency);
    this.capacity = capacityOf(this.extents, this.space.extentBytes);
    this.buffer = new Uint8Array(options.bufferBytes);
    const header = new Uint8Array(CONTAINER_HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(0, options.magic, true);
    view.setUint32(4, options.id, true);
    view.setUint32(8, options.shard, true);
    view.setUint32(12, crc32c(header, options.hostSeed, 0, 12), true);
    this.append(header);
  }

  /** Logical offset of the next byte. */
  get offset(): number {
    return this.written + this.buffered;
  }

  /** Checksum seed for something that starts at the current offset. */
  seedHere(): number {
    return blockSeed(this.options.hostSeed, this.id, this.offset);
  }

  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): void {
    if (this.buffered + bytes.length > this.buffer.length) {
      this.drain();
      if (bytes.length >= this.buffer.length) {
        this.put(bytes);
        return;
      }
    }
    this.buffer.set(bytes, this.buffered);
    this.buffered += bytes.length;
  }

  /** Appends the footer, makes everything durable, and returns what the manifest must say. */
  finish(footer: Uint8Array): ContainerRef {
    const footerCrc = crc32c(footer, this.seedHere());
    this.append(footer);
    this.drain();
    this.trim();
    flushExtents(this.space, this.extents);
    return { id: this.id, extents: this.extents, byteLength: this.written, footerBytes: footer.length, footerCrc };
  }

  abort(): void {
    this.space.giveBack(this.extents);
    this.extents = [];
  }

  private drain(): void {
    if (this.buffered === 0) return;
    const bytes = this.buffer.subarray(0, this.buffered);
    this.buffered = 0;
    this.put(bytes);
  }

  private put(bytes: Uint8Array): void {
    if (this.written + bytes.length > BYTES_MAX) throw new HeddleError('Unsupported', `container ${this.id} passes ${BYTES_MAX} bytes`);
    const missing = this.written + bytes.length - this.capacity;
    if (missing > 0) {
      const more = this.space.allocate(Math.max(missing, Math.min(this.capacity >>> 2, 4 << 20)), this.options.emergency);
      this.extents = joined(this.extents, more);
      this.capacity = capacityOf(this.extents, this.space.extentBytes);
    }
    writeExtents(this.space, this.extents, bytes, this.written);
    this.written += bytes.length;
    this.unsynced += bytes.length;
    if (this.unsynced >= this.options.syncBytes) {
      flushExtents(this.space, this.extents);
      this.unsynced = 0;
    }
  }

  /** Gives back the units past the end. */
  private trim(): void {
    let surplus = Math.floor((this.capacity - this.written) / this.space.extentBytes);
    const kept = [...this.extents];
    while (surplus > 0) {
      const last = kept.pop()!;
      const cut = Math.min(surplus, last.units);
      this.space.giveBack([{ file: last.file, unit: last.unit + last.units - cut, units: cut }]);
      if (cut < last.units) kept.push({ ...last, units: last.units - cut });
      surplus -= cut;
    }
    this.extents = kept;
  }
}

function joined(extents: readonly Extent[], more: readonly Extent[]): Extent[] {
  const all = [...extents];
  for (const extent of more) {
    const last = all[all.length - 1];
    if (last !== undefined && last.file === extent.file && last.unit + last.units === extent.unit)
      all[all.length - 1] = { ...last, units: last.units + extent.units };
    else all.push(extent);
  }
  return all;
}
