/**
 * A bit-sliced index of one number a docID, so that a range filter costs a few passes over bitmaps, however many distinct
 * values there are. The 64 bits of a number's order-preserving form are 64 planes; plane i has a docID's bit set where bit i
 * of its value is. Chunks of 65,536 docIDs; a plane that is empty, or equal to the set of docIDs present, takes one byte.
 * Layout: `docs/format/range-planes.md`. Source: O'Neil & Quass, Improved query performance with variant indexes (1997).
 *
 * Called by filters (compare) and by the LSM store (merge).
 */
import { ByteWriter, keyOfU32, u32OfKey } from '../core/bytes.ts';
import type { DocSet } from '../core/doc-set.ts';
import type { BucketReader, MergeOperator, SortedEntries } from '../lsm/bucket.ts';
import { orderedBits } from './value-key.ts';

const CHUNK_DOCS = 65_536;
const PLANES = 64;
/** firstWord u16 | words u16 | kind of `present` and of every plane, most significant first | padding. */
const KINDS_AT = 4;
const BODY_AT = 72;
const EMPTY = 0;
const FULL = 1;
const RAW = 2;

/** Bytes of pieces kept in memory by one property. */
const CACHE_BYTES_MAX = 12 * 1024 * 1024;

export type RangeOperator = 'equal' | 'greaterThan' | 'greaterOrEqual' | 'lessThan' | 'lessOrEqual';

/** A chunk's piece in one segment. */
interface Piece {
  readonly firstWord: number;
  readonly words: number;
  readonly present: Uint32Array;
  /** Null: empty. The present bitmap itself: full. Most significant first. */
  readonly planes: readonly (Uint32Array | null)[];
}

function readPiece(value: Uint8Array): Piece {
  const bytes = value.byteOffset % 4 === 0 ? value : value.slice();
  const firstWord = bytes[0] | (bytes[1] << 8);
  const words = bytes[2] | (bytes[3] << 8);
  let at = BODY_AT;
  const next = (): Uint32Array => {
    const bitmap = new Uint32Array(bytes.buffer, bytes.byteOffset + at, words);
    at += words * 4;
    return bitmap;
  };
  const present = next();
  const planes: (Uint32Array | null)[] = [];
  for (let plane = 0; plane < PLANES; plane++) {
    const kind = bytes[KINDS_AT + 1 + plane];
    planes.push(kind === EMPTY ? null : kind === FULL ? present : next());
  }
  return { firstWord, words, present, planes };
}

function writePiece(writer: ByteWriter, firstWord: number, words: number, present: Uint32Array, planes: readonly Uint32Array[]): void {
  writer.u16(firstWord).u16(words).u8(RAW);
  const kinds = planes.map((plane) => kindOf(plane, present, words));
  for (const kind of kinds) writer.u8(kind);
  writer.align(BODY_AT);
  writeBitmap(writer, present, words);
  planes.forEach((plane, i) => {
    if (kinds[i] === RAW) writeBitmap(writer, plane, words);
  });
}

function kindOf(plane: Uint32Array, present: Uint32Array, words: number): number {
  let empty = true;
  let full = true;
  for (let i = 0; i < words; i++) {
    if (plane[i] !== 0) empty = false;
    if (plane[i] !== present[i]) full = false;
  }
  return empty ? EMPTY : full ? FULL : RAW;
}

function writeBitmap(writer: ByteWriter, bitmap: Uint32Array, words: number): void {
  writer.bytes(new Uint8Array(bitmap.buffer, bitmap.byteOffset, words * 4));
}

export class RangePlanes {
  private docs: number[] = [];
  private values: number[] = [];
  private frozenDocs: number[] = [];
  private frozenValues: number[] = [];
  private readonly reader: BucketReader;
  /** By chunk: a range filter over a million objects would otherwise read and check some 7 MB each time. */
  private readonly cache = new Map<number, readonly Piece[]>();
  private cacheBytes = 0;

  constructor(reader: BucketReader) {
    this.reader = reader;
  }

  get bytes(): number {
    return this.docs.length * 16;
  }

