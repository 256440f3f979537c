/**
 * `collection.data`: writing objects. Every call is checked whole before anything is written; the first fault rejects it with
 * `InvalidInput`, naming the object, the property and the value.
 *
 * - `insert` of a UUID that exists is a `Conflict`; `upsert` writes over it; `update` changes the properties given; `replace`
 *   wants the object to be there.
 * - An object is written with all its indexes or not at all. Of a call with many objects, those of one batch and shard are.
 * - When the promise resolves the objects are logged and searchable; `durability` says what they survive.
 */
import { HeddleError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { ByteWriter } from '../core/bytes.ts';
import type { Durability } from '../protocol/coordinator-api.ts';
import { BATCH_BYTES_MAX, WriteKind, writeEntry } from '../protocol/write-batch.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import { encodePatch } from '../schema/validate-object.ts';
import { invalidValue } from '../schema/validate-value.ts';
import type { Handle } from './handle.ts';
import { bytesOfUuid, encodeRows, uuidOfRow, type RowFailure } from './rows.ts';
import { sendRows } from './send-rows.ts';
import type { CallSettings, Filters, ObjectRow, Progress, Row, VectorsOption } from './types.ts';

export interface InsertSettings<V extends string> extends CallSettings {
  readonly uuid?: string;
  readonly vectors?: VectorsOption<V>;
}

export interface ManySettings extends CallSettings {
  /** `throw` (default): one faulty object rejects the call before any write. `collect`: the good ones are written, the faults reported. */
  readonly onInvalid?: 'throw' | 'collect';
  readonly onProgress?: (progress: Progress) => void;
}

export interface ManyResult {
  /** In the order of the rows; null where the row was not written. */
  readonly uuids: readonly (string | null)[];
  readonly written: number;
  readonly errors: readonly RowFailure[];
  /** `power`: survives a power cut. `process`: survives a killed browser; becomes `power` once `db.settled()`. */
  readonly durability: Durability;
}

export interface MatchingSettings extends CallSettings {
  /** Counts what matches and writes nothing. */
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

export interface MatchingResult {
  readonly matched: number;
  readonly written: number;
  readonly errors: readonly { readonly uuid: string; readonly error: HeddleError }[];
}

/** A delete or update by filter may touch everything there is. */
const MATCHING_TIMEOUT_MS = 3_600_000;
const MATCHES_COUNTED_MAX = 4_000_000;

export class Data<In extends object, Out extends object, V extends string> {
  private readonly handle: Handle;

  constructor(handle: Handle) {
    this.handle = handle;
  }

  /** Writes a new object and returns its UUID. `Conflict` when it exists. */
  insert(properties: In, settings: InsertSettings<V> = {}): Promise<string> {
    return this.one('insert', WriteKind.insert, properties, settings);
  }

  /** Writes the object, over another of its UUID or key where there is one, and returns its UUID. */
  upsert(properties: In, settings: InsertSettings<V> = {}): Promise<string> {
    return this.one('upsert', WriteKind.upsert, properties, settings);
  }

  /** Like `insert` for many. The first existing object ends the call with `Conflict`, which says how many were written. */
  insertMany(rows: readonly Row<In, V>[], settings: ManySettings = {}): Promise<ManyResult> {
    return this.many('insertMany', WriteKind.insert, rows, settings);
  }

  upsertMany(rows: readonly Row<In, V>[], settings: ManySettings = {}): Promise<ManyResult> {
    return this.many('upsertMany', WriteKind.upsert, rows, settings);
  }

  /** Changes the properties given; null takes an optional one away. The UUID may be left out where the key is given. `NotFound` when the object is not there. */
  async update(
    row: { readonly uuid?: string; readonly properties: { readonly [K in keyof In]?: In[K] | null }; readonly vectors?: VectorsOption<V> },
    settings: CallSettings = {},
  ): Promise<void> {
    await this.one('update', WriteKind.update, row, settings, true);
  }

  /** Puts a whole new object in the place of the old one. `NotFound` when there is none. */
  async replace(row: ObjectRow<In, V>, settings: CallSettings = {}): Promise<void> {
    await this.one('replace', WriteKind.replace, row, settings, true);
  }

  /** Whether there was one to delete. */
  async deleteById(uuid: string, settings: CallSettings = {}): Promise<boolean> {
    const { written } = await this.deleteUuids('deleteById', [uuid], settings);
    return written > 0;
  }

  /** Deletes the objects of these UUIDs, or all that match a filter. Objects that are not there are passed over. */
  async deleteMany(which: readonly string[] | Filters<Out>, settings: MatchingSettings = {}): Promise<MatchingResult> {
    if (!Array.isArray(which)) return this.matching('deleteMany', which as Filters<Out>, null, settings);
    if (settings.dryRun !== true) return this.deleteUuids('deleteMany', which as string[], settings);
    const there = await this.existing('deleteMany', which as string[], settings);
    return { matched: there.filter(Boolean).length, written: 0, errors: [] };
  }

  /** Changes the properties given on every object that matches. */
  async updateMany(
    filters: Filters<Out>,
    properties: { readonly [K in keyof In]?: In[K] | null },
    settings: MatchingSettings = {},
  ): Promise<MatchingResult> {
    const place = { operation: 'updateMany', index: null };
    return this.matching('updateMany', filters, encodePatch(place, this.handle.schema, properties), settings);
  }

  async exists(uuid: string, settings: CallSettings = {}): Promise<boolean> {
    const [there] = await this.existing('exists', [uuid], settings);
    return there;
  }

  /** The UUID that an object of this key has; only in collections with a key. */
  async uuidOfKey(key: string | number): Promise<string> {
    const { schema } = this.handle;
    const place = { operation: 'uuidOfKey', index: null };
    if (schema.key === null) throw invalidValue(place, null, key, `collection "${schema.name}" has no key`);
    return uuidOfRow(place, schema, { uuid: undefined, properties: { [schema.key]: key }, vectors: undefined }, null);
  }

  private async one(operation: string, kind: WriteKind, given: unknown, settings: InsertSettings<V>, wrapped = false): Promise<string> {
    const { uuid, vectors, signal, timeoutMs } = settings;
    const { connection, schema } = this.handle;
    const row = wrapped || (uuid === undefined && vectors === undefined) ? given : { uuid, properties: given, vectors };
    const { encoded } = await encodeRows(connection, schema, [row], { operation, kind, many: false, collect: false, signal });
    const { failures } = await sendRows(this.handle, encoded, {
      operation,
      kind,
      atomic: true,
      given: Object.keys(settings),
      signal,
      timeoutMs,
    });
    if (failures.length > 0) throw failures[0].error;
    return encoded[0].uuid;
  }

  private async many(operation: string, kind: WriteKind, rows: readonly unknown[], settings: ManySettings): Promise<ManyResult> {
    const { signal, timeoutMs, onProgress } = settings;
    const { connection, schema } = this.handle;
    if (!Array.isArray(rows)) throw invalidValue({ operation, index: null }, null, rows, 'expects an array of objects');
    const collect = settings.onInvalid === 'collect';
    const { encoded, failures } = await encodeRows(connection, schema, rows, { operation, kind, many: true, collect, signal });
    const given = Object.keys(settings);
    const sent = await sendRows(this.handle, encoded, { operation, kind, atomic: !collect, given, signal, timeoutMs, onProgress });
    if (!collect && sent.failures.length > 0) throw firstFailure(operation, sent.failures, sent.written, rows.length);
    const errors = [...failures, ...sent.failures].sort((a, b) => a.index - b.index);
    const uuids: (string | null)[] = new Array<string | null>(rows.length).fill(null);
    for (const { index, uuid } of encoded) uuids[index] = uuid;
    for (const { index } of errors) uuids[index] = null;
    return { uuids, written: sent.written, errors, durability: sent.durability };
  }

  private async deleteUuids(operation: string, uuids: readonly string[], settings: MatchingSettings): Promise<MatchingResult> {
    const { connection } = this.handle;
    const writer = new ByteWriter(uuids.length * 32);
    checkUuids(operation, uuids);
    let written = 0;
    for (let at = 0; at < uuids.length;) {
      writer.clear();
      for (; at < uuids.length && writer.length < BATCH_BYTES_MAX / 8; at++)
        writeEntry(writer, {
          kind: WriteKind.delete,
          uuid: bytesOfUuid(uuids[at]),
          properties: new Uint8Array(0),
          vectors: [],
          expectedDocID: 0,
        });
      const sequence = connection.nextSequence();
      written += await this.sendDeletes(operation, sequence, writer.finish().slice(), settings);
      settings.onProgress?.({ done: at, total: uuids.length });
    }
    return { matched: written, written, errors: [] };
  }

  private async sendDeletes(operation: string, sequence: number, batch: Uint8Array, settings: CallSettings): Promise<number> {
    const { signal, timeoutMs } = settings;
    const asked = { operation, options: Object.keys(settings) };
    for (;;) {
      const { id: collection, version } = this.handle.schema;
      try {
        const call = { asked, collection, version, sequence, batch, atomic: false };
        return (await this.handle.connection.call('write', [call], { signal, timeoutMs, bytes: batch.length })).written;
      } catch (thrown) {
        if (!(thrown instanceof HeddleError) || thrown.details.stale !== true) throw thrown;
        await this.handle.refresh();
      }
    }
  }

  private async matching(
    operation: string,
    filters: Filters<Out>,
    patch: Uint8Array | null,
    settings: MatchingSettings,
  ): Promise<MatchingResult> {
    const { connection, schema } = this.handle;
    const { signal, onProgress, timeoutMs = MATCHING_TIMEOUT_MS } = settings;
    if (typeof filters !== 'object' || filters === null) throw invalidValue({ operation, index: null }, null, filters, 'expects filters');
    const filter = parseFilter(filters, schema);
    if (settings.dryRun === true) {
      const uuids = await connection.call('match', [schema.id, filter, MATCHES_COUNTED_MAX], { signal, timeoutMs });
      return { matched: uuids.length / 16, written: 0, errors: [] };
    }
    const call = { operation, options: Object.keys(settings), collection: schema.id, version: schema.version, filter, patch };
    const reply = await connection.call('writeMatching', [call], { signal, timeoutMs, onProgress: onProgress as (value: never) => void });
    return {
      matched: reply.matched,
      written: reply.written,
      errors: reply.failures.map(({ uuid, error }) => ({ uuid, error: HeddleError.fromPlain(error) })),
    };
  }

  private async existing(operation: string, uuids: readonly string[], settings: CallSettings): Promise<readonly boolean[]> {
    checkUuids(operation, uuids);
    const bytes = new Uint8Array(uuids.length * 16);
    uuids.forEach((uuid, i) => bytes.set(bytesOfUuid(uuid), i * 16));
    return this.handle.connection.call('exists', [this.handle.schema.id, bytes], settings);
  }
}

function checkUuids(operation: string, uuids: readonly string[]): void {
  uuids.forEach((uuid, i) => {
    if (!isUuid(uuid)) throw invalidValue({ operation, index: uuids.length > 1 ? i : null }, 'uuid', uuid, 'expects a UUID');
  });
}

function firstFailure(operation: string, failures: readonly RowFailure[], written: number, total: number): HeddleError {
  const [{ index, error }] = failures;
  return new HeddleError(error.code, `${operation}: object ${index}: ${error.message} (${written} of ${total} objects were written)`, {
    hint: error.hint || 'Use upsertMany to write over existing objects, or onInvalid: "collect" to go on.',
    details: { ...error.details, index, written, total },
    cause: error,
  });
}
