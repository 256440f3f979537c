/**
 * Values as bucket keys whose byte order is the order of the values.
 *
 *   number, int, date := f64, big-endian, sign bit flipped for positive and all bits flipped for negative numbers
 *   boolean           := 0 or 1, one byte
 *   uuid              := its 16 bytes
 *   text term         := UTF-8
 *
 * Minus zero is written as zero. Terms over `TERM_CHARS_MAX` are cut and closed with two hashes of the whole, so that equal
 * values stay equal and a key keeps a bounded length.
 * Called by the inverted index's memtables, filters and facets. Source: the usual order-preserving float encoding.
 */
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { murmur3, uuidBytes, uuidText } from '../core/ids.ts';
import type { ScalarType } from '../schema/collection-schema.ts';

/** A value as the memtable's maps hold it: dates as epoch milliseconds, booleans as 0 or 1, everything else as it is. */
export type TermKey = string | number;

export const TERM_CHARS_MAX = 512;
const CUT_CHARS = 480;

const float = new Float64Array(1);
const halves = new Uint32Array(float.buffer);
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const HIGH = LITTLE_ENDIAN ? 1 : 0;
const LOW = 1 - HIGH;

/** The upper and lower 32 bits of a number's order-preserving form, as unsigned numbers. */
export function orderedBits(value: number): [number, number] {
  float[0] = value + 0;
  if (value === 0) float[0] = 0;
  const negative = halves[HIGH] >>> 31 === 1;
  return negative ? [~halves[HIGH] >>> 0, ~halves[LOW] >>> 0] : [(halves[HIGH] | 0x80000000) >>> 0, halves[LOW]];
}

export function numberOfBits(high: number, low: number): number {
  const positive = high >>> 31 === 1;
  halves[HIGH] = positive ? high & 0x7fffffff : ~high;
  halves[LOW] = positive ? low : ~low;
  return float[0];
}

export function numberKey(value: number): Uint8Array<ArrayBuffer> {
  const [high, low] = orderedBits(value);
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  view.setUint32(0, high);
  view.setUint32(4, low);
  return key;
}

export function numberOfKey(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return numberOfBits(view.getUint32(0), view.getUint32(4));
}

/** The term itself, or a bounded stand-in for a very long one. */
export function boundedTerm(term: string): string {
  if (term.length <= TERM_CHARS_MAX) return term;
  const bytes = utf8(term);
  let cut = CUT_CHARS;
  if ((term.charCodeAt(cut - 1) & 0xfc00) === 0xd800) cut--;
  return `${term.slice(0, cut)}\u0000${murmur3(bytes).toString(16)}.${murmur3(bytes, 0x9747b28c).toString(16)}`;
}

/** A stored JSON value of a scalar type as a memtable key; undefined where it has none (a value of another type). */
export function termKeyOf(type: ScalarType, value: unknown): TermKey | undefined {
  switch (type) {
    case 'int':
    case 'number':
      return typeof value === 'number' ? (value === 0 ? 0 : value) : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? Number(value) : undefined;
    case 'date': {
      const ms = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : NaN;
      return Number.isNaN(ms) ? undefined : ms;
    }
    case 'uuid':
      return typeof value === 'string' ? value.toLowerCase() : undefined;
    case 'text':
      return typeof value === 'string' ? boundedTerm(value) : undefined;
  }
}

export function keyBytes(type: ScalarType, key: TermKey): Uint8Array<ArrayBuffer> {
  switch (type) {
    case 'int':
    case 'number':
    case 'date':
      return numberKey(key as number);
    case 'boolean':
      return new Uint8Array([key as number]);
    case 'uuid':
      return uuidBytes(key as string);
    case 'text':
      return utf8(key as string);
  }
}

export function keyOfBytes(type: ScalarType, bytes: Uint8Array): TermKey {
  switch (type) {
    case 'int':
    case 'number':
    case 'date':
      return numberOfKey(bytes);
    case 'boolean':
      return bytes[0];
    case 'uuid':
      return uuidText(bytes);
    case 'text':
      return fromUtf8(bytes);
  }
}

/** The smallest key above every key that begins with `prefix`, or null when there is none. */
export function keyAfterPrefix(prefix: Uint8Array): Uint8Array | null {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return null;
  const after = prefix.slice(0, end);
  after[end - 1]++;
  return after;
}

/** UTF-8 byte order of two strings. */
export function compareTerms(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return utf16Rank(x) - utf16Rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above every other UTF-16 unit. */
const utf16Rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
