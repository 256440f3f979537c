/**
 * A run of objects on its way from a shard to the page. Layout: `docs/format/object-record.md`, "Object page".
 * The shard writes pages, the page's thread reads them: JSON is parsed once, where the object is wanted.
 */
import { ByteReader, ByteWriter, fromUtf8 } from '../core/bytes.ts';
import { decodeObject, type ObjectHeader } from './object-record.ts';
import { readVectors, writeVectors, type NamedVector } from './write-batch.ts';

export interface PagedObject extends ObjectHeader {
  readonly docID: number;
  /** Values by property ordinal. */
  readonly values: readonly unknown[];
  readonly vectors: readonly NamedVector[];
}

export class ObjectPageWriter {
  private readonly writer = new ByteWriter(4096);
  private readonly tail = new ByteWriter(64);
  count = 0;

  /** Adds one object; `record` and `vectors` are copied. */
  add(docID: number, record: Uint8Array, vectors: readonly NamedVector[]): void {
    const tail = this.tail;
    tail.clear();
    tail.u32(docID).blob(record);
    writeVectors(tail, vectors);
    this.writer.blob(tail.finish());
    this.count++;
  }

  /** The page in a buffer of its own, to be transferred. */
  finish(): { count: number; bytes: Uint8Array<ArrayBuffer> } {
    return { count: this.count, bytes: this.writer.finish().slice() };
  }
}

/** The objects of a page, in order. */
export function* readObjectPage(bytes: Uint8Array): IterableIterator<PagedObject> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    reader.varint();
    const docID = reader.u32();
    const record = decodeObject(reader.blob());
    const vectors = readVectors(reader);
    yield { ...record, docID, values: JSON.parse(fromUtf8(record.properties)) as unknown[], vectors };
  }
}
