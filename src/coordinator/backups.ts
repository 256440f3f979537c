/**
 * Backup and restore. A backup is made part by part, each from a cursor, so the coordinator keeps nothing between them; a restore keeps a
 * reader for each stream until it ends. A restore does not survive a change of owner: it is begun again after deleting what it made.
 */
import { ByteWriter, fromUtf8, utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { backupHeader, backupSection, damagedBackup, SectionKind, SectionReader, type Section } from '../protocol/backup-sections.ts';
import type { BackupCursor, BackupPart, RestoreReply } from '../protocol/coordinator-api.ts';
import { readObjectPage } from '../protocol/object-page.ts';
import { BATCH_BYTES_MAX, WriteKind, writeEntry } from '../protocol/write-batch.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { Catalog } from './catalog.ts';
import type { Reads } from './reads.ts';
import type { Writes } from './writes.ts';

const PAGE_OBJECTS = 500;
/** Restores going on at once. */
const RESTORES_MAX = 8;
/** Times a batch is written again after its engine died. */
const WRITE_ATTEMPTS = 5;

interface Restore {
  readonly reader: SectionReader;
  readonly collections: string[];
  schema: CollectionSchema | null;
  objects: number;
  ended: boolean;
}

export class Backups {
  private readonly catalog: Catalog;
  private readonly reads: Reads;
  private readonly writes: Writes;
  private readonly restores = new Map<number, Restore>();
  private nextRestore = 1;

  constructor(catalog: Catalog, reads: Reads, writes: Writes) {
    this.catalog = catalog;
    this.reads = reads;
    this.writes = writes;
  }

  /** The bytes at `cursor` (null: from the start) and where to go on. */
  async part(names: readonly string[] | null, cursor: BackupCursor | null, salvaging = false): Promise<BackupPart> {
    const schemas = names === null ? this.catalog.all : names.map((name) => this.catalog.byName(name));
    if (cursor === null) return { bytes: backupHeader(), next: { collection: 0, scan: null, begun: false, objects: 0, lost: 0 } };
    const schema = schemas[cursor.collection];
    if (schema === undefined) {
      const { objects, lost } = cursor;
      const end = utf8(`${JSON.stringify({ collections: schemas.length, objects, ...(salvaging ? { lost } : {}) })}\n`);
      return { bytes: backupSection(SectionKind.end, end), next: null };
    }
    if (!cursor.begun)
      return { bytes: backupSection(SectionKind.collection, utf8(JSON.stringify({ schema }))), next: { ...cursor, begun: true } };
    const projection = { properties: null, vectors: schema.vectors.map(({ ordinal }) => ordinal) };
    const page = await this.reads.scan(schema.id, cursor.scan, PAGE_OBJECTS, projection, salvaging);
    const bytes = page.count === 0 ? new Uint8Array(0) : backupSection(SectionKind.objects, page.bytes);
    const objects = cursor.objects + page.count;
    const lost = cursor.lost + page.lost;
    const next =
      page.next === null
        ? { collection: cursor.collection + 1, scan: null, begun: false, objects, lost }
        : { ...cursor, scan: page.next, objects, lost };
    return { bytes, next };
  }

  begin(): number {
    if (this.restores.size >= RESTORES_MAX) this.restores.delete([...this.restores.keys()][0]);
    const id = this.nextRestore++;
    this.restores.set(id, { reader: new SectionReader(), collections: [], schema: null, objects: 0, ended: false });
    return id;
  }

  /** Takes the next bytes of a stream and writes the objects that are whole. Null ends it. */
  async feed(id: number, bytes: Uint8Array | null): Promise<RestoreReply> {
    const restore = this.restores.get(id);
    if (restore === undefined)
      throw new HeddleError('Closed', 'restore: the owner of the database changed', {
        hint: 'Delete what was restored so far and begin again.',
      });
    const { collections } = restore;
    try {
      for (const section of bytes === null ? [] : restore.reader.feed(bytes)) await this.take(restore, section);
      if (bytes === null && !restore.ended) throw damagedBackup('it has no end: the stream was cut');
    } catch (thrown) {
      this.restores.delete(id);
      const { code, message, hint, details } = HeddleError.from(thrown, 'Corruption');
      throw new HeddleError(code, message, { hint, details: { ...details, collections, objects: restore.objects }, cause: thrown });
    }
    if (bytes === null) this.restores.delete(id);
    return { collections, objects: restore.objects };
  }

  private async take(restore: Restore, { kind, payload }: Section): Promise<void> {
    if (restore.ended) throw damagedBackup('something follows its end');
    if (kind === SectionKind.collection) {
      const { schema } = JSON.parse(fromUtf8(payload)) as { schema: CollectionSchema };
      restore.schema = await this.catalog.restore(schema);
      restore.collections.push(schema.name);
    } else if (kind === SectionKind.objects) {
      if (restore.schema === null) throw damagedBackup('objects come before their collection');
      await this.writePage(restore, restore.schema, payload);
    } else {
      const end = JSON.parse(fromUtf8(payload)) as { collections: number; objects: number };
      if (end.collections !== restore.collections.length || end.objects !== restore.objects)
        throw damagedBackup(`it has ${restore.objects} objects, its end says ${end.objects}`);
      restore.ended = true;
    }
  }

  private async writePage(restore: Restore, schema: CollectionSchema, page: Uint8Array): Promise<void> {
    const writer = new ByteWriter(page.length);
    for (const { record, vectors } of readObjectPage(page)) {
      writeEntry(writer, { kind: WriteKind.upsert, uuid: record.uuid, properties: record.properties, vectors, expectedDocID: 0 });
      restore.objects++;
      if (writer.length < BATCH_BYTES_MAX) continue;
      await this.write(schema, writer.finish().slice());
      writer.clear();
    }
    if (writer.length > 0) await this.write(schema, writer.finish().slice());
  }

  private async write(schema: CollectionSchema, batch: Uint8Array): Promise<void> {
    const sequence = this.writes.ownSequence();
    for (let attempt = 1; ; attempt++) {
      try {
        const { failures } = await this.writes.writeOwn({ collection: schema.id, version: schema.version, sequence, batch, atomic: true });
        if (failures.length > 0) throw HeddleError.fromPlain(failures[0].error);
        return;
      } catch (thrown) {
        if (!(thrown instanceof HeddleError) || thrown.code !== 'LeaderChanged' || attempt === WRITE_ATTEMPTS) throw thrown;
      }
    }
  }
}
