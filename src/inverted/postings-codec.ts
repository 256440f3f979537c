/**
 * A term's postings in one segment as bytes. Layout: `docs/format/postings.md`.
 *
 * - `scored` postings (searchable buckets) carry a term frequency for every docID and, for every block of 128, two bounds
 *   from which the block's largest BM25 impact follows whatever the average length is by then.
 * - plain postings (filterable buckets) are docIDs only.
 * - `net` is adds minus removes since the segment before; it may be other than the number of postings, because a posting
 *   whose docID died is dropped by merges while the object's removal is counted in a newer segment.
 *
 * Invariants: docIDs rise within a value; the values of one key in several segments have disjoint, rising docID ranges.
 * Called at flushes and merges (encode) and by queries (parse), on the engine's thread.
 */
import { ByteWriter } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { pack, packedBytes, unpack, unpackRising, widthOf } from './bit-pack.ts';

export const BLOCK_DOCS = 128;
const TABLE_WORDS_SCORED = 4;
const TABLE_WORDS_PLAIN = 2;

const deltas = new Uint32Array(BLOCK_DOCS);
const extra = new Uint32Array(BLOCK_DOCS);

/** Field lengths by docID, for the bounds; docIDs past the end have length zero. */
export type Lengths = Uint16Array;

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

export interface PostingsInput {
  readonly docs: Uint32Array;
  /** Null: plain postings. */
  readonly frequencies: Uint32Array | null;
  readonly count: number;
  readonly net: number;
}

/** Appends the encoded value to `writer`. `lengths` matters for scored postings of more than one block. */
export function writePostings(writer: ByteWriter, { docs, frequencies, count, net }: PostingsInput, lengths: Lengths | null): void {
  if (frequencies) writer.varint(zigzag(net));
  writer.varint(count);
  if (count > BLOCK_DOCS) writeBlocks(writer, docs, frequencies, count, lengths);
  else writeShort(writer, docs, frequencies, count);
}

function writeShort(writer: ByteWriter, docs: Uint32Array, frequencies: Uint32Array | null, count: number): void {
  let last = -1;
  for (let i = 0; i < count; i++) {
    const delta = docs[i] - last - 1;
    last = docs[i];
    if (frequencies === null) writer.varint(delta);
    else if (frequencies[i] === 1) writer.varint(delta * 2);
    else writer.varint(delta * 2 + 1).varint(frequencies[i]);
  }
}

function writeBlocks(writer: ByteWriter, docs: Uint32Array, frequencies: Uint32Array | null, count: number, lengths: Lengths | null): void {
  const blocks = Math.ceil(count / BLOCK_DOCS);
  const words = frequencies ? TABLE_WORDS_SCORED : TABLE_WORDS_PLAIN;
  const table = writer.reserve(blocks * words * 4);
  const body = writer.length;
  for (let block = 0; block < blocks; block++) {
    const from = block * BLOCK_DOCS;
    const size = Math.min(BLOCK_DOCS, count - from);
    let previous = block === 0 ? -1 : docs[from - 1];
    let widest = 0;
    for (let i = 0; i < size; i++) {
      const delta = docs[from + i] - previous - 1;
      previous = docs[from + i];
      deltas[i] = delta;
      if (delta > widest) widest = delta;
    }
    const entry = table + block * words * 4;
    writePacked(writer, deltas, size, widest);
    if (frequencies) {
      const largest = largestFrequency(frequencies, from, size);
      for (let i = 0; i < size; i++) extra[i] = frequencies[from + i] - 1;
      writePacked(writer, extra, size, largest - 1);
      patchBounds(writer, entry + 8, docs, frequencies, from, size, largest, lengths);
    }
    writer.patchU32(entry, previous);
    writer.patchU32(entry + 4, writer.length - body);
  }
}

/** Width in one byte, then the values. */
function writePacked(writer: ByteWriter, values: Uint32Array, count: number, largest: number): void {
  const width = widthOf(largest);
  writer.u8(width);
  const at = writer.reserve(packedBytes(count, width));
  pack(values, count, width, writer.finish(), at);
}

function largestFrequency(frequencies: Uint32Array, from: number, size: number): number {
  let largest = 1;
  for (let i = from; i < from + size; i++) if (frequencies[i] > largest) largest = frequencies[i];
  return largest;
}

