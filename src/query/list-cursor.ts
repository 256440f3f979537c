/**
 * One term's postings on their way through a query: the current block, its decoded docIDs and frequencies, and upper bounds
 * of its blocks' scores. Moves forward only.
 */
import { BLOCK_DOCS } from '../inverted/postings-codec.ts';
import type { DocFrequencies } from '../inverted/term-memtable.ts';
import type { PostingList } from '../inverted/posting-list.ts';
import type { LengthNorm } from './bm25.ts';

/** Steps taken one by one before a binary search pays. */
const GALLOP = 8;

const buffers: DocFrequencies[] = [];
let buffersUsed = 0;

function blockBuffer(): DocFrequencies {
  return (buffers[buffersUsed++] ??= { docs: new Uint32Array(BLOCK_DOCS), frequencies: new Uint32Array(BLOCK_DOCS) });
}

/** Runs a search and takes back the buffers of the cursors it made, which must not be used afterwards. */
export function withCursors<T>(search: () => T): T {
  const before = buffersUsed;
  try {
    return search();
  } finally {
    buffersUsed = before;
  }
}

export class ListCursor {
  readonly list: PostingList;
  /** boost · idf · how well the term matches what was asked. */
  readonly weight: number;
  readonly norm: LengthNorm;
  /** The field and the term, for explanations. */
  readonly path: string;
  readonly term: string;
  /** Which of the query's terms it stands for. */
  slot = 0;
  readonly docs: Uint32Array;
  readonly frequencies: Uint32Array;
  /** Postings of the decoded block, and the next one to use. */
  size = 0;
  at = 0;
  /** Next block, the decoded one included while it lasts; `list.blocks` at the end. */
  block = 0;
  /** Upper bound within the window under way. */
  windowBound = 0;
  /** Blocks that overlap it. */
  windowBlocks = 0;
  private decoded = -1;
  private bounds: Float64Array | null = null;

  constructor(list: PostingList, weight: number, norm: LengthNorm, path: string, term: string) {
    this.path = path;
    this.term = term;
    this.list = list;
    this.weight = weight;
    this.norm = norm;
    const { single } = list;
    const { docs, frequencies } = single ?? blockBuffer();
    this.docs = docs;
    this.frequencies = frequencies;
    if (single === null) return;
    this.decoded = 0;
    this.size = single.docs.length;
  }

  get ended(): boolean {
    return this.block >= this.list.blocks;
  }

  /** A docID no later than the next posting's. */
  get next(): number {
    if (this.ended) return Infinity;
    if (this.decoded === this.block) return this.docs[this.at];
    return this.block === 0 ? 0 : this.list.last(this.block - 1) + 1;
  }

  /** Passes over blocks that end before `docID`. */
  skipTo(docID: number): void {
    while (this.block < this.list.blocks && this.list.last(this.block) < docID) this.block++;
  }

  /** Decodes the current block, once. */
  load(): void {
    if (this.decoded === this.block) return;
    this.decoded = this.block;
    this.size = this.list.read(this.block, this.docs, this.frequencies);
    this.at = 0;
  }

  /** The score a block cannot exceed. */
  private boundOf(block: number): number {
    this.bounds ??= new Float64Array(this.list.blocks).fill(-1);
    if (this.bounds[block] < 0)
      this.bounds[block] = this.weight * this.list.bound(block, (frequency, length) => this.norm.tf(frequency, length));
    return this.bounds[block];
  }

  /** Sets `windowBound` for docIDs in `[from, end)`. */
  boundWindow(from: number, end: number): void {
    this.skipTo(from);
    let bound = 0;
    let block = this.block;
    for (; block < this.list.blocks; block++) {
      if (block > this.block && this.list.last(block - 1) + 1 >= end) break;
      const candidate = this.boundOf(block);
      if (candidate > bound) bound = candidate;
    }
    this.windowBound = bound;
    this.windowBlocks = block - this.block;
  }

  /** The term's frequency in `docID`, 0 if it has none; calls must ask for rising docIDs. */
  frequencyIn(docID: number): number {
    this.skipTo(docID);
    if (this.ended) return 0;
    this.load();
    const { docs, size } = this;
    let at = this.at;
    if (at + GALLOP < size && docs[at + GALLOP] < docID) at = firstNotBelow(docs, at + GALLOP, size, docID);
    else while (at < size && docs[at] < docID) at++;
    this.at = at;
    return at < size && docs[at] === docID ? this.frequencies[at] : 0;
  }

  scoreOf(docID: number, frequency: number): number {
    return this.weight * this.norm.tf(frequency, this.norm.lengths[docID] ?? 0);
  }
}

function firstNotBelow(docs: Uint32Array, from: number, end: number, docID: number): number {
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (docs[middle] < docID) low = middle + 1;
    else high = middle;
  }
  return low;
}
