/**
 * The keys of a shard in UUID order: the ranges of all virtual shards, merged.
 *
 * Keys begin with the virtual shard, so one range read after another would jump over the whole shard's time in each. UUIDs of
 * version 7 rise with time, and so do docIDs: in this order objects are read about as they were written, block after block.
 *
 * Invariants: UUIDs rise strictly; tombstones are passed over; the entry is borrowed until the next call. A binary heap holds
 * each range's next key, compared by eight bytes of its UUID as two numbers (Knuth, TAOCP 3, 5.2.3), whole on a tie.
 */
import { compareBytes } from '../core/bytes.ts';
import { VIRTUAL_SHARDS } from '../core/ids.ts';
import type { Entry, SortedEntries } from '../lsm/bucket.ts';

/** Where in a key its UUID starts. */
export const UUID_AT = 2;

export class UuidCursor implements SortedEntries {
  private readonly ranges: SortedEntries[] = [];
  private readonly heads: Entry[] = [];
  private readonly highs = new Float64Array(VIRTUAL_SHARDS);
  private readonly lows = new Float64Array(VIRTUAL_SHARDS);
  /** Numbers of ranges that have a head; the smallest is first. */
  private readonly heap: number[] = [];
  /** The range whose head was given out, to be moved on before the next is. */
  private due = -1;

  /** `rangeOf` gives the entries of one virtual shard in key order. */
  constructor(rangeOf: (virtualShard: number) => SortedEntries) {
    for (let number = 0; number < VIRTUAL_SHARDS; number++) {
      this.ranges.push(rangeOf(number));
      if (this.advance(number)) this.heap.push(number);
    }
    for (let at = (this.heap.length >>> 1) - 1; at >= 0; at--) this.sink(at);
  }

  next(): Entry | null {
    if (this.due !== -1) this.replaceFirst();
    if (this.heap.length === 0) return null;
    this.due = this.heap[0];
    return this.heads[this.due];
  }

  private replaceFirst(): void {
    if (!this.advance(this.due)) {
      const last = this.heap.pop()!;
      if (this.heap.length === 0) return;
      this.heap[0] = last;
    }
    this.sink(0);
  }

  /** Takes the range's next entry for its head; false at its end. */
  private advance(number: number): boolean {
    const range = this.ranges[number];
    let entry = range.next();
    while (entry !== null && entry.value === null) entry = range.next();
    this.due = -1;
    if (entry === null) return false;
    this.heads[number] = entry;
    this.highs[number] = numberAt(entry.key, UUID_AT);
    this.lows[number] = numberAt(entry.key, UUID_AT + 4);
    return true;
  }

  private sink(from: number): void {
    const { heap } = this;
    const moving = heap[from];
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.isBefore(heap[child + 1], heap[child])) child++;
      if (!this.isBefore(heap[child], moving)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = moving;
  }

  private isBefore(a: number, b: number): boolean {
    const order = this.highs[a] - this.highs[b] || this.lows[a] - this.lows[b];
    if (order !== 0) return order < 0;
    return compareBytes(this.heads[a].key.subarray(UUID_AT), this.heads[b].key.subarray(UUID_AT)) < 0;
  }
}

function numberAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
