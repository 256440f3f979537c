/**
 * The memtable of one inverted bucket: for every term the docIDs that have it, with term frequencies.
 *
 * Postings of all terms share three growing columns; a term's postings are a chain through `previous`, newest first. An
 * append costs three array writes and no allocation, whatever the term.
 *
 * Invariants: docIDs rise; a term has a docID at most once (a repetition raises its frequency); `net` counts adds minus
 * removes, also of postings that lie in segments.
 * Called by the inverted index only, single-threaded.
 */
import type { TermKey } from './value-key.ts';

export const FREQUENCY_MAX = 65_535;
const NONE = -1;

export interface DocFrequencies {
  readonly docs: Uint32Array;
  readonly frequencies: Uint32Array;
}

export class TermMemtable {
  private readonly slots = new Map<TermKey, number>();
  private head = new Int32Array(256);
  private counts = new Int32Array(256);
  private nets = new Int32Array(256);
  private docs = new Uint32Array(1024);
  private frequencies = new Uint16Array(1024);
  private previous = new Int32Array(1024);
  private postings = 0;
  private keyChars = 0;

  get size(): number {
    return this.slots.size;
  }
  get bytes(): number {
    return this.postings * 10 + this.slots.size * 64 + this.keyChars;
  }

  private slotOf(key: TermKey): number {
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = this.slots.size;
      if (slot === this.head.length) {
        this.head = grown(this.head, Int32Array);
        this.counts = grown(this.counts, Int32Array);
        this.nets = grown(this.nets, Int32Array);
      }
      this.slots.set(key, slot);
      this.head[slot] = NONE;
      this.keyChars += typeof key === 'string' ? key.length : 8;
    }
    return slot;
  }

  add(key: TermKey, docID: number): void {
    const slot = this.slotOf(key);
    const last = this.head[slot];
    if (last !== NONE && this.docs[last] === docID) {
      if (this.frequencies[last] < FREQUENCY_MAX) this.frequencies[last]++;
      return;
    }
    const at = this.postings++;
    if (at === this.docs.length) {
      this.docs = grown(this.docs, Uint32Array);
      this.frequencies = grown(this.frequencies, Uint16Array);
      this.previous = grown(this.previous, Int32Array);
    }
    this.docs[at] = docID;
    this.frequencies[at] = 1;
    this.previous[at] = last;
    this.head[slot] = at;
    this.counts[slot]++;
    this.nets[slot]++;
  }

  /** One object fewer has the term; its posting is skipped because its docID is no longer live. */
  subtract(key: TermKey): void {
    this.nets[this.slotOf(key)]--;
  }

  has(key: TermKey): boolean {
    return this.slots.has(key);
  }
  /** Adds minus removes. */
  net(key: TermKey): number {
    const slot = this.slots.get(key);
    return slot === undefined ? 0 : this.nets[slot];
  }
  count(key: TermKey): number {
    const slot = this.slots.get(key);
    return slot === undefined ? 0 : this.counts[slot];
  }
  keys(): IterableIterator<TermKey> {
    return this.slots.keys();
  }

  /** Takes over what `later`, whose docIDs are all greater, holds. */
  absorb(later: TermMemtable): void {
    for (const [key, slot] of later.slots) {
      const { docs, frequencies } = later.read(key);
      const own = this.slotOf(key);
      const net = this.nets[own] + later.nets[slot];
      for (let i = 0; i < docs.length; i++) {
        this.add(key, docs[i]);
        this.frequencies[this.head[own]] = frequencies[i];
      }
      this.nets[own] = net;
    }
  }

  /** A term's postings in rising order, copied. */
  read(key: TermKey): DocFrequencies {
    const slot = this.slots.get(key);
    const count = slot === undefined ? 0 : this.counts[slot];
    const docs = new Uint32Array(count);
    const frequencies = new Uint32Array(count);
    let at = slot === undefined ? NONE : this.head[slot];
    for (let i = count - 1; i >= 0; i--) {
      docs[i] = this.docs[at];
      frequencies[i] = this.frequencies[at];
      at = this.previous[at];
    }
    return { docs, frequencies };
  }
}

function grown<T extends Int32Array | Uint32Array | Uint16Array>(from: T, make: new (length: number) => T): T {
  const to = new make(from.length * 2);
  to.set(from);
  return to;
}
