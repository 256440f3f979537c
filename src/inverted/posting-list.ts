/**
 * All postings of one term in one shard as a sequence of blocks, for the query: those of the segments, oldest first, then
 * those of the memtables. Blocks are decoded one at a time, into the caller's arrays.
 *
 * A block's `bound(b, of)` is an upper bound of any function that rises with the frequency and falls with the field's
 * length, BM25's impact among them.
 * Called by one query in one turn: it borrows the segments' bytes.
 */
import { BLOCK_DOCS, BlockTable, readHeader, readShort } from './postings-codec.ts';
import { FREQUENCY_MAX, type DocFrequencies } from './term-memtable.ts';

interface Part {
  /** Number of this part's first block within the list. */
  readonly firstBlock: number;
  readonly table: BlockTable | null;
  readonly arrays: DocFrequencies | null;
}

export class PostingList {
  /** Postings, dead ones included. */
  count = 0;
  /** Adds minus removes: the number of live objects with the term. */
  net = 0;
  blocks = 0;
  private readonly parts: Part[] = [];

  /** Segments from the oldest to the newest. */
  addSegment(value: Uint8Array): void {
    const header = readHeader(value, true);
    this.net += header.net;
    if (header.count === 0) return;
    if (header.count > BLOCK_DOCS) {
      const table = new BlockTable(value, header, true);
      this.push(header.count, table.count, table, null);
      return;
    }
    const docs = new Uint32Array(header.count);
    const frequencies = new Uint32Array(header.count);
    readShort(value, header, docs, frequencies, 0);
    this.push(header.count, 1, null, { docs, frequencies });
  }

  addMemtable(arrays: DocFrequencies, net: number): void {
    this.net += net;
    if (arrays.docs.length > 0) this.push(arrays.docs.length, Math.ceil(arrays.docs.length / BLOCK_DOCS), null, arrays);
  }

  private push(count: number, blocks: number, table: BlockTable | null, arrays: DocFrequencies | null): void {
    this.parts.push({ firstBlock: this.blocks, table, arrays });
    this.count += count;
    this.blocks += blocks;
  }

  private partOf(block: number): Part {
    let at = this.parts.length - 1;
    while (this.parts[at].firstBlock > block) at--;
    return this.parts[at];
  }

  /** The last docID of a block. */
  last(block: number): number {
    const part = this.partOf(block);
    const inner = block - part.firstBlock;
    if (part.table) return part.table.last(inner);
    const { docs } = part.arrays!;
    return docs[Math.min(docs.length, (inner + 1) * BLOCK_DOCS) - 1];
  }

  bound(block: number, of: (frequency: number, length: number) => number): number {
    const { table, firstBlock } = this.partOf(block);
    if (!table) return of(FREQUENCY_MAX, 0);
    const inner = block - firstBlock;
    const largest = table.largest(inner);
    const top = of(largest, table.shortest(inner));
    const rest = table.shortestOfRest(inner);
    return rest === 65_535 ? top : Math.max(top, of(largest >>> 1, rest));
  }

  /** Decodes a block into arrays of at least 128; returns how many postings it has. */
  read(block: number, docs: Uint32Array, frequencies: Uint32Array): number {
    const part = this.partOf(block);
    const inner = block - part.firstBlock;
    if (part.table) return part.table.read(inner, docs, frequencies);
    const from = inner * BLOCK_DOCS;
    const source = part.arrays!;
    const size = Math.min(BLOCK_DOCS, source.docs.length - from);
    for (let i = 0; i < size; i++) {
      docs[i] = source.docs[from + i];
      frequencies[i] = source.frequencies[from + i];
    }
    return size;
  }

  /** The postings as arrays when there is but one block of them, in memory already; else null. Borrowed, not to be written. */
  get single(): DocFrequencies | null {
    return this.blocks === 1 ? this.parts[0].arrays : null;
  }

  /** Calls back with every docID, dead ones included. */
  forEach(each: (docID: number) => void): void {
    const docs = new Uint32Array(BLOCK_DOCS);
    const frequencies = new Uint32Array(BLOCK_DOCS);
    for (let block = 0; block < this.blocks; block++) {
      const size = this.read(block, docs, frequencies);
      for (let i = 0; i < size; i++) each(docs[i]);
    }
  }
}
