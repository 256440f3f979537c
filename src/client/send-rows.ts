/**
 * Sends encoded rows in batches of at most 4 MiB, several at once within the owner's credit, and puts the answers together.
 *
 * - Each batch is a request of its own: sent again after a change of owner, applied once.
 * - A batch made for an older schema is encoded anew and sent again under the same request.
 * - Vectors that the schema wants at writing are made batch by batch, just before sending.
 */
import { ByteWriter } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { Durability, WriteReply } from '../protocol/coordinator-api.ts';
import { BATCH_BYTES_MAX, ENTRY_BYTES_MAX, WriteKind, writeEntry } from '../protocol/write-batch.ts';
import type { CollectionSchema, VectorSchema } from '../schema/collection-schema.ts';
import { encodeObjectProperties, encodePatch } from '../schema/validate-object.ts';
import { invalidValue } from '../schema/validate-value.ts';
import type { StoredVector } from '../schema/validate-vectors.ts';
import { embed, textOf } from './embed.ts';
import type { Handle } from './handle.ts';
import { readObjects } from './results.ts';
import { bytesOfUuid, type EncodedRow, type RowFailure } from './rows.ts';
import { Slices } from './slices.ts';
import type { CallSettings, Progress } from './types.ts';

export interface SendOptions extends CallSettings {
  readonly operation: string;
  readonly kind: WriteKind;
  readonly atomic: boolean;
  /** Names of the call's options. */
  readonly given: readonly string[];
  readonly onProgress?: (progress: Progress) => void;
}

export interface Sent {
  readonly written: number;
  readonly durability: Durability;
  readonly failures: RowFailure[];
}

/** Batches on their way at once; the credit in bytes bounds them too. */
const BATCHES_IN_FLIGHT_MAX = 4;
/** Rows embedded in one call of the vectorizer. */
const EMBED_ROWS = 64;
const STALE_MAX = 4;

export async function sendRows(handle: Handle, rows: readonly EncodedRow[], options: SendOptions): Promise<Sent> {
  const sent = { written: 0, durability: 'power' as Durability, failures: [] as RowFailure[] };
  await fixDimensions(handle, rows);
  const running = new Set<Promise<void>>();
  let stopped: HeddleError | null = null;
  const take = (batch: readonly EncodedRow[], reply: WriteReply): void => {
    sent.written += reply.written;
    if (reply.durability === 'process') sent.durability = 'process';
    for (const { index, error } of reply.failures) sent.failures.push({ index: batch[index].index, error: HeddleError.fromPlain(error) });
    options.onProgress?.({ done: sent.written, total: rows.length });
  };
  for await (const batch of batches(handle, rows, options)) {
    const call = sendBatch(handle, batch, options).then(
      (reply) => take(batch, reply),
      (thrown) => void (stopped ??= HeddleError.from(thrown)),
    );
    running.add(call);
    void call.finally(() => running.delete(call));
    if (running.size >= BATCHES_IN_FLIGHT_MAX) await Promise.race(running);
    if (stopped !== null || (options.atomic && sent.failures.length > 0)) break;
  }
  await Promise.all(running);
  if (stopped !== null) throw interrupted(stopped, options.operation, sent.written, rows.length);
  return sent;
}

/** The error of a call that had written a part already says so. */
function interrupted(error: HeddleError, operation: string, written: number, total: number): HeddleError {
  if (total === 1) return error;
  const { code, hint, details, retryable } = error;
  return new HeddleError(code, `${operation}: ${written} of ${total} objects were written, then: ${error.message}`, {
    hint,
    details: { ...details, written, total },
    retryable,
    cause: error,
  });
}

async function fixDimensions(handle: Handle, rows: readonly EncodedRow[]): Promise<void> {
  for (const vector of handle.schema.vectors) {
    if (vector.dimensions !== 0) continue;
    const row = rows.find(({ vectors }) => vectors.some(({ ordinal, values }) => ordinal === vector.ordinal && values.length > 0));
    const dimensions = row?.vectors.find(({ ordinal }) => ordinal === vector.ordinal)?.values.length;
    if (dimensions === undefined) continue;
    const { connection } = handle;
    connection.learn(
      await connection.call('changeCollection', [handle.schema.id, { kind: 'fixDimensions', ordinal: vector.ordinal, dimensions }]),
    );
  }
}

async function* batches(handle: Handle, rows: readonly EncodedRow[], options: SendOptions): AsyncIterable<EncodedRow[]> {
  const wanting = embeddedAtWriting(handle.schema, options.kind);
  const rowsMax = wanting.length > 0 ? EMBED_ROWS : Infinity;
  let batch: EncodedRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = sizeOf(row);
    if (size > ENTRY_BYTES_MAX)
      throw invalidValue(
        { operation: options.operation, index: row.index },
        null,
        size,
        `may have at most ${ENTRY_BYTES_MAX} bytes with its vectors`,
      );
    if (batch.length > 0 && (bytes + size > BATCH_BYTES_MAX || batch.length >= rowsMax)) {
      yield await embedded(handle, batch, wanting, options);
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length > 0) yield await embedded(handle, batch, wanting, options);
}

