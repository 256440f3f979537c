/**
 * Collects objects into a page for the client (`src/protocol/object-page.ts`), in a buffer that can be transferred.
 */
import { ByteWriter } from '../core/bytes.ts';
import { writePagedObject } from '../protocol/object-page.ts';
import type { NamedVector } from '../protocol/write-batch.ts';
import type { ObjectPage } from './host-api.ts';

export class PageBuilder {
  count = 0;
  private readonly writer = new ByteWriter(4_096);

  /** Adds one object; `record` and `vectors` are copied. */
  add(docID: number, record: Uint8Array, vectors: readonly NamedVector[]): void {
    writePagedObject(this.writer, docID, record, vectors);
    this.count++;
  }

  finish(): ObjectPage {
    return { count: this.count, bytes: this.writer.finish().slice() };
  }
}
