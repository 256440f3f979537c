/**
 * Little-endian byte writer and reader with LEB128 varints; the base of every on-disk and wire format.
 *
 * - `ByteWriter` grows its own buffer; `finish()` returns a view, valid until the next write (copy it to keep it).
 * - `ByteReader` borrows its bytes; `bytes(n)` returns a view into them, never a copy.
 * - Reading past the end is `Corruption`: a reader never returns bytes that are not there.
 */
import { HeddleError } from './errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** UTF-8 bytes of `text`. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
/** Text of UTF-8 `bytes`; works on views of shared and plain buffers alike. */
export const fromUtf8 = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Bytes of a LEB128 varint. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

export class ByteWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  /** Bytes written so far. */
  length = 0;

  constructor(capacityBytes = 256) {
    this.buffer = new Uint8Array(capacityBytes);
  }

  /** Makes room for `count` more bytes and returns the offset where they start. */
  reserve(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
      grown.set(this.buffer.subarray(0, at));
      this.buffer = grown;
    }
    this.length = needed;
    return at;
  }

  u8(value: number): this {
    const at = this.reserve(1);
    this.buffer[at] = value;
    return this;
  }
  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }
  u32(value: number): this {
    this.patchU32(this.reserve(4), value);
    return this;
  }
  /** An unsigned integer below 2^53 in eight bytes. */
  u64(value: number): this {
    return this.u32(value >>> 0).u32(Math.floor(value / 0x1_0000_0000));
  }
  /** LEB128, unsigned, below 2^53. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }
  bytes(source: Uint8Array): this {
    const at = this.reserve(source.length);
    this.buffer.set(source, at);
    return this;
  }
  /** Varint length, then the bytes. */
  blob(source: Uint8Array): this {
    return this.varint(source.length).bytes(source);
  }
  /** Varint length in bytes, then UTF-8. */
  text(value: string): this {
    return this.blob(utf8(value));
  }
  /** Zero bytes up to the next multiple of `alignment`. */
  align(alignment: number): this {
    const rest = this.length % alignment;
    if (rest !== 0) {
      const at = this.reserve(alignment - rest);
      this.buffer.fill(0, at, this.length);
    }
    return this;
  }
  /** Overwrites four bytes written before, for lengths and checksums known later. */
  patchU32(at: number, value: number): void {
    const { buffer } = this;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }
  /** The bytes written so far, borrowed: valid until the next write or `clear`. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }
  clear(): void {
    this.length = 0;
  }
}

export class ByteReader {
  readonly source: Uint8Array;
  /** Offset of the next byte to read. */
  at: number;
  readonly end: number;

  constructor(source: Uint8Array, at = 0, end = source.length) {
    this.source = source;
    this.at = at;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  private take(count: number): number {
    const at = this.at;
    if (count < 0 || at + count > this.end)
      throw new HeddleError('Corruption', `read of ${count} bytes at ${at} passes the end at ${this.end}`);
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.source[this.take(1)];
  }
  u16(): number {
    return this.u8() | (this.u8() << 8);
  }
  u32(): number {
    const { source } = this;
    const at = this.take(4);
    return (source[at] | (source[at + 1] << 8) | (source[at + 2] << 16) | (source[at + 3] << 24)) >>> 0;
  }
  u64(): number {
    return this.u32() + this.u32() * 0x1_0000_0000;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.source[this.take(1)];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
      if (scale > 2 ** 49) throw new HeddleError('Corruption', `varint at ${this.at} is longer than 53 bits`);
    }
  }
  /** A view of the next `count` bytes, borrowed. */
  bytes(count: number): Uint8Array {
    const at = this.take(count);
    return this.source.subarray(at, at + count);
  }
  blob(): Uint8Array {
    return this.bytes(this.varint());
  }
  text(): string {
    return fromUtf8(this.blob());
  }
}

/** Appends a float; functions of their own, because few writers need one. */
export function writeFloat(writer: ByteWriter, value: number, bytes: 4 | 8): void {
  writer.bytes(new Uint8Array((bytes === 4 ? Float32Array.of(value) : Float64Array.of(value)).buffer));
}

export function readFloat(reader: ByteReader, bytes: 4 | 8): number {
  const { buffer } = reader.bytes(bytes).slice();
  return (bytes === 4 ? new Float32Array(buffer) : new Float64Array(buffer))[0];
}

/** Lexicographic order of unsigned bytes: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** A four-byte big-endian key, so that byte order is number order. */
export function keyOfU32(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

/** Writes the same into the first four bytes of `key`, which it returns. */
export function putU32Key(key: Uint8Array, value: number): Uint8Array {
  key[0] = value >>> 24;
  key[1] = value >>> 16;
  key[2] = value >>> 8;
  key[3] = value;
  return key;
}

export function u32OfKey(key: Uint8Array): number {
  return ((key[0] << 24) | (key[1] << 16) | (key[2] << 8) | key[3]) >>> 0;
}