  add(docID: number, value: number): void {
    this.docs.push(docID);
    this.values.push(value);
  }

  /** Sets in `into` the bits of docIDs (dead ones included) whose value stands in that relation to `value`. */
  compare(operator: RangeOperator, value: number, into: Uint32Array): void {
    const chunks = Math.ceil((into.length * 32) / CHUNK_DOCS);
    for (let chunk = 0; chunk < chunks; chunk++)
      for (const piece of this.piecesOf(chunk)) comparePiece(piece, (chunk * CHUNK_DOCS) >>> 5, operator, value, into);
    compareTail(this.frozenDocs, this.frozenValues, operator, value, into);
    compareTail(this.docs, this.values, operator, value, into);
  }

  /** A merge only drops dead docIDs, so pieces read before it stay right; a flush adds some, so it ends the cache. */
  private piecesOf(chunk: number): readonly Piece[] {
    const known = this.cache.get(chunk);
    if (known) return known;
    const values = this.reader.getAll(keyOfU32(chunk));
    const bytes = values.reduce((sum, value) => sum + value.length, 0);
    if (this.cacheBytes + bytes > CACHE_BYTES_MAX) return values.map(readPiece);
    const pieces = values.map((value) => readPiece(value.slice()));
    this.cache.set(chunk, pieces);
    this.cacheBytes += bytes;
    return pieces;
  }

  freeze(live: DocSet): SortedEntries | null {
    this.frozenDocs = [...this.frozenDocs, ...this.docs];
    this.frozenValues = [...this.frozenValues, ...this.values];
    this.docs = [];
    this.values = [];
    const docs = this.frozenDocs;
    const values = this.frozenValues;
    if (!docs.some((docID) => live.has(docID))) return null;
    const writer = new ByteWriter();
    let at = 0;
    const next = (): ReturnType<SortedEntries['next']> => {
      if (at >= docs.length) return null;
      const chunk = Math.floor(docs[at] / CHUNK_DOCS);
      const from = at;
      while (at < docs.length && docs[at] < (chunk + 1) * CHUNK_DOCS) at++;
      writer.clear();
      writeRows(writer, docs, values, from, at, live);
      return { key: keyOfU32(chunk), value: writer.finish() };
    };
    return { next };
  }

  flushed(): void {
    this.cache.clear();
    this.cacheBytes = 0;
    this.frozenDocs = [];
    this.frozenValues = [];
  }
}

function writeRows(writer: ByteWriter, docs: readonly number[], values: readonly number[], from: number, to: number, live: DocSet): void {
  const firstWord = (docs[from] % CHUNK_DOCS) >>> 5;
  const words = ((docs[to - 1] % CHUNK_DOCS) >>> 5) - firstWord + 1;
  const present = new Uint32Array(words);
  const planes = Array.from({ length: PLANES }, () => new Uint32Array(words));
  for (let i = from; i < to; i++) {
    if (!live.has(docs[i])) continue;
    const word = ((docs[i] % CHUNK_DOCS) >>> 5) - firstWord;
    const bit = 1 << (docs[i] & 31);
    present[word] |= bit;
    const [high, low] = orderedBits(values[i]);
    for (let plane = 0; plane < 32; plane++) {
      if ((high >>> (31 - plane)) & 1) planes[plane][word] |= bit;
      if ((low >>> (31 - plane)) & 1) planes[32 + plane][word] |= bit;
    }
  }
  writePiece(writer, firstWord, words, present, planes);
}

function compareTail(docs: readonly number[], values: readonly number[], operator: RangeOperator, bound: number, into: Uint32Array): void {
  for (let i = 0; i < docs.length; i++) {
    const value = values[i];
    const holds =
      operator === 'equal'
        ? value === bound
        : operator === 'greaterThan'
          ? value > bound
          : operator === 'greaterOrEqual'
            ? value >= bound
            : operator === 'lessThan'
              ? value < bound
              : value <= bound;
    if (holds) into[docs[i] >>> 5] |= 1 << (docs[i] & 31);
  }
}

