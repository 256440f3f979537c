/**
 * A vector column's container: rows of one size, sorted by docID, in small checksummed pages. Layout: `docs/format/column.md`.
 *
 *   header 16 | pages | docIDs u32 × rows (absent when dense) | page checksums u32 × pages | footer 24
 *
 * Invariants: docIDs rise strictly; `dense` columns hold every docID from the first on; rows are little-endian f32.
 */
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import { COLUMN_MAGIC, CONTAINER_HEADER_BYTES, ContainerWriter, type ContainerWriterOptions } from './container-writer.ts';
import type { ContainerReader } from './container-reader.ts';
import type { ColumnRef } from './manifest.ts';

const PAGE_BYTES = 4096;
/** rows u32, dimensions u32, first docID u32, dense u32, crc of docIDs u32, crc of page checksums u32. */
const FOOTER_BYTES = 24;

/** Rows of one named vector, sorted by docID. */
export interface ColumnRows {
  readonly ordinal: number;
  readonly dimensions: number;
  /** Rising strictly. */
  readonly docIDs: Uint32Array;
  /** Row-major `[docIDs.length × dimensions]`. */
  readonly rows: Float32Array;
}

export const rowsPerPage = (dimensions: number): number => Math.max(1, Math.floor(PAGE_BYTES / (dimensions * 4)));

/** Bytes that a column of this many rows will take. */
export const columnBytes = (rows: number, dimensions: number): number =>
  CONTAINER_HEADER_BYTES + rows * (dimensions * 4 + 4) + Math.ceil(rows / rowsPerPage(dimensions)) * 4 + FOOTER_BYTES;

/** Writes rows in rising docID order, page by page. */
export class ColumnWriter {
  private readonly out: ContainerWriter;
  private readonly ordinal: number;
  private readonly dimensions: number;
  private readonly page: Uint8Array;
  private pageFilled = 0;
  private docIDs = new Uint32Array(1024);
  private crcs = new Uint32Array(64);
  private pages = 0;
  rows = 0;

  constructor(options: Omit<ContainerWriterOptions, 'magic'>, ordinal: number, dimensions: number) {
    this.out = new ContainerWriter({ ...options, magic: COLUMN_MAGIC });
    this.ordinal = ordinal;
    this.dimensions = dimensions;
    this.page = new Uint8Array(rowsPerPage(dimensions) * dimensions * 4);
  }

  /** Adds a row, copied from `bytes[at, at + dimensions × 4)`. */
  add(docID: number, bytes: Uint8Array, at: number): void {
    if (this.rows === this.docIDs.length) this.docIDs = grown(this.docIDs);
    this.docIDs[this.rows++] = docID;
    const rowBytes = this.dimensions * 4;
    this.page.set(bytes.subarray(at, at + rowBytes), this.pageFilled);
    this.pageFilled += rowBytes;
    if (this.pageFilled === this.page.length) this.endPage();
  }

  /** Null when there were no rows. */
  finish(): ColumnRef | null {
    if (this.rows === 0) {
      this.out.abort();
      return null;
    }
    if (this.pageFilled > 0) this.endPage();
    const ids = this.docIDs.subarray(0, this.rows);
    const isDense = ids[ids.length - 1] - ids[0] === ids.length - 1;
    const idBytes = isDense ? new Uint8Array(0) : new Uint8Array(ids.buffer, 0, ids.length * 4);
    const idCrc = crc32c(idBytes, this.out.seedHere());
    this.out.append(idBytes);
    const crcBytes = new Uint8Array(this.crcs.buffer, 0, this.pages * 4);
    const crcCrc = crc32c(crcBytes, this.out.seedHere());
    this.out.append(crcBytes);
    const footer = new Uint32Array([this.rows, this.dimensions, ids[0], isDense ? 1 : 0, idCrc, crcCrc]);
    return { ordinal: this.ordinal, ...this.out.finish(new Uint8Array(footer.buffer)) };
  }

  abort(): void {
    this.out.abort();
  }

  private endPage(): void {
    if (this.pages === this.crcs.length) this.crcs = grown(this.crcs);
    const bytes = this.page.subarray(0, this.pageFilled);
    this.crcs[this.pages++] = crc32c(bytes, this.out.seedHere());
    this.out.append(bytes);
    this.pageFilled = 0;
  }
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

interface ColumnTable {
  readonly rows: number;
  readonly dimensions: number;
  readonly firstDocID: number;
  readonly lastDocID: number;
  /** Null when dense. */
  readonly docIDs: Uint32Array | null;
  readonly crcs: Uint32Array;
  readonly verified: Uint8Array;
  readonly page: Uint8Array;
}

/** Reads one column container; its tables are loaded at first use, which throws `Corruption` when they are damaged. */
export class ColumnReader {
  readonly container: ContainerReader;
  readonly ordinal: number;
  private loaded: ColumnTable | null = null;

  constructor(container: ContainerReader, ordinal: number) {
    this.container = container;
    this.ordinal = ordinal;
  }

  private get table(): ColumnTable {
    return this.loaded ?? (this.loaded = loadTable(this.container));
  }

  get rows(): number {
    return this.table.rows;
  }
  get dimensions(): number {
    return this.table.dimensions;
  }
  get firstDocID(): number {
    return this.table.firstDocID;
  }
  get lastDocID(): number {
    return this.table.lastDocID;
  }
  get pages(): number {
    return this.table.crcs.length;
  }

  get memoryBytes(): number {
    const table = this.loaded;
    if (table === null) return 0;
    return (table.docIDs?.byteLength ?? 0) + table.crcs.byteLength + table.verified.length + table.page.length;
  }

  docIDAt(row: number): number {
    const { docIDs, firstDocID } = this.table;
    return docIDs === null ? firstDocID + row : docIDs[row];
  }

