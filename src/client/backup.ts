/**
 * Backup and restore as one stream of checked sections: `docs/format/backup.md`. Written page by page, so neither side holds more
 * than a page; read into new collections, never over existing ones.
 */
import { ByteReader, ByteWriter, equalBytes, fromUtf8, utf8 } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import { readObjectPage } from '../protocol/object-page.ts';
import type { ScanCursor, ScanReply } from '../protocol/coordinator-api.ts';
import { BATCH_BYTES_MAX, WriteKind, writeEntry } from '../protocol/write-batch.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { Connection } from './connection.ts';
import type { CallSettings } from './types.ts';

export interface BackupSettings extends CallSettings {
  /** Names; all collections when left out. */
  readonly collections?: readonly string[];
  readonly onProgress?: (objects: number) => void;
}

export interface RestoreSettings extends CallSettings {
  readonly onProgress?: (objects: number) => void;
}

export interface RestoreResult {
  readonly collections: readonly string[];
  readonly objects: number;
}

const MAGIC = utf8('HDLBAK\0\0');
const VERSION = 1;
const HEADER_BYTES = 12;
const SECTION_HEADER_BYTES = 9;
/** Reach the stream: never renumber. */
const SectionKind = { collection: 1, objects: 2, end: 3 } as const;
const PAGE_OBJECTS = 500;
const SECTION_BYTES_MAX = 64 * 1024 * 1024;

export function backup(connection: Connection, settings: BackupSettings): ReadableStream<Uint8Array<ArrayBuffer>> {
  const sections = sectionsOf(connection, settings);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { value, done } = await sections.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await sections.return(undefined);
    },
  });
}

async function* sectionsOf(connection: Connection, { collections, signal, timeoutMs, onProgress }: BackupSettings): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const schemas = collections === undefined ? connection.schemas : collections.map((name) => known(connection, name));
  yield new ByteWriter(HEADER_BYTES).bytes(MAGIC).u32(VERSION).finish().slice();
  let objects = 0;
  for (const schema of schemas) {
    yield section(SectionKind.collection, utf8(JSON.stringify({ schema })));
    const projection = { properties: null, vectors: schema.vectors.map(({ ordinal }) => ordinal) };
    for (let cursor: ScanCursor | null = null, first = true; first || cursor !== null; first = false) {
      const page: ScanReply = await connection.call('scan', [schema.id, cursor, PAGE_OBJECTS, projection], { signal, timeoutMs });
      cursor = page.next;
      if (page.count === 0) continue;
      yield section(SectionKind.objects, page.bytes);
      objects += page.count;
      onProgress?.(objects);
    }
  }
  yield section(SectionKind.end, utf8(`${JSON.stringify({ collections: schemas.length, objects })}\n`));
}

function known(connection: Connection, name: string): CollectionSchema {
  const schema = connection.find(name);
  if (schema === undefined) throw new HeddleError('NotFound', `backup: collection "${name}" does not exist`, { details: { collection: name } });
  return schema;
}

function section(kind: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(SECTION_HEADER_BYTES + payload.length);
  return writer.u8(kind).u32(payload.length).u32(checksum(kind, payload)).bytes(payload).finish().slice();
}

function checksum(kind: number, payload: Uint8Array): number {
  return crc32c(payload, crc32c(new ByteWriter(5).u8(kind).u32(payload.length).finish()));
}

