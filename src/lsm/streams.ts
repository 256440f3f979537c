/**
 * Append-only byte streams in extents of the data files, for graph logs and snapshots.
 *
 * Invariants:
 * - Small appends are collected; `flush` writes them and makes them durable, and names new extents in a manifest edit when
 *   the last one did not know them.
 * - A manifest names only extents that were flushed since they were taken: what made their file longer is lost in a power cut, and a
 *   manifest that names what lies past a file's end is damaged.
 * - What lies between the appended bytes and the end of the capacity is zero after a flush, so that a reader never meets
 *   frames of whatever used the extent before.
 */
import { HeddleError } from '../core/errors.ts';
import type { ExtentStream, StreamSpace } from './bucket.ts';
import { capacityOf, flushExtents, readExtents, writeExtents } from './extent-io.ts';
import type { StreamRef } from './manifest.ts';
import type { Extent, Space } from './space.ts';

const BUFFER_BYTES = 64 << 10;
const GROWTH_BYTES_MAX = 1 << 20;

export interface StreamHost {
  readonly space: Space;
  /** One durable manifest edit that names every stream as it is now. */
  nameStreams(): void;
}

export class Streams implements StreamSpace {
  private readonly host: StreamHost;
  private readonly byId = new Map<number, Stream>();
  private nextId: number;

  constructor(host: StreamHost, refs: readonly StreamRef[], nextId: number) {
    this.host = host;
    this.nextId = nextId;
    for (const ref of refs) this.byId.set(ref.id, new Stream(host, ref.id, ref.extents));
  }

  get next(): number {
    return this.nextId;
  }

  create(): ExtentStream {
    const stream = new Stream(this.host, this.nextId++, []);
    this.byId.set(stream.id, stream);
    return stream;
  }

  open(id: number): ExtentStream {
    const stream = this.byId.get(id);
    if (stream === undefined) throw new HeddleError('NotFound', `stream ${id} does not exist`, { details: { stream: id } });
    return stream;
  }

  ids(): number[] {
    return [...this.byId.keys()];
  }

  /** What manifests name of it is given back once one has left it out, the rest at once. */
  free(id: number): void {
    const stream = this.byId.get(id);
    this.byId.delete(id);
    if (stream !== undefined) this.host.space.giveBack(stream.unnamed());
  }

  /** What the next manifest names. */
  refs(): StreamRef[] {
    return [...this.byId.values()].map((stream) => ({ id: stream.id, extents: stream.durableExtents }));
  }

  /** A durable manifest has named what `refs` gives. */
  named(): void {
    for (const stream of this.byId.values()) stream.named();
  }

  get bytes(): number {
    let sum = 0;
    for (const stream of this.byId.values()) sum += capacityOf(stream.extents, this.host.space.extentBytes);
    return sum;
  }
}

class Stream implements ExtentStream {
  readonly id: number;
  private readonly host: StreamHost;
  /** Only ever grows, at its end. */
  extents: readonly Extent[];
  /** The first of them, as of the last flush. */
  durableExtents: readonly Extent[];
  length: number;
  /** How many of them a manifest names. */
  private namedCount: number;
  private capacity: number;
  private buffer = new Uint8Array(0);
  private buffered = 0;
  private zeroedTo: number;
  private isDirty = false;

  constructor(host: StreamHost, id: number, extents: readonly Extent[]) {
    this.id = id;
    this.host = host;
    this.extents = extents;
    this.durableExtents = extents;
    this.namedCount = extents.length;
    this.capacity = capacityOf(extents, host.space.extentBytes);
    this.length = this.capacity;
    this.zeroedTo = this.capacity;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length >= BUFFER_BYTES) {
      this.drain();
      this.put(bytes, this.length);
    } else {
      if (this.buffer.length === 0) this.buffer = new Uint8Array(BUFFER_BYTES);
      if (this.buffered + bytes.length > BUFFER_BYTES) this.drain();
      this.buffer.set(bytes, this.buffered);
      this.buffered += bytes.length;
    }
    this.length += bytes.length;
  }

  read(into: Uint8Array, at: number): number {
    this.drain();
    const count = Math.max(0, Math.min(into.length, this.length - at));
    if (count > 0) readExtents(this.host.space, this.extents, into.subarray(0, count), at);
    return count;
  }

  resumeAt(length: number): void {
    if (length < 0 || length > this.length)
      throw new HeddleError('InvalidInput', `stream ${this.id} can't resume at ${length}: it has ${this.length} bytes`);
    this.drain();
    this.length = length;
    this.zeroedTo = length;
    this.isDirty = true;
  }

  flush(): void {
    this.drain();
    if (this.isDirty) {
      this.zeroRest();
      flushExtents(this.host.space, this.extents);
      this.durableExtents = this.extents;
      this.isDirty = false;
    }
    if (this.namedCount < this.extents.length) this.host.nameStreams();
  }

  named(): void {
    this.namedCount = this.durableExtents.length;
  }

  /** Extents that no manifest names. */
  unnamed(): readonly Extent[] {
    return this.extents.slice(this.namedCount);
  }

  private drain(): void {
    if (this.buffered === 0) return;
    this.put(this.buffer.subarray(0, this.buffered), this.length - this.buffered);
    this.buffered = 0;
  }

  /** Writes at `at`, growing where needed. */
  private put(bytes: Uint8Array, at: number): void {
    const end = at + bytes.length;
    if (end > this.capacity) this.grow(end - this.capacity);
    writeExtents(this.host.space, this.extents, bytes, at);
    this.zeroedTo = Math.max(this.zeroedTo, end);
    this.isDirty = true;
  }

  private grow(missing: number): void {
    const wanted = Math.max(missing, Math.min(this.capacity >>> 1, GROWTH_BYTES_MAX), this.host.space.extentBytes);
    this.extents = [...this.extents, ...this.host.space.allocate(wanted)];
    this.capacity = capacityOf(this.extents, this.host.space.extentBytes);
  }

  private zeroRest(): void {
    const from = Math.max(this.zeroedTo, this.length);
    if (from < this.capacity) writeExtents(this.host.space, this.extents, new Uint8Array(this.capacity - from), from);
    this.zeroedTo = this.capacity;
  }
}
