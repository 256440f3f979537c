/**
 * The GPU's copy of an index's rows: row words, the docID of each row and, for codes, one term a row.
 *
 * - Rows are appended as they come (`append` writes to the queue and returns); a removed row keeps its place with docID EMPTY
 *   until another takes it.
 * - A table is one buffer, doubled by a copy on the GPU when it is full; it is refused once a row buffer would pass what the
 *   device can bind.
 * - It is a cache: nothing is lost with it. After `device.lost` the owner makes a new one and sends the rows again.
 */
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import { wordsOf, type RowFormat } from '../kernels/gpu/row-format.ts';
import { withBatch } from './command-batch.ts';
import type { GpuDevice } from './gpu-device.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { encodeRows, rowBytes, type EncodedRows, type RowSpace } from './row-words.ts';

export interface RowTableOptions {
  readonly format: RowFormat;
  readonly dimensions: number;
  /** Needed for coded rows. */
  readonly space: RowSpace | null;
}

const CAPACITY_MIN = 1024;

export class RowTable {
  readonly format: RowFormat;
  readonly dimensions: number;
  readonly space: RowSpace | null;
  /** Words of a row. */
  readonly words: number;
  /** Rows in use and free ones below them: scans cover this many. */
  count = 0;
  rows: GPUBuffer;
  ids: GPUBuffer;
  /** Absent unless the rows are coded. */
  terms: GPUBuffer | null;
  private readonly gpu: GpuDevice;
  private readonly rowOf = new Map<number, number>();
  private readonly free: number[] = [];
  private capacity = CAPACITY_MIN;

  constructor(gpu: GpuDevice, { format, dimensions, space }: RowTableOptions) {
    this.gpu = gpu;
    this.format = format;
    this.dimensions = dimensions;
    this.space = space;
    this.words = wordsOf(format.rowType, dimensions);
    ({ rows: this.rows, ids: this.ids, terms: this.terms } = this.take(this.capacity));
  }

  get rowBytes(): number {
    return rowBytes(this.format, this.dimensions);
  }
  /** Rows that are not removed. */
  get live(): number {
    return this.rowOf.size;
  }
  has(docID: number): boolean {
    return this.rowOf.has(docID);
  }

  /** Buffers for `capacity` rows, all or none. */
  private take(capacity: number): { rows: GPUBuffer; ids: GPUBuffer; terms: GPUBuffer | null } {
    const bytes = capacity * this.rowBytes;
    if (bytes > this.gpu.facts.bindingBytesMax)
      throw new GpuUnavailable(
        'limit',
        `${capacity} rows of ${this.rowBytes} bytes pass the device's binding limit of ${this.gpu.facts.bindingBytesMax}`,
      );
    const taken: GPUBuffer[] = [];
    try {
      for (const size of [bytes, capacity * 4, ...(this.format.rowType === 'u7' ? [capacity * 4] : [])])
        taken.push(this.gpu.pool.take('storage', size));
    } catch (error) {
      for (const buffer of taken) this.gpu.pool.give(buffer);
      throw error;
    }
    return { rows: taken[0], ids: taken[1], terms: taken[2] ?? null };
  }

  /** Room for `rows` rows in all; call it first when the number is known, it saves copies. */
  async reserve(rows: number): Promise<void> {
    if (rows <= this.capacity) return;
    const fitting = Math.floor(this.gpu.facts.bindingBytesMax / this.rowBytes);
    const capacity = Math.max(rows, Math.min(this.capacity * 2, fitting));
    const old = { rows: this.rows, ids: this.ids, terms: this.terms };
    const grown = this.take(capacity);
    await withBatch(this.gpu, async (batch) => {
      if (this.count > 0) {
        batch.copy(old.rows, 0, grown.rows, 0, this.count * this.rowBytes);
        batch.copy(old.ids, 0, grown.ids, 0, this.count * 4);
        if (old.terms && grown.terms) batch.copy(old.terms, 0, grown.terms, 0, this.count * 4);
      }
    });
    this.capacity = capacity;
    Object.assign(this, grown);
    for (const buffer of [old.rows, old.ids, old.terms]) if (buffer) this.gpu.pool.give(buffer);
  }

