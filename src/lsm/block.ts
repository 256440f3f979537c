/**
 * The data block: sorted entries with shared key prefixes, restart points, and a checksum. Layout: `docs/format/segment.md`.
 *
 *   block := entry* | restart u32* | restart count u32 | crc u32
 *   entry := shared varint | unshared varint | tag varint | unshared key bytes | value
 *   tag   := 0 tombstone | 1 value kept apart (offset u32, length u32, crc u32) | n + 2 inline value of n bytes
 *
 * Invariants: keys rise strictly; the entry at a restart shares nothing. Source: LevelDB `table_format.md`, with the tag in
 * place of a value length. Hot loops here keep their position in a module variable, so that nothing is allocated.
 */
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';

/** Reaches the disk. */
export const TAG_TOMBSTONE = 0;
export const TAG_APART = 1;
export const TAG_INLINE = 2;
/** Bytes of a pointer to a value kept apart. */
export const APART_BYTES = 12;

const RESTART_ENTRIES = 16;
const RESTART_BYTES = 512;
const TRAILER_BYTES = 8;
/** What there is before there is a key, a value or a block. */
export const NO_BYTES = new Uint8Array(0);

/** Seed of every checksum inside container `id`, at logical offset `at`. */
export function blockSeed(hostSeed: number, id: number, at: number): number {
  return (hostSeed ^ Math.imul(id, 0x9e3779b1) ^ Math.imul(at + 1, 0x85ebca6b)) >>> 0;
}

export class BlockBuilder {
  private buffer = new Uint8Array(16 << 10);
  private view = new DataView(this.buffer.buffer);
  private last = new Uint8Array(256);
  private lastLength = 0;
  private restarts: number[] = [];
  private sinceRestart = 0;
  private restartAt = 0;
  /** Bytes of entries so far. */
  length = 0;
  entries = 0;

  /** The last key added, borrowed. */
  get lastKey(): Uint8Array {
    return this.last.subarray(0, this.lastLength);
  }

  /** Adds an entry; the key must be above the last one. */
  add(key: Uint8Array, tag: number, value: Uint8Array | null): void {
    const valueBytes = value === null ? 0 : value.length;
    this.room(key.length + valueBytes + 16);
    const isRestart = this.entries === 0 || this.sinceRestart >= RESTART_ENTRIES || this.length - this.restartAt >= RESTART_BYTES;
    let shared = 0;
    if (isRestart) {
      this.restarts.push(this.length);
      this.restartAt = this.length;
      this.sinceRestart = 0;
    } else {
      const most = Math.min(key.length, this.lastLength);
      while (shared < most && key[shared] === this.last[shared]) shared++;
    }
    this.varint(shared);
    this.varint(key.length - shared);
    this.varint(tag);
    const buffer = this.buffer;
    let at = this.length;
    for (let i = shared; i < key.length; i++) buffer[at++] = key[i];
    if (value !== null) buffer.set(value, at);
    this.length = at + valueBytes;
    this.remember(key);
    this.entries++;
    this.sinceRestart++;
  }

  /** The finished block, borrowed until the next `add`; clears the builder. */
  finish(seed: number): Uint8Array {
    this.room(this.restarts.length * 4 + TRAILER_BYTES);
    let at = this.length;
    for (const restart of this.restarts) {
      this.view.setUint32(at, restart, true);
      at += 4;
    }
    this.view.setUint32(at, this.restarts.length, true);
    this.view.setUint32(at + 4, crc32c(this.buffer, seed, 0, at + 4), true);
    this.length = 0;
    this.entries = 0;
    this.restarts = [];
    this.sinceRestart = 0;
    this.restartAt = 0;
    return this.buffer.subarray(0, at + TRAILER_BYTES);
  }

  private remember(key: Uint8Array): void {
    if (key.length > this.last.length) this.last = new Uint8Array(key.length * 2);
    this.last.set(key);
    this.lastLength = key.length;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.length + bytes, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }
}

/** Throws `Corruption` unless the block's checksum and its table of restarts hold. */
export function checkBlock(block: Uint8Array, seed: number, what: () => string): void {
  const end = block.length - 4;
  const sound = block.length >= TRAILER_BYTES + 4 && u32(block, end) === crc32c(block, seed, 0, end) && entriesEnd(block) >= 0;
  if (!sound) throw new HeddleError('Corruption', `${what()} fails its checksum`);
}

