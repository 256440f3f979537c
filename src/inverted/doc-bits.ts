/**
 * A growing bitmap that filters write docIDs into before it becomes a `DocSet`; adding to it is one store, without a call
 * that might grow the set. Sized once for the shard's docIDs.
 */
import { DocSet } from '../core/doc-set.ts';
import { BLOCK_DOCS, BlockTable, readHeader, readShort } from './postings-codec.ts';

const docs = new Uint32Array(BLOCK_DOCS);
const frequencies = new Uint32Array(BLOCK_DOCS);

export class DocBits {
  readonly words: Uint32Array<ArrayBuffer>;

  /** For docIDs below `end`; greater ones are ignored. */
  constructor(end: number) {
    this.words = new Uint32Array((end + 31) >>> 5);
  }

  add(docID: number): void {
    this.words[docID >>> 5] |= 1 << (docID & 31);
  }

  addAll(from: Uint32Array, count: number): void {
    const words = this.words;
    for (let i = 0; i < count; i++) words[from[i] >>> 5] |= 1 << (from[i] & 31);
  }

  /** All postings of one segment's value. */
  addPostings(value: Uint8Array, scored: boolean): void {
    const header = readHeader(value, scored);
    if (header.count <= BLOCK_DOCS) {
      this.addAll(docs, readShort(value, header, docs, scored ? frequencies : null, 0));
      return;
    }
    const table = new BlockTable(value, header, scored);
    for (let block = 0; block < table.count; block++) this.addAll(docs, table.read(block, docs, frequencies));
  }

  /** Hands the words over; this must not be used afterwards. */
  take(): DocSet {
    return DocSet.adopt(this.words);
  }
}