  /** `rows` is row-major `[docIDs.length × dimensions]`, copied. */
  append(docIDs: Uint32Array, rows: Float32Array): Promise<void> {
    const { space } = this;
    if (space && 'center' in space) throw new GpuUnavailable('limit', 'rows of an engine come coded');
    return this.appendEncoded(docIDs, encodeRows(this.format, this.dimensions, rows, space));
  }

  /** Rows at places of the caller's choosing (rising), whose ids are their places: an engine's slots. Such a table takes no others. */
  async place(rows: Uint32Array, { words, terms }: EncodedRows): Promise<void> {
    if (rows.length === 0) return;
    await this.reserve(Math.max(this.count, rows[rows.length - 1] + 1));
    const { queue } = this.gpu.device;
    forEachRun(rows, (at, length) => {
      const bytes = this.rowBytes;
      queue.writeBuffer(this.rows, rows[at] * bytes, words, at * bytes, length * bytes);
      queue.writeBuffer(this.ids, rows[at] * 4, rows.slice(at, at + length));
      if (this.terms) queue.writeBuffer(this.terms, rows[at] * 4, terms, at, length);
    });
    this.count = Math.max(this.count, rows[rows.length - 1] + 1);
  }

  /** Rows that are already in the table's format, such as the engine's own codes. */
  async appendEncoded(docIDs: Uint32Array, encoded: EncodedRows): Promise<void> {
    const reused = Math.min(this.free.length, docIDs.length);
    await this.reserve(this.count + docIDs.length - reused);
    for (let i = 0; i < reused; i++) this.write(this.free.pop()!, docIDs.subarray(i, i + 1), encoded, i);
    if (reused < docIDs.length) {
      this.write(this.count, docIDs.subarray(reused), encoded, reused);
      this.count += docIDs.length - reused;
    }
  }

  private write(row: number, docIDs: Uint32Array, { words, terms }: EncodedRows, first: number): void {
    const { queue } = this.gpu.device;
    const bytes = this.rowBytes;
    queue.writeBuffer(this.rows, row * bytes, words, first * bytes, docIDs.length * bytes);
    queue.writeBuffer(this.ids, row * 4, docIDs.slice());
    if (this.terms) queue.writeBuffer(this.terms, row * 4, terms, first, docIDs.length);
    for (let i = 0; i < docIDs.length; i++) this.rowOf.set(docIDs[i], row + i);
  }

  /** Unknown docIDs are ignored. */
  remove(docIDs: Iterable<number>): void {
    const none = Uint32Array.of(EMPTY);
    for (const docID of docIDs) {
      const row = this.rowOf.get(docID);
      if (row === undefined) continue;
      this.rowOf.delete(docID);
      this.free.push(row);
      this.gpu.device.queue.writeBuffer(this.ids, row * 4, none);
    }
  }

  /** Row numbers and docIDs of those of `docIDs` that are here. */
  locate(docIDs: Iterable<number>): { readonly rows: Uint32Array<ArrayBuffer>; readonly ids: Uint32Array<ArrayBuffer> } {
    const rows: number[] = [];
    const ids: number[] = [];
    for (const docID of docIDs) {
      const row = this.rowOf.get(docID);
      if (row !== undefined) {
        rows.push(row);
        ids.push(docID);
      }
    }
    return { rows: Uint32Array.from(rows), ids: Uint32Array.from(ids) };
  }

  drop(): void {
    for (const buffer of [this.rows, this.ids, this.terms]) if (buffer) this.gpu.pool.destroy(buffer);
  }
}

/** Calls back with where each run of consecutive numbers begins in `rows` (rising) and how long it is. */
export function forEachRun(rows: Uint32Array, each: (at: number, length: number) => void): void {
  for (let at = 0, end = 0; at < rows.length; at = end) {
    do end++;
    while (end < rows.length && rows[end] === rows[end - 1] + 1);
    each(at, end - at);
  }
}