  /** Number of the docID's row, or -1. */
  rowOf(docID: number): number {
    const { docIDs, firstDocID, lastDocID } = this.table;
    if (docID < firstDocID || docID > lastDocID) return -1;
    if (docIDs === null) return docID - firstDocID;
    let low = 0;
    let high = docIDs.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (docIDs[middle] < docID) low = middle + 1;
      else high = middle;
    }
    return docIDs[low] === docID ? low : -1;
  }

  /** Copies the row into `into` (`dimensions` floats); its page is verified when this session first touches it. */
  read(row: number, into: Float32Array): void {
    const { dimensions, rows, verified, page: scratch } = this.table;
    const rowBytes = dimensions * 4;
    const bytes = new Uint8Array(into.buffer, into.byteOffset, rowBytes);
    const perPage = rowsPerPage(dimensions);
    const number = Math.floor(row / perPage);
    if (verified[number] === 1) {
      this.container.readInto(bytes, CONTAINER_HEADER_BYTES + row * rowBytes);
      return;
    }
    const from = number * perPage;
    const page = scratch.subarray(0, (Math.min(from + perPage, rows) - from) * rowBytes);
    this.readPages(number, page);
    bytes.set(page.subarray((row - from) * rowBytes, (row - from + 1) * rowBytes));
  }

  /** Reads whole pages from page `number` on into `bytes`, checking each. */
  readPages(number: number, bytes: Uint8Array, always = false): void {
    const { dimensions, verified, crcs } = this.table;
    const pageBytes = rowsPerPage(dimensions) * dimensions * 4;
    const at = CONTAINER_HEADER_BYTES + number * pageBytes;
    this.container.readInto(bytes, at);
    for (let from = 0, n = number; from < bytes.length; from += pageBytes, n++) {
      if (verified[n] === 1 && !always) continue;
      const to = Math.min(from + pageBytes, bytes.length);
      if (crc32c(bytes, this.container.seedAt(at + from), from, to) !== crcs[n])
        this.container.fail(`vector page ${n} at ${at + from} fails its checksum`);
      verified[n] = 1;
    }
  }

  /** Reads and checks one page, whether or not it was checked before. */
  verifyPage(number: number): void {
    const perPage = rowsPerPage(this.dimensions);
    const rows = Math.min(perPage, this.rows - number * perPage);
    this.readPages(number, this.table.page.subarray(0, rows * this.dimensions * 4), true);
  }
}

function loadTable(container: ContainerReader): ColumnTable {
  const footer = new Uint32Array(container.readFooter().buffer);
  const [rows, dimensions, firstDocID, dense, idCrc, crcCrc] = footer;
  const pages = Math.ceil(rows / rowsPerPage(dimensions));
  const idsAt = CONTAINER_HEADER_BYTES + rows * dimensions * 4;
  const idBytes = dense === 1 ? 0 : rows * 4;
  const docIDs = dense === 1 ? null : new Uint32Array(container.readChecked(idsAt, idBytes, idCrc, 'docIDs').buffer);
  return {
    rows,
    dimensions,
    firstDocID,
    lastDocID: docIDs === null ? firstDocID + rows - 1 : docIDs[rows - 1],
    docIDs,
    crcs: new Uint32Array(container.readChecked(idsAt + idBytes, pages * 4, crcCrc, 'page checksums').buffer),
    verified: new Uint8Array(pages),
    page: new Uint8Array(rowsPerPage(dimensions) * dimensions * 4),
  };
}

/** Rows of a column in docID order, read in large pieces; the row's bytes are borrowed until the next call. */
export class ColumnCursor {
  private readonly column: ColumnReader;
  private readonly perRead: number;
  private bytes = new Uint8Array(0);
  private loadedFrom = 0;
  private loadedTo = 0;
  private row = -1;
  docID = 0;

  constructor(column: ColumnReader, readBytes = 128 << 10) {
    this.column = column;
    const perPage = rowsPerPage(column.dimensions);
    this.perRead = Math.max(1, Math.floor(readBytes / (perPage * column.dimensions * 4))) * perPage;
  }

  next(): boolean {
    if (++this.row >= this.column.rows) return false;
    if (this.row >= this.loadedTo) this.load();
    this.docID = this.column.docIDAt(this.row);
    return true;
  }

  /** The current row's bytes and where they start. */
  get source(): Uint8Array {
    return this.bytes;
  }
  get sourceAt(): number {
    return (this.row - this.loadedFrom) * this.column.dimensions * 4;
  }

  private load(): void {
    const rowBytes = this.column.dimensions * 4;
    this.loadedFrom = this.row;
    this.loadedTo = Math.min(this.row + this.perRead, this.column.rows);
    const length = (this.loadedTo - this.loadedFrom) * rowBytes;
    if (this.bytes.length < length) this.bytes = new Uint8Array(length);
    const perPage = rowsPerPage(this.column.dimensions);
    this.column.readPages(this.row / perPage, this.bytes.subarray(0, length));
  }
}

/** Checks that rows handed in for a flush are what the format promises. */
export function checkColumnRows(rows: ColumnRows): void {
  if (rows.rows.length !== rows.docIDs.length * rows.dimensions)
    throw new HeddleError(
      'InvalidInput',
      `vector ${rows.ordinal}: ${rows.docIDs.length} docIDs of ${rows.dimensions} dimensions need ${rows.docIDs.length * rows.dimensions} floats, got ${rows.rows.length}`,
    );
  for (let i = 1; i < rows.docIDs.length; i++)
    if (rows.docIDs[i] <= rows.docIDs[i - 1])
      throw new HeddleError('InvalidInput', `vector ${rows.ordinal}: docID ${rows.docIDs[i]} does not rise above ${rows.docIDs[i - 1]}`);
}