/** The shortest field among docs with more than half the largest frequency, and among the rest. */
function patchBounds(
  writer: ByteWriter,
  at: number,
  docs: Uint32Array,
  frequencies: Uint32Array,
  from: number,
  size: number,
  largest: number,
  lengths: Lengths | null,
): void {
  const half = largest >>> 1;
  let shortest = 65_535;
  let shortestOfRest = 65_535;
  for (let i = from; i < from + size; i++) {
    const length = lengths === null ? 0 : (lengths[docs[i]] ?? 0);
    if (frequencies[i] > half) {
      if (length < shortest) shortest = length;
    } else if (length < shortestOfRest) shortestOfRest = length;
  }
  writer.patchU32(at, (largest * 65_536 + shortest) >>> 0);
  writer.patchU32(at + 4, shortestOfRest);
}

/** What a value says before its postings are read. */
export interface PostingsHeader {
  readonly net: number;
  readonly count: number;
  /** Offset of the postings. */
  readonly body: number;
}

/** Where `varint` reads next. Headers and short lists are read so often that a reader object for each would cost more than they do. */
let position = 0;

function varint(bytes: Uint8Array): number {
  const byte = bytes[position++];
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  for (let scale = 0x80; ; scale *= 0x80) {
    const next = bytes[position++];
    if (next === undefined) throw new HeddleError('Corruption', 'a posting list ends within a number');
    value += (next & 0x7f) * scale;
    if (next < 0x80) return value;
  }
}

export function readHeader(value: Uint8Array, scored: boolean): PostingsHeader {
  position = 0;
  const net = scored ? unzigzag(varint(value)) : 0;
  const count = varint(value);
  return { net, count, body: position };
}

/** Copies all postings of one segment's value into `docs` and, if scored, `frequencies`, from `at` on; returns the end. */
export function readPostings(value: Uint8Array, scored: boolean, docs: Uint32Array, frequencies: Uint32Array | null, at: number): number {
  const header = readHeader(value, scored);
  if (header.count <= BLOCK_DOCS) return readShort(value, header, docs, frequencies, at);
  const blocks = new BlockTable(value, header, scored);
  for (let block = 0; block < blocks.count; block++) {
    const size = blocks.read(block, deltas, extra);
    docs.set(size === BLOCK_DOCS ? deltas : deltas.subarray(0, size), at);
    if (frequencies) for (let i = 0; i < size; i++) frequencies[at + i] = extra[i];
    at += size;
  }
  return at;
}

export function readShort(
  value: Uint8Array,
  header: PostingsHeader,
  docs: Uint32Array,
  frequencies: Uint32Array | null,
  at: number,
): number {
  position = header.body;
  let doc = -1;
  for (let i = 0; i < header.count; i++, at++) {
    const head = varint(value);
    if (frequencies === null) doc += head + 1;
    else {
      const repeated = head % 2 === 1;
      doc += (repeated ? (head - 1) / 2 : head / 2) + 1;
      frequencies[at] = repeated ? varint(value) : 1;
    }
    docs[at] = doc;
  }
  return at;
}

/** The blocks of a value with more than one. */
export class BlockTable {
  readonly count: number;
  private readonly value: Uint8Array;
  private readonly docs: number;
  private readonly scored: boolean;
  private readonly words: number;
  private readonly table: Uint32Array;
  private readonly body: number;

  constructor(value: Uint8Array, header: PostingsHeader, scored: boolean) {
    this.value = value;
    this.docs = header.count;
    this.scored = scored;
    this.words = scored ? TABLE_WORDS_SCORED : TABLE_WORDS_PLAIN;
    this.count = Math.ceil(header.count / BLOCK_DOCS);
    this.body = header.body + this.count * this.words * 4;
    this.table = new Uint32Array(value.slice(header.body, this.body).buffer);
  }

  last(block: number): number {
    return this.table[block * this.words];
  }
  /** Largest frequency F in the block. */
  largest(block: number): number {
    return this.table[block * this.words + 2] >>> 16;
  }
  /** Shortest field among docs with a frequency over F / 2. */
  shortest(block: number): number {
    return this.table[block * this.words + 2] & 0xffff;
  }
  /** Shortest field among the rest, whose frequency is at most F / 2; 65,535 when there is none. */
  shortestOfRest(block: number): number {
    return this.table[block * this.words + 3];
  }

  /** Unpacks a block's docIDs and frequencies; returns how many. */
  read(block: number, docs: Uint32Array, frequencies: Uint32Array): number {
    const size = block === this.count - 1 ? this.docs - block * BLOCK_DOCS : BLOCK_DOCS;
    const value = this.value;
    let at = this.body + (block === 0 ? 0 : this.table[(block - 1) * this.words + 1]);
    const width = value[at++];
    at = unpackRising(value, at, size, width, block === 0 ? -1 : this.last(block - 1), docs);
    if (this.scored) unpack(value, at + 1, size, value[at], frequencies, 1);
    return size;
  }
}
