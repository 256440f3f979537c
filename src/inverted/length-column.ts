/**
 * Field lengths in terms, one 16-bit number a docID, of one searchable property: BM25's |d|. In memory once the property is
 * first searched or merged; on disk in chunks of 1,024 docIDs. Layout: `docs/format/length-column.md`.
 *
 * Invariants: a length over 65,535 counts as 65,535; a docID without the property, or past the end, has length 0.
 * Called by the inverted index only.
 */
import { ByteWriter, keyOfU32, u32OfKey } from '../core/bytes.ts';
import type { BucketReader, MergeOperator, SortedEntries } from '../lsm/bucket.ts';
import { pack, packedBytes, unpack, widthOf } from './bit-pack.ts';
import type { Lengths } from './postings-codec.ts';

export const LENGTH_MAX = 65_535;
const CHUNK_DOCS = 1024;
const HEADER_BYTES = 5;

const scratch = new Uint32Array(CHUNK_DOCS);

export class LengthColumn {
  private values: Lengths = new Uint16Array(0);
  private loaded = false;
  private readonly reader: BucketReader;
  /** docIDs added since the last freeze: [pendingFrom, pendingEnd). */
  private pendingFrom = -1;
  private pendingEnd = 0;
  /** Where a flush under way began; -1: none. */
  private frozenFrom = -1;

  constructor(reader: BucketReader) {
    this.reader = reader;
  }

  get bytes(): number {
    return this.pendingFrom < 0 ? 0 : (this.pendingEnd - this.pendingFrom) * 2;
  }

  set(docID: number, length: number): void {
    this.reserve(docID + 1);
    this.values[docID] = Math.min(LENGTH_MAX, length);
    if (this.pendingFrom < 0) this.pendingFrom = docID;
    this.pendingEnd = docID + 1;
  }

  /** All lengths by docID; borrowed, valid in this turn. */
  get lengths(): Lengths {
    if (!this.loaded) this.load();
    return this.values;
  }

  private reserve(end: number): void {
    if (end <= this.values.length) return;
    const grown = new Uint16Array(Math.max(end, this.values.length * 2, CHUNK_DOCS));
    grown.set(this.values);
    this.values = grown;
  }

  private load(): void {
    this.loaded = true;
    const cursor = this.reader.scan(null, null);
    try {
      for (let entry = cursor.next(); entry !== null; entry = cursor.next()) {
        if (entry.value === null) continue;
        const base = u32OfKey(entry.key) * CHUNK_DOCS;
        const { first, count } = readChunk(entry.value, scratch);
        this.reserve(base + first + count);
        for (let i = 0; i < count; i++) this.values[base + first + i] = scratch[i];
      }
    } finally {
      cursor.close();
    }
  }

  /** The lengths added since the last freeze as entries, or null when there are none. */
  freeze(): SortedEntries | null {
    if (this.frozenFrom < 0) this.frozenFrom = this.pendingFrom;
    this.pendingFrom = -1;
    if (this.frozenFrom < 0) return null;
    const end = this.pendingEnd;
    let next = this.frozenFrom;
    const writer = new ByteWriter();
    return {
      next: () => {
        if (next >= end) return null;
        const chunk = Math.floor(next / CHUNK_DOCS);
        const count = Math.min(end, (chunk + 1) * CHUNK_DOCS) - next;
        for (let i = 0; i < count; i++) scratch[i] = this.values[next + i];
        writer.clear();
        writeChunk(writer, next - chunk * CHUNK_DOCS, count);
        next += count;
        return { key: keyOfU32(chunk), value: writer.finish() };
      },
    };
  }

  flushed(): void {
    this.frozenFrom = -1;
  }
}

function writeChunk(writer: ByteWriter, first: number, count: number): void {
  let largest = 0;
  for (let i = 0; i < count; i++) largest = Math.max(largest, scratch[i]);
  const width = widthOf(largest);
  writer.u16(first).u16(count).u8(width);
  const at = writer.reserve(packedBytes(count, width));
  pack(scratch, count, width, writer.finish(), at);
}

function readChunk(value: Uint8Array, into: Uint32Array): { first: number; count: number } {
  const first = value[0] | (value[1] << 8);
  const count = value[2] | (value[3] << 8);
  unpack(value, HEADER_BYTES, count, value[4], into);
  return { first, count };
}

/** Pieces of one chunk from several segments are laid over each other: each docID lies in one of them. */
export function lengthMerge(): MergeOperator {
  const writer = new ByteWriter();
  const whole = new Uint32Array(CHUNK_DOCS);
  return {
    kind: 'merge',
    merge(_key, newestFirst) {
      whole.fill(0);
      let from = CHUNK_DOCS;
      let end = 0;
      for (const value of newestFirst) {
        const { first, count } = readChunk(value, scratch);
        whole.set(scratch.subarray(0, count), first);
        from = Math.min(from, first);
        end = Math.max(end, first + count);
      }
      scratch.set(whole.subarray(from, end));
      writer.clear();
      writeChunk(writer, from, end - from);
      return writer.finish();
    },
  };
}