/** Offset where the entries of a block end. */
export function entriesEnd(block: Uint8Array): number {
  return block.length - TRAILER_BYTES - u32(block, block.length - TRAILER_BYTES) * 4;
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Position of the varint reader below; a module variable so that hot loops allocate nothing. */
let position = 0;

function varintAt(bytes: Uint8Array): number {
  let byte = bytes[position++];
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  let shift = 7;
  do {
    byte = bytes[position++];
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80);
  return value >>> 0;
}

/** What the last successful `findInBlock` found: the entry's tag and where its value starts. */
export const found = { tag: 0, valueAt: 0 };

/** Looks `key` up; true with the place in `found`. */
export function findInBlock(block: Uint8Array, key: Uint8Array): boolean {
  const end = entriesEnd(block);
  const start = restartBefore(block, end, key);
  position = start;
  let matched = 0;
  while (position < end) {
    const shared = varintAt(block);
    const unshared = varintAt(block);
    const tag = varintAt(block);
    const suffixAt = position;
    const valueAt = suffixAt + unshared;
    position = valueAt + valueBytesOf(tag);
    if (shared > matched) continue;
    if (shared < matched) return false;
    const most = Math.min(unshared, key.length - matched);
    let i = 0;
    while (i < most && block[suffixAt + i] === key[matched + i]) i++;
    if (i < most) {
      if (block[suffixAt + i] > key[matched + i]) return false;
      matched += i;
      continue;
    }
    if (unshared > key.length - matched) return false;
    matched += i;
    if (matched === key.length) {
      found.tag = tag;
      found.valueAt = valueAt;
      return true;
    }
  }
  return false;
}

/** Offset of the last restart whose key is at or below `key` (the first restart when there is none). */
function restartBefore(block: Uint8Array, end: number, key: Uint8Array): number {
  let low = 0;
  let high = u32(block, block.length - TRAILER_BYTES) - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    position = u32(block, end + middle * 4) + 1;
    const length = varintAt(block);
    varintAt(block);
    if (compareAt(block, position, length, key) <= 0) low = middle;
    else high = middle - 1;
  }
  return u32(block, end + low * 4);
}

function compareAt(bytes: Uint8Array, at: number, length: number, key: Uint8Array): number {
  const most = Math.min(length, key.length);
  for (let i = 0; i < most; i++) {
    const difference = bytes[at + i] - key[i];
    if (difference !== 0) return difference;
  }
  return length - key.length;
}

export function valueBytesOf(tag: number): number {
  return tag >= TAG_INLINE ? tag - TAG_INLINE : tag === TAG_APART ? APART_BYTES : 0;
}

/** Walks a block's entries in order; `key` holds the current one in its first `keyLength` bytes. */
export class BlockWalker {
  private block: Uint8Array = NO_BYTES;
  private at = 0;
  private end = 0;
  key = new Uint8Array(64);
  keyLength = 0;
  tag = 0;
  valueAt = 0;

  /** The block being walked. */
  get source(): Uint8Array {
    return this.block;
  }

  open(block: Uint8Array): void {
    this.block = block;
    this.at = 0;
    this.end = entriesEnd(block);
    this.keyLength = 0;
  }

  /** Starts at the first entry at or above `key`. */
  seek(key: Uint8Array): boolean {
    this.at = restartBefore(this.block, this.end, key);
    this.keyLength = 0;
    while (this.next()) if (compareAt(this.key, 0, this.keyLength, key) >= 0) return true;
    return false;
  }

  next(): boolean {
    if (this.at >= this.end) return false;
    const block = this.block;
    position = this.at;
    const shared = varintAt(block);
    const unshared = varintAt(block);
    this.tag = varintAt(block);
    const length = shared + unshared;
    if (length > this.key.length) {
      const grown = new Uint8Array(length * 2);
      grown.set(this.key.subarray(0, shared));
      this.key = grown;
    }
    const key = this.key;
    let from = position;
    for (let i = shared; i < length; i++) key[i] = block[from++];
    this.keyLength = length;
    this.valueAt = from;
    this.at = from + valueBytesOf(this.tag);
    return true;
  }
}
