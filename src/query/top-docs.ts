/**
 * The best k docIDs by score, ties to the smaller UUID. A binary heap with the worst at the root.
 */
export class TopDocs {
  private readonly capacity: number;
  private readonly compareIDs: (a: number, b: number) => number;
  private readonly scores: Float64Array;
  private readonly docs: Uint32Array;
  private size = 0;

  /** `compareIDs` orders docIDs by UUID. */
  constructor(capacity: number, compareIDs: (a: number, b: number) => number) {
    this.capacity = capacity;
    this.compareIDs = compareIDs;
    this.scores = new Float64Array(capacity);
    this.docs = new Uint32Array(capacity);
  }

  /** A score below this cannot enter; minus infinity until there are k. */
  get threshold(): number {
    return this.size < this.capacity ? -Infinity : this.capacity === 0 ? Infinity : this.scores[0];
  }

  private isWorse(i: number, j: number): boolean {
    const difference = this.scores[i] - this.scores[j];
    return difference < 0 || (difference === 0 && this.compareIDs(this.docs[i], this.docs[j]) > 0);
  }

  /** Whether `offer` would take it. */
  wants(docID: number, score: number): boolean {
    if (this.size < this.capacity) return true;
    if (this.capacity === 0 || score < this.scores[0]) return false;
    return score > this.scores[0] || this.compareIDs(docID, this.docs[0]) < 0;
  }

  offer(docID: number, score: number): void {
    if (!this.wants(docID, score)) return;
    if (this.size < this.capacity) {
      this.scores[this.size] = score;
      this.docs[this.size] = docID;
      this.up(this.size++);
    } else {
      this.scores[0] = score;
      this.docs[0] = docID;
      this.down(0, this.size);
    }
  }

  private swap(i: number, j: number): void {
    const score = this.scores[i];
    this.scores[i] = this.scores[j];
    this.scores[j] = score;
    const doc = this.docs[i];
    this.docs[i] = this.docs[j];
    this.docs[j] = doc;
  }

  private up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.isWorse(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private down(from: number, size: number): void {
    let at = from;
    for (;;) {
      let worst = at;
      const left = at * 2 + 1;
      if (left < size && this.isWorse(left, worst)) worst = left;
      if (left + 1 < size && this.isWorse(left + 1, worst)) worst = left + 1;
      if (worst === at) return;
      this.swap(at, worst);
      at = worst;
    }
  }

  /** Best first; empties the heap. */
  take(): { docIDs: Uint32Array; scores: Float64Array } {
    for (let end = this.size - 1; end > 0; end--) {
      this.swap(0, end);
      this.down(0, end);
    }
    return { docIDs: this.docs.slice(0, this.size), scores: this.scores.slice(0, this.size) };
  }
}