const ENTRY_OVERHEAD = 32;

function sizeOf({ properties, vectors }: EncodedRow): number {
  return vectors.reduce((sum, { values }) => sum + values.byteLength + 4, ENTRY_OVERHEAD + properties.length);
}

function embeddedAtWriting(schema: CollectionSchema, kind: WriteKind): VectorSchema[] {
  return kind === WriteKind.delete ? [] : schema.vectors.filter((vector) => vector.vectorizer !== null && vector.when === 'write');
}

/** Adds the vectors that are made at writing to the rows that bring none of their own. */
async function embedded(
  handle: Handle,
  batch: EncodedRow[],
  wanting: readonly VectorSchema[],
  options: SendOptions,
): Promise<EncodedRow[]> {
  let rows = batch;
  for (const vector of wanting) {
    const lacking = rows.filter(
      ({ source, vectors }) =>
        vectors.every(({ ordinal }) => ordinal !== vector.ordinal) && touches(vector, source.properties, options.kind),
    );
    const texts = await Promise.all(lacking.map((row) => textToEmbed(handle, vector, row, options)));
    const made = texts.length === 0 ? [] : await embed(handle.connection, handle.schema, vector, texts, 'document', options.signal);
    const added = new Map(lacking.map((row, i) => [row, { ordinal: vector.ordinal, values: made[i] } satisfies StoredVector]));
    rows = rows.map((row) => (added.has(row) ? { ...row, vectors: [...row.vectors, added.get(row)!] } : row));
  }
  return rows;
}

const touches = (vector: VectorSchema, properties: Readonly<Record<string, unknown>>, kind: WriteKind): boolean =>
  kind !== WriteKind.update || vector.from.some((name) => properties[name] !== undefined);

/** An update that leaves some of the embedded properties alone needs their stored values. */
async function textToEmbed(handle: Handle, vector: VectorSchema, row: EncodedRow, options: SendOptions): Promise<string> {
  const { properties } = row.source;
  if (options.kind !== WriteKind.update || vector.from.every((name) => properties[name] !== undefined)) return textOf(vector, properties);
  const { connection, schema } = handle;
  const pages = await connection.call('get', [schema.id, bytesOfUuid(row.uuid), { properties: null, vectors: [] }], options);
  const stored = readObjects(schema, pages).get(row.uuid);
  return textOf(vector, { ...stored?.properties, ...properties });
}

async function sendBatch(handle: Handle, batch: readonly EncodedRow[], options: SendOptions): Promise<WriteReply> {
  const { connection } = handle;
  const sequence = connection.nextSequence();
  const slices = new Slices();
  for (let attempt = 1, rows = batch; ; attempt++) {
    const { id: collection, version } = handle.schema;
    const bytes = await batchBytes(rows, options.kind, slices);
    try {
      const { signal, timeoutMs, atomic, operation, given } = options;
      const asked = { operation, options: given };
      return await connection.call('write', [{ asked, collection, version, sequence, batch: bytes, atomic }], {
        signal,
        timeoutMs,
        bytes: bytes.length,
      });
    } catch (thrown) {
      const error = HeddleError.from(thrown);
      if (error.code !== 'SchemaConflict' || error.details.stale !== true || attempt === STALE_MAX) throw error;
      const schema = await handle.refresh();
      const known = (ordinal: number): boolean => schema.vectors.some((vector) => vector.ordinal === ordinal);
      rows = batch.map((row) => ({
        ...row,
        properties: encodeAgain(schema, row, options),
        vectors: row.vectors.filter(({ ordinal }) => known(ordinal)),
      }));
    }
  }
}

function encodeAgain(schema: CollectionSchema, { index, source }: EncodedRow, { operation, kind }: SendOptions): Uint8Array {
  const place = { operation, index };
  return kind === WriteKind.update
    ? encodePatch(place, schema, source.properties)
    : encodeObjectProperties(place, schema, source.properties);
}

async function batchBytes(rows: readonly EncodedRow[], kind: WriteKind, slices: Slices): Promise<Uint8Array> {
  const writer = new ByteWriter(rows.reduce((sum, row) => sum + sizeOf(row), 0));
  for (const { uuid, properties, vectors } of rows) {
    writeEntry(writer, { kind, uuid: bytesOfUuid(uuid), properties, vectors, expectedDocID: 0 });
    await slices.pause();
  }
  return writer.finish().slice();
}