export async function restore(connection: Connection, source: ReadableStream<Uint8Array> | Blob, settings: RestoreSettings): Promise<RestoreResult> {
  const { signal, timeoutMs, onProgress } = settings;
  const created: string[] = [];
  let objects = 0;
  let schema: CollectionSchema | null = null;
  try {
    for await (const { kind, payload } of readSections(source)) {
      if (kind === SectionKind.collection) {
        const { schema: stored } = JSON.parse(fromUtf8(payload)) as { schema: CollectionSchema };
        if (connection.find(stored.name) !== undefined)
          throw new HeddleError('Conflict', `restore: collection "${stored.name}" exists already`, { hint: 'Delete it first, or restore into another database.' });
        schema = connection.learn(await connection.call('restoreCollection', [stored], { signal, timeoutMs }));
        created.push(stored.name);
      } else if (kind === SectionKind.objects) {
        if (schema === null) throw damaged('objects come before their collection');
        objects += await writePage(connection, schema, payload, { signal, timeoutMs });
        onProgress?.(objects);
      } else {
        const end = JSON.parse(fromUtf8(payload)) as { collections: number; objects: number };
        if (end.collections !== created.length || end.objects !== objects) throw damaged(`it has ${objects} objects, its end says ${end.objects}`);
        return { collections: created, objects };
      }
    }
    throw damaged('it has no end: the stream was cut');
  } catch (thrown) {
    const error = HeddleError.from(thrown, 'Corruption');
    throw new HeddleError(error.code, error.message, { hint: error.hint, details: { ...error.details, collections: created, objects }, retryable: error.retryable, cause: error });
  }
}

async function writePage(connection: Connection, schema: CollectionSchema, page: Uint8Array, settings: CallSettings): Promise<number> {
  const writer = new ByteWriter(page.length);
  let count = 0;
  const send = async (): Promise<void> => {
    const batch = writer.finish().slice();
    writer.clear();
    const call = { collection: schema.id, version: schema.version, sequence: connection.nextSequence(), batch, atomic: true };
    const { failures } = await connection.call('write', [call], { ...settings, bytes: batch.length });
    if (failures.length > 0) throw HeddleError.fromPlain(failures[0].error);
  };
  for (const { record, vectors } of readObjectPage(page)) {
    const { uuid, properties } = record;
    writeEntry(writer, { kind: WriteKind.upsert, uuid, properties, vectors, expectedDocID: 0 });
    count++;
    if (writer.length >= BATCH_BYTES_MAX) await send();
  }
  if (writer.length > 0) await send();
  return count;
}

async function* readSections(source: ReadableStream<Uint8Array> | Blob): AsyncGenerator<{ kind: number; payload: Uint8Array }> {
  const bytes = new Pull(source instanceof ReadableStream ? source : source.stream());
  try {
    const header = await bytes.take(HEADER_BYTES);
    if (header === null || !equalBytes(header.subarray(0, MAGIC.length), MAGIC)) throw damaged('it does not begin as a backup does');
    const version = new ByteReader(header, MAGIC.length).u32();
    if (version !== VERSION) throw new HeddleError('Unsupported', `restore: the backup has version ${version}, this build reads ${VERSION}`, { hint: 'Use a newer build.' });
    for (let head = await bytes.take(SECTION_HEADER_BYTES); head !== null; head = await bytes.take(SECTION_HEADER_BYTES)) {
      const reader = new ByteReader(head);
      const kind = reader.u8();
      const length = reader.u32();
      const sum = reader.u32();
      if (kind < SectionKind.collection || kind > SectionKind.end || length > SECTION_BYTES_MAX) throw damaged(`a section of kind ${kind} with ${length} bytes`);
      const payload = await bytes.take(length);
      if (payload === null || checksum(kind, payload) !== sum) throw damaged(`a section of kind ${kind} fails its checksum`);
      yield { kind, payload };
    }
  } finally {
    await bytes.cancel();
  }
}

/** Reads exact numbers of bytes from a stream of chunks. */
class Pull {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private chunks: Uint8Array[] = [];
  private held = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.reader = stream.getReader();
  }

  /** The next `count` bytes; null when the stream ends before them. */
  async take(count: number): Promise<Uint8Array | null> {
    while (this.held < count) {
      const { value, done } = await this.reader.read();
      if (done) return null;
      this.chunks.push(value);
      this.held += value.length;
    }
    const joined = new Uint8Array(this.held);
    let at = 0;
    for (const chunk of this.chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.chunks = [joined.subarray(count)];
    this.held -= count;
    return joined.subarray(0, count);
  }

  cancel(): Promise<void> {
    return this.reader.cancel().catch(() => undefined); // the stream may have ended or failed already
  }
}

function damaged(what: string): HeddleError {
  return new HeddleError('Corruption', `restore: the backup is damaged: ${what}`, { hint: 'Take another backup; what was restored before the damage is named in details.' });
}
