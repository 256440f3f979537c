/**
 * Terms numbered in the order they come: a hash table over their characters, so that a term can be looked up where it stands
 * in a longer text, without cutting a string out of it first. Indexing spends most of its time here.
 *
 * Open addressing, at most half full; hash: FNV-1a over UTF-16 units. Single-threaded.
 */

export const HASH_START = 0x811c9dc5 | 0;
/** The hash of a text goes on with one more unit. */
export const hashUnit = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);

export class TermSlots {
  readonly terms: string[] = [];
  private hashes = new Int32Array(32);
  /** Slot + 1 by hash; 0: free. */
  private table = new Int32Array(128);

  get size(): number {
    return this.terms.length;
  }

  /** The slot of `text[start, end)`, whose hash is `hash`; -1 when it has none. */
  find(text: string, start: number, end: number, hash: number): number {
    const { table, hashes, terms } = this;
    const mask = table.length - 1;
    const length = end - start;
    for (let at = mixed(hash) & mask; ; at = (at + 1) & mask) {
      const slot = table[at] - 1;
      if (slot < 0) return -1;
      if (hashes[slot] !== hash) continue;
      const term = terms[slot];
      if (term.length !== length) continue;
      let i = 0;
      while (i < length && term.charCodeAt(i) === text.charCodeAt(start + i)) i++;
      if (i === length) return slot;
    }
  }

  /** Gives a new term the next slot. */
  add(term: string, hash: number): number {
    const slot = this.terms.push(term) - 1;
    if (slot === this.hashes.length) {
      const grown = new Int32Array(slot * 2);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes[slot] = hash;
    if (this.terms.length * 2 > this.table.length) this.rehash();
    else this.enter(slot);
    return slot;
  }

  private enter(slot: number): void {
    const mask = this.table.length - 1;
    let at = mixed(this.hashes[slot]) & mask;
    while (this.table[at] !== 0) at = (at + 1) & mask;
    this.table[at] = slot + 1;
  }

  private rehash(): void {
    this.table = new Int32Array(this.table.length * 2);
    for (let slot = 0; slot < this.terms.length; slot++) this.enter(slot);
  }
}

/** FNV's low bits of short texts are close to each other; the high ones are folded in. */
const mixed = (hash: number): number => hash ^ (hash >>> 15);

export function hashOf(term: string): number {
  let hash = HASH_START;
  for (let i = 0; i < term.length; i++) hash = hashUnit(hash, term.charCodeAt(i));
  return hash;
}
