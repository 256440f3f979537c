/**
 * A set of docIDs as a growable bitset: the form of every allow-list and of a shard's live documents.
 *
 * Invariants: bits past `capacity` are absent; `words` may be longer than needed and its surplus is zero.
 * `words` is readable (little-endian bit order: docID d is bit d & 31 of word d >>> 5) so that the wasm and GPU kernels can
 * take it as it is; only this class writes it.
 */
export class DocSet {
  words: Uint32Array<ArrayBuffer>;

  constructor(capacity = 0) {
    this.words = new Uint32Array((capacity + 31) >>> 5);
  }

  static of(docIDs: Iterable<number>): DocSet {
    const set = new DocSet();
    for (const docID of docIDs) set.add(docID);
    return set;
  }

  /** Adopts `words`; the caller must not write them afterwards. */
  static adopt(words: Uint32Array<ArrayBuffer>): DocSet {
    const set = new DocSet();
    set.words = words;
    return set;
  }

  /** All docIDs below `end`. */
  static below(end: number): DocSet {
    const set = new DocSet(end);
    const whole = end >>> 5;
    set.words.fill(0xffffffff, 0, whole);
    if (end & 31) set.words[whole] = 2 ** (end & 31) - 1;
    return set;
  }

  get capacity(): number {
    return this.words.length * 32;
  }

  private grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }

  add(docID: number): void {
    const word = docID >>> 5;
    if (word >= this.words.length) this.grow(word + 1);
    this.words[word] |= 1 << (docID & 31);
  }
  delete(docID: number): void {
    const word = docID >>> 5;
    if (word < this.words.length) this.words[word] &= ~(1 << (docID & 31));
  }
  has(docID: number): boolean {
    const word = docID >>> 5;
    return word < this.words.length && ((this.words[word] >>> (docID & 31)) & 1) === 1;
  }

  /** Number of docIDs in the set; linear in the capacity. */
  count(): number {
    let total = 0;
    for (const word of this.words) total += popcount(word);
    return total;
  }

  and(other: DocSet): this {
    const shared = Math.min(this.words.length, other.words.length);
    for (let i = 0; i < shared; i++) this.words[i] &= other.words[i];
    this.words.fill(0, shared);
    return this;
  }
  or(other: DocSet): this {
    if (other.words.length > this.words.length) this.grow(other.words.length);
    for (let i = 0; i < other.words.length; i++) this.words[i] |= other.words[i];
    return this;
  }
  andNot(other: DocSet): this {
    const shared = Math.min(this.words.length, other.words.length);
    for (let i = 0; i < shared; i++) this.words[i] &= ~other.words[i];
    return this;
  }
  clone(): DocSet {
    return DocSet.adopt(this.words.slice());
  }

  /** docIDs in rising order. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let i = 0; i < this.words.length; i++) {
      let word = this.words[i];
      while (word !== 0) {
        const low = word & -word;
        yield i * 32 + (31 - Math.clz32(low));
        word ^= low;
      }
    }
  }

  /** docIDs in rising order as one array. */
  toArray(): Uint32Array<ArrayBuffer> {
    const out = new Uint32Array(this.count());
    let n = 0;
    for (let i = 0; i < this.words.length; i++) {
      let word = this.words[i];
      while (word !== 0) {
        const low = word & -word;
        out[n++] = i * 32 + (31 - Math.clz32(low));
        word ^= low;
      }
    }
    return out;
  }
}

export function popcount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  return (Math.imul((w + (w >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24) & 0xff;
}
