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
import { TermSlots, hashOf } from './term-slots.ts';
import type { TermKey } from './value-key.ts';

export const FREQUENCY_MAX = 65_535;
const NONE = -1;
/** Room at first; small, for a host has a memtable for every bucket of every shard. */
const FIRST_TERMS = 32;
const FIRST_POSTINGS = 64;

export interface DocFrequencies {
  readonly docs: Uint32Array;
  readonly frequencies: Uint32Array;
}

export class TermMemtable {
  private readonly texts = new TermSlots();
  /** Slots of terms that are numbers. A memtable has texts or numbers, not both. */
  private readonly numbers = new Map<number, number>();
  private head = new Int32Array(FIRST_TERMS);
  private counts = new Int32Array(FIRST_TERMS);
  private nets = new Int32Array(FIRST_TERMS);
  private docs = new Uint32Array(FIRST_POSTINGS);
  private frequencies = new Uint16Array(FIRST_POSTINGS);
  private previous = new Int32Array(FIRST_POSTINGS);
  private postings = 0;
  private keyChars = 0;

  get size(): number {
    return this.texts.size + this.numbers.size;
  }
  get bytes(): number {
    return this.postings * 10 + this.size * 64 + this.keyChars;
  }

  /** -1 when the term is not here. */
  private find(key: TermKey): number {
    return typeof key === 'string' ? this.texts.find(key, 0, key.length, hashOf(key)) : (this.numbers.get(key) ?? NONE);
  }

  private slotOf(key: TermKey): number {
    const known = this.find(key);
    if (known !== NONE) return known;
    if (typeof key === 'string') return this.addText(key, hashOf(key));
    const slot = this.numbers.size;
    this.numbers.set(key, slot);
    return this.newSlot(slot, 8);
  }

  private addText(term: string, hash: number): number {
    return this.newSlot(this.texts.add(term, hash), term.length);
  }

  private newSlot(slot: number, keyChars: number): number {
    if (slot === this.head.length) {
      this.head = grown(this.head, Int32Array);
      this.counts = grown(this.counts, Int32Array);
      this.nets = grown(this.nets, Int32Array);
    }
    this.head[slot] = NONE;
    this.keyChars += keyChars;
    return slot;
  }

  add(key: TermKey, docID: number): void {
    this.addTo(this.slotOf(key), docID);
  }

  /** Adds the term that stands at `[start, end)` in `text` and has the hash `hash`. */
  addWithin(text: string, start: number, end: number, hash: number, docID: number): void {
    const slot = this.texts.find(text, start, end, hash);
    this.addTo(slot === NONE ? this.addText(text.substring(start, end), hash) : slot, docID);
  }

  private addTo(slot: number, docID: number): void {
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
    // Found first: a new slot may put a larger array in the place of `nets`.
    const slot = this.slotOf(key);
    this.nets[slot]--;
  }

  has(key: TermKey): boolean {
    return this.find(key) !== NONE;
  }
  /** Adds minus removes. */
  net(key: TermKey): number {
    const slot = this.find(key);
    return slot === NONE ? 0 : this.nets[slot];
  }
  count(key: TermKey): number {
    const slot = this.find(key);
    return slot === NONE ? 0 : this.counts[slot];
  }
  keys(): IterableIterator<TermKey> {
    return this.texts.size > 0 ? this.texts.terms.values() : this.numbers.keys();
  }

  /** Takes over what `later`, whose docIDs are all greater, holds. */
  absorb(later: TermMemtable): void {
    for (const key of later.keys()) {
      const { docs, frequencies } = later.read(key);
      const own = this.slotOf(key);
      const net = this.nets[own] + later.net(key);
      for (let i = 0; i < docs.length; i++) {
        this.add(key, docs[i]);
        this.frequencies[this.head[own]] = frequencies[i];
      }
      this.nets[own] = net;
    }
  }

  /** A term's postings in rising order, copied. */
  read(key: TermKey): DocFrequencies {
    const count = this.count(key);
    const into = { docs: new Uint32Array(count), frequencies: new Uint32Array(count) };
    this.readInto(key, into);
    return into;
  }

  /** Copies a term's postings, in rising order, into arrays with room for `count(key)`; returns how many there are. */
  readInto(key: TermKey, { docs, frequencies }: DocFrequencies): number {
    const slot = this.find(key);
    if (slot === NONE) return 0;
    const count = this.counts[slot];
    let at = this.head[slot];
    for (let i = count - 1; i >= 0; i--) {
      docs[i] = this.docs[at];
      frequencies[i] = this.frequencies[at];
      at = this.previous[at];
    }
    return count;
  }
}

function grown<T extends Int32Array | Uint32Array | Uint16Array>(from: T, make: new (length: number) => T): T {
  const to = new make(from.length * 2);
  to.set(from);
  return to;
}
