/**
 * Collects objects into a page for the client (`src/protocol/object-page.ts`), in a buffer of its own that can be transferred.
 * Built in one turn: what was added stays borrowed until `finish` copies all of it, once, into a buffer of the right size.
 */
import { ByteWriter } from '../core/bytes.ts';
import { pagedObjectBytes, writePagedObject } from '../protocol/object-page.ts';
import type { NamedVector } from '../protocol/write-batch.ts';
import type { ObjectPage } from './host-api.ts';

export class PageBuilder {
  private readonly objects: { readonly docID: number; readonly record: Uint8Array; readonly vectors: readonly NamedVector[] }[] = [];
  private bytes = 0;

  get count(): number {
    return this.objects.length;
  }

  /** Adds one object; `record` and `vectors` are borrowed until `finish`. */
  add(docID: number, record: Uint8Array, vectors: readonly NamedVector[]): void {
    this.objects.push({ docID, record, vectors });
    this.bytes += pagedObjectBytes(record, vectors);
  }

  finish(): ObjectPage {
    const writer = new ByteWriter(this.bytes);
    for (const { docID, record, vectors } of this.objects) writePagedObject(writer, docID, record, vectors);
    return { count: this.objects.length, bytes: writer.finish() };
  }
}