const result = new Uint32Array(CHUNK_DOCS / 32);
const above = new Uint32Array(CHUNK_DOCS / 32);

function comparePiece(piece: Piece, chunkWord: number, operator: RangeOperator, value: number, into: Uint32Array): void {
  const [high, low] = orderedBits(value);
  const { words, present } = piece;
  const at = chunkWord + piece.firstWord;
  const exclusive = operator === 'greaterThan' || operator === 'lessOrEqual';
  atLeast(piece, exclusive ? successor(high, low) : [high, low], result);
  if (operator === 'greaterThan' || operator === 'greaterOrEqual') {
    for (let i = 0; i < words; i++) into[at + i] |= result[i];
  } else if (operator === 'lessThan' || operator === 'lessOrEqual') {
    for (let i = 0; i < words; i++) into[at + i] |= present[i] & ~result[i];
  } else {
    atLeast(piece, successor(high, low), above);
    for (let i = 0; i < words; i++) into[at + i] |= result[i] & ~above[i];
  }
}

/** The next greater 64-bit number; the greatest has none, and no value is that great (it would be a NaN). */
function successor(high: number, low: number): [number, number] {
  return low === 0xffffffff ? [(high + 1) >>> 0, 0] : [high, low + 1];
}

/**
 * Bits of the docIDs whose value is at least the bound: from the lowest plane up, a set bit of the bound keeps what the plane
 * has, a clear one adds it. A plane that is empty or full decides without its neighbours below, so the walk begins at the
 * highest of those.
 */
function atLeast(piece: Piece, [high, low]: [number, number], into: Uint32Array): void {
  const { words, present, planes } = piece;
  const bit = (plane: number): number => (plane < 32 ? (high >>> (31 - plane)) & 1 : (low >>> (63 - plane)) & 1);
  let first = PLANES;
  let full = true;
  for (let plane = 0; plane < PLANES; plane++) {
    const decides = planes[plane] === null ? bit(plane) === 1 : planes[plane] === present && bit(plane) === 0;
    if (!decides) continue;
    first = plane;
    full = planes[plane] === present;
    break;
  }
  if (full) into.set(present);
  else into.fill(0, 0, words);
  for (let plane = first - 1; plane >= 0; plane--) {
    const bitmap = planes[plane];
    if (bitmap === null || bitmap === present) continue;
    if (bit(plane) === 1) for (let i = 0; i < words; i++) into[i] &= bitmap[i];
    else for (let i = 0; i < words; i++) into[i] |= bitmap[i];
  }
}

/** Pieces of one chunk laid over each other, without dead docIDs. */
export function planesMerge(live: DocSet): MergeOperator {
  const writer = new ByteWriter();
  return {
    kind: 'merge',
    merge(key, newestFirst) {
      const pieces = newestFirst.map(readPiece);
      const firstWord = Math.min(...pieces.map((piece) => piece.firstWord));
      const words = Math.max(...pieces.map((piece) => piece.firstWord + piece.words)) - firstWord;
      const chunkWord = (u32OfKey(key) * CHUNK_DOCS) >>> 5;
      const present = new Uint32Array(words);
      for (const piece of pieces) overlay(present, piece.present, piece.firstWord - firstWord);
      let any = 0;
      for (let i = 0; i < words; i++) any |= present[i] &= live.words[chunkWord + firstWord + i] ?? 0;
      if (any === 0) return null;
      const planes = Array.from({ length: PLANES }, (_, plane) => {
        const merged = new Uint32Array(words);
        for (const piece of pieces) {
          const bitmap = piece.planes[plane];
          if (bitmap) overlay(merged, bitmap, piece.firstWord - firstWord);
        }
        for (let i = 0; i < words; i++) merged[i] &= present[i];
        return merged;
      });
      writer.clear();
      writePiece(writer, firstWord, words, present, planes);
      return writer.finish();
    },
  };
}

function overlay(target: Uint32Array, bits: Uint32Array, at: number): void {
  for (let i = 0; i < bits.length; i++) target[at + i] |= bits[i];
}
