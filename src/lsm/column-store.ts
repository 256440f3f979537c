/** The vector columns of one shard: rows by named vector and docID. Newer columns hide older rows of the same docID. */
import { ColumnCursor } from './column-format.ts';
import { lossIn } from './section-reader.ts';
import type { VersionSource } from './store-version.ts';

interface ColumnRules {
  readonly keep: (docID: number) => boolean;
  readonly keptRows: () => number;
}

export class ColumnStore {
  private readonly source: VersionSource;
  private readonly rules = new Map<number, ColumnRules>();

  constructor(source: VersionSource) {
    this.source = source;
  }

  /** Which rows merges keep, and how many there are of them: without it every row is kept. */
  register(ordinal: number, rules: ColumnRules): void {
    this.rules.set(ordinal, rules);
  }

  /** Copies the row of a docID into `into`; false when no column has one. `Corruption` when its page is damaged. */
  read(ordinal: number, docID: number, into: Float32Array): boolean {
    const columns = this.source.version.columnsOf(ordinal);
    for (let i = 0; i < columns.length; i++) {
      const row = columns[i].rowOf(docID);
      if (row === -1) continue;
      columns[i].read(row, into);
      return true;
    }
    return false;
  }

  has(ordinal: number, docID: number): boolean {
    return this.source.version.columnsOf(ordinal).some((column) => column.rowOf(docID) !== -1);
  }

  /** Calls back with every row in docID order within each column, newest column first; the row is borrowed. */
  forEach(ordinal: number, each: (docID: number, row: Float32Array) => void): void {
    const columns = this.source.version.columnsOf(ordinal);
    columns.forEach((column, at) => {
      const newer = columns
        .slice(0, at)
        .filter(({ firstDocID, lastDocID }) => firstDocID <= column.lastDocID && column.firstDocID <= lastDocID);
      const row = new Float32Array(column.dimensions);
      const bytes = new Uint8Array(row.buffer);
      const cursor = new ColumnCursor(column);
      while (cursor.next()) {
        if (newer.some((other) => other.rowOf(cursor.docID) !== -1)) continue;
        bytes.set(cursor.source.subarray(cursor.sourceAt, cursor.sourceAt + bytes.length));
        each(cursor.docID, row);
      }
    });
  }

  /** Calls back with the docID of every row, dead and hidden ones included, without reading the rows. */
  forEachDocID(ordinal: number, each: (docID: number) => void): void {
    for (const column of this.source.version.columnsOf(ordinal)) for (let row = 0; row < column.rows; row++) each(column.docIDAt(row));
  }

  /** Rows in all columns, dead and hidden ones included. */
  rows(ordinal: number): number {
    return this.source.version.columnsOf(ordinal).reduce((sum, column) => sum + column.rows, 0);
  }

  bytes(ordinal: number): number {
    return this.source.version.columnsOf(ordinal).reduce((sum, column) => sum + column.container.ref.byteLength, 0);
  }

  keepOf(ordinal: number): (docID: number) => boolean {
    return this.rules.get(ordinal)?.keep ?? (() => true);
  }

  keptRowsOf(ordinal: number): number | null {
    return this.rules.get(ordinal)?.keptRows() ?? null;
  }

  /** Reads and checks every column, a page at a time; yields what is wrong with the page, or null. */
  *check(): IterableIterator<string | null> {
    for (const column of this.source.version.columns) {
      let pages = 0;
      yield lossIn(() => {
        column.container.readHeader();
        pages = column.pages;
      });
      for (let page = 0; page < pages && !column.container.retired; page++) yield lossIn(() => column.verifyPage(page));
    }
  }
}
