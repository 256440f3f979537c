/**
 * The memtable of a `replace` bucket: newest value or tombstone of each key written since the last flush.
 *
 * Invariants:
 * - Keys and values are copied into one growing arena; an overwritten value stays in it until the table is dropped, so
 *   borrowed values never change.
 * - A hash table finds keys; order is made when someone asks for it (scan, flush) and kept until a new key comes. Keys that
 *   arrive in rising order, as docIDs do, need no sorting.
 * - A cursor walks the keys there were when it was made, with the values there are when it gets to them.
 */
import { compareBytes } from '../core/bytes.ts';
import type { Entry, SortedEntries } from './bucket.ts';

const TOMBSTONE = 0xffff_ffff;
const FIRST_ENTRIES = 64;

export class ReplaceMemtable {
  private arena = new Uint8Array(2 << 10);
  private used = 0;
  /** Entry i: where its key starts, its length, its first four bytes as a number; where its value starts, its length. */
  private keyAt = new Uint32Array(FIRST_ENTRIES);
  private keyLength = new Uint32Array(FIRST_ENTRIES);
  private prefix = new Uint32Array(FIRST_ENTRIES);
  private valueAt = new Uint32Array(FIRST_ENTRIES);
  private valueLength = new Uint32Array(FIRST_ENTRIES);
  private table = new Int32Array(FIRST_ENTRIES * 2);
  private count = 0;
  private order: Uint32Array = new Uint32Array(0);
  private isRising = true;

  /** Keys in the table, tombstones included. */
  get size(): number {
    return this.count;
  }

  /** Bytes of memory that the table takes. */
  get bytes(): number {
    return this.used + this.count * 36;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.set(key, value);
  }

  delete(key: Uint8Array): void {
    this.set(key, null);
  }

  /** The value, null for a tombstone, undefined for a key that is not here. Borrowed; it never changes. */
  get(key: Uint8Array): Uint8Array | null | undefined {
    const slot = this.find(key);
    const entry = this.table[slot] - 1;
    return entry === -1 ? undefined : this.valueOf(entry);
  }

  /** Entries with `from <= key < to` in key order, tombstones as null; borrowed until the next call. */
  scan(from: Uint8Array | null, to: Uint8Array | null): SortedEntries {
    const order = this.sorted();
    const start = from === null ? 0 : this.lowerBound(order, from);
    const end = to === null ? order.length : this.lowerBound(order, to);
    return this.walk(order, start, end);
  }

  /** Whether a key (or tombstone) with `from <= key < to` is here. */
  hasBetween(from: Uint8Array, to: Uint8Array): boolean {
    const order = this.sorted();
    const at = this.lowerBound(order, from);
    return at < order.length && compareBytes(this.keyOf(order[at]), to) < 0;
  }

  entries(): SortedEntries {
    return this.scan(null, null);
  }

  private walk(order: Uint32Array, start: number, end: number): SortedEntries {
    const out: { key: Uint8Array; value: Uint8Array | null } = { key: this.arena, value: null };
    let at = start;
    return {
      next: (): Entry | null => {
        if (at >= end) return null;
        const entry = order[at++];
        out.key = this.keyOf(entry);
        out.value = this.valueOf(entry);
        return out;
      },
    };
  }

  private set(key: Uint8Array, value: Uint8Array | null): void {
    const slot = this.find(key);
    let entry = this.table[slot] - 1;
    if (entry === -1) entry = this.insert(slot, key);
    this.valueLength[entry] = value === null ? TOMBSTONE : value.length;
    this.valueAt[entry] = value === null ? 0 : this.copy(value);
  }

  private insert(slot: number, key: Uint8Array): number {
    const entry = this.count++;
    if (entry === this.keyAt.length) this.growEntries();
    if (this.isRising && entry > 0 && compareBytes(key, this.keyOf(entry - 1)) <= 0) this.isRising = false;
    this.keyAt[entry] = this.copy(key);
    this.keyLength[entry] = key.length;
    this.prefix[entry] = ((key[0] << 24) | (key[1] << 16) | (key[2] << 8) | key[3]) >>> 0;
    this.table[slot] = entry + 1;
    if (this.count * 2 > this.table.length) this.rehash();
    return entry;
  }

  private copy(bytes: Uint8Array): number {
    const at = this.used;
    const end = at + bytes.length;
    if (end > this.arena.length) {
      const grown = new Uint8Array(Math.max(end, this.arena.length * 2));
      grown.set(this.arena.subarray(0, at));
      this.arena = grown;
    }
    this.arena.set(bytes, at);
    this.used = end;
    return at;
  }

  private keyOf(entry: number): Uint8Array {
    const at = this.keyAt[entry];
    return this.arena.subarray(at, at + this.keyLength[entry]);
  }

  private valueOf(entry: number): Uint8Array | null {
    const length = this.valueLength[entry];
    const at = this.valueAt[entry];
    return length === TOMBSTONE ? null : this.arena.subarray(at, at + length);
  }

  /** Slot of the key, or the free one where it belongs. */
  private find(key: Uint8Array): number {
    const table = this.table;
    const mask = table.length - 1;
    for (let slot = hashOf(key, 0, key.length) & mask; ; slot = (slot + 1) & mask) {
      const entry = table[slot] - 1;
      if (entry === -1 || this.hasKey(entry, key)) return slot;
    }
  }

  private hasKey(entry: number, key: Uint8Array): boolean {
    if (this.keyLength[entry] !== key.length) return false;
    const arena = this.arena;
    const at = this.keyAt[entry];
    for (let i = key.length - 1; i >= 0; i--) if (arena[at + i] !== key[i]) return false;
    return true;
  }

  private growEntries(): void {
    this.keyAt = doubled(this.keyAt);
    this.keyLength = doubled(this.keyLength);
    this.prefix = doubled(this.prefix);
    this.valueAt = doubled(this.valueAt);
    this.valueLength = doubled(this.valueLength);
  }

  private rehash(): void {
    const table = new Int32Array(this.table.length * 2);
    const mask = table.length - 1;
    for (let entry = 0; entry < this.count; entry++) {
      const at = this.keyAt[entry];
      let slot = hashOf(this.arena, at, at + this.keyLength[entry]) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = entry + 1;
    }
    this.table = table;
  }

  private sorted(): Uint32Array {
    if (this.order.length === this.count) return this.order;
    const order = new Uint32Array(this.count);
    for (let i = 0; i < order.length; i++) order[i] = i;
    if (!this.isRising) order.sort((a, b) => this.prefix[a] - this.prefix[b] || compareBytes(this.keyOf(a), this.keyOf(b)));
    this.order = order;
    return order;
  }

  /** First position in `order` whose key is at or above `key`. */
  private lowerBound(order: Uint32Array, key: Uint8Array): number {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.keyOf(order[middle]), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(array.length * 2);
  grown.set(array);
  return grown;
}

/** FNV-1a, then a final mix so that the low bits depend on all of them. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
