/**
 * Collects objects into a page for the client (`src/protocol/object-page.ts`), in a buffer that can be transferred.
 */
import { ByteWriter } from '../core/bytes.ts';
import { writePagedObject } from '../protocol/object-page.ts';
import type { NamedVector } from '../protocol/write-batch.ts';
import type { ObjectPage } from './host-api.ts';

/** Pages are built one at a time, each in one turn, so they share a buffer. */
let shared = new ByteWriter(16 * 1024);
/** A buffer that one large page has blown up is let go. */
const KEPT_BYTES_MAX = 1024 * 1024;

export class PageBuilder {
  count = 0;
  private readonly writer = shared;

  constructor() {
    this.writer.clear();
  }

  /** Adds one object; `record` and `vectors` are copied. */
  add(docID: number, record: Uint8Array, vectors: readonly NamedVector[]): void {
    writePagedObject(this.writer, docID, record, vectors);
    this.count++;
  }

  /** The page; the builder is of no more use. */
  finish(): ObjectPage {
    const bytes = this.writer.finish().slice();
    if (bytes.length > KEPT_BYTES_MAX) shared = new ByteWriter(16 * 1024);
    return { count: this.count, bytes };
  }
}
