/**
 * Keeps recently used data blocks in memory under a byte budget; CLOCK eviction (Corbató 1968), so that a hit costs one store.
 *
 * A section keeps its own table from block number to slot and asks here only to put and to look; a slot that was given to
 * another block no longer names this section, so a stale number in the table is a miss.
 */
import { Arena } from './arena.ts';

export interface CacheOwner {
  /** Slot + 1 of each block, 0 where none. Written by the section, never by the cache. */
  readonly slots: Uint32Array;
}

interface Slot {
  owner: CacheOwner | null;
  block: number;
  bytes: Uint8Array;
  used: boolean;
}

const NOTHING = new Uint8Array(0);

export class BlockCache {
  /** Room for blocks about to be read. */
  readonly arena = new Arena();
  private readonly bytesMax: number;
  private readonly slots: Slot[] = [];
  private readonly vacant: number[] = [];
  private hand = 0;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get(owner: CacheOwner, block: number): Uint8Array | null {
    const number = owner.slots[block];
    if (number !== 0) {
      const slot = this.slots[number - 1];
      if (slot.owner === owner && slot.block === block) {
        slot.used = true;
        return slot.bytes;
      }
    }
    return null;
  }

  /** Takes `bytes` over. Blocks larger than an eighth of the budget are not kept. */
  put(owner: CacheOwner, block: number, bytes: Uint8Array): void {
    if (bytes.length > this.bytesMax >>> 3) return;
    this.bytes += bytes.length;
    while (this.bytes > this.bytesMax) this.evictOne();
    const number = this.vacant.pop() ?? this.slots.length;
    if (number === this.slots.length) this.slots.push({ owner: null, block: 0, bytes: NOTHING, used: false });
    const slot = this.slots[number];
    slot.owner = owner;
    slot.block = block;
    slot.bytes = bytes;
    slot.used = false;
    owner.slots[block] = number + 1;
  }

  /** Drops every block of a section that is no longer read. */
  forget(owner: CacheOwner): void {
    for (const number of owner.slots) if (number !== 0 && this.slots[number - 1].owner === owner) this.clear(number - 1);
  }

  private evictOne(): void {
    for (;;) {
      const number = this.hand;
      this.hand = this.hand + 1 >= this.slots.length ? 0 : this.hand + 1;
      const slot = this.slots[number];
      if (slot.owner === null) continue;
      if (slot.used) {
        slot.used = false;
        continue;
      }
      this.clear(number);
      return;
    }
  }

  private clear(number: number): void {
    const slot = this.slots[number];
    this.bytes -= slot.bytes.length;
    slot.owner = null;
    slot.bytes = NOTHING;
    this.vacant.push(number);
  }
}
