/**
 * Rows on their way in: told apart (bare properties or `{ uuid, properties, vectors }`), checked, given their UUIDs, encoded. All of
 * it happens before anything is sent.
 */
import { HeddleError } from '../core/errors.ts';
import { isUuid, uuidBytes, uuidV5 } from '../core/ids.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { encodeObjectProperties, encodePatch } from '../schema/validate-object.ts';
import { invalidValue, type Place } from '../schema/validate-value.ts';
import { storedVectors, type StoredVector, type VectorsInput } from '../schema/validate-vectors.ts';
import type { Connection } from './connection.ts';
import { Slices } from './slices.ts';

export interface PlainRow {
  readonly uuid: string | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly vectors: VectorsInput | undefined;
}

/** A checked row. `source` is kept until it is written: another schema version means encoding it again. */
export interface EncodedRow {
  readonly index: number;
  readonly uuid: string;
  readonly source: PlainRow;
  readonly properties: Uint8Array;
  readonly vectors: readonly StoredVector[];
}

export interface RowFailure {
  readonly index: number;
  readonly error: HeddleError;
}

const WRAPPED: ReadonlySet<string> = new Set(['uuid', 'properties', 'vectors', 'metadata']);

/**
 * A row is wrapped when it has `properties` and nothing else but `uuid`, `vectors` and `metadata` (so that what was read can be
 * written back), and the collection has no property of that name.
 */
export function plainRow(place: Place, schema: CollectionSchema, row: unknown): PlainRow {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw invalidValue(place, null, row, 'expects an object');
  const given = row as Record<string, unknown>;
  const wrapped =
    typeof given.properties === 'object' &&
    Object.keys(given).every((key) => WRAPPED.has(key)) &&
    schema.properties.every(({ name }) => name !== 'properties');
  if (!wrapped) return { uuid: undefined, properties: given, vectors: undefined };
  return {
    uuid: given.uuid as string | undefined,
    properties: given.properties as Record<string, unknown>,
    vectors: given.vectors as VectorsInput | undefined,
  };
}

/** The object's UUID: given, from the key, or a new one where `fresh` allows that. */
export async function uuidOfRow(place: Place, schema: CollectionSchema, row: PlainRow, fresh: (() => string) | null): Promise<string> {
  const { key, keyNamespace } = schema;
  const keyed = key === null || row.properties[key] === undefined ? null : await uuidV5(keyNamespace, String(row.properties[key]));
  if (row.uuid !== undefined) {
    if (!isUuid(row.uuid)) throw invalidValue(place, 'uuid', row.uuid, 'expects a UUID');
    if (keyed !== null && keyed !== row.uuid.toLowerCase())
      throw invalidValue(
        place,
        'uuid',
        row.uuid,
        `is not the one that key "${key}" gives (${keyed})`,
        'Leave uuid out: the key decides it.',
      );
    return row.uuid.toLowerCase();
  }
  if (keyed !== null) return keyed;
  if (fresh !== null) return fresh();
  throw invalidValue(place, 'uuid', undefined, 'is required', 'Say which object: { uuid, properties }.');
}

export interface EncodeOptions {
  readonly operation: string;
  readonly kind: WriteKind;
  /** Many: errors name the object's place. */
  readonly many: boolean;
  /** Faulty rows are collected instead of thrown. */
  readonly collect: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Checks and encodes all rows. With `collect` off the first fault is thrown and nothing is returned. */
export async function encodeRows(
  connection: Connection,
  schema: CollectionSchema,
  rows: readonly unknown[],
  options: EncodeOptions,
): Promise<{ encoded: EncodedRow[]; failures: RowFailure[] }> {
  const encoded: EncodedRow[] = [];
  const failures: RowFailure[] = [];
  const slices = new Slices();
  const dimensions = new Map<number, number>();
  for (let index = 0; index < rows.length; index++) {
    const place: Place = { operation: options.operation, index: options.many ? index : null };
    try {
      const source = plainRow(place, schema, rows[index]);
      const one = await encodeRow(connection, schema, source, index, place, options.kind);
      checkDimensions(place, schema, one.vectors, dimensions);
      encoded.push(one);
    } catch (thrown) {
      const error = HeddleError.from(thrown, 'InvalidInput');
      if (!options.collect) throw error;
      failures.push({ index, error });
    }
    const pause = slices.pause();
    if (pause !== undefined) {
      await pause;
      if (options.signal?.aborted === true)
        throw new HeddleError('Aborted', `${options.operation} was aborted before anything was written`, { cause: options.signal.reason });
    }
  }
  return { encoded, failures };
}

async function encodeRow(
  connection: Connection,
  schema: CollectionSchema,
  source: PlainRow,
  index: number,
  place: Place,
  kind: WriteKind,
): Promise<EncodedRow> {
  const updates = kind === WriteKind.update;
  const properties = updates ? encodePatch(place, schema, source.properties) : encodeObjectProperties(place, schema, source.properties);
  const vectors = storedVectors(place, schema, source.vectors, updates);
  const needsOwn = kind === WriteKind.update || kind === WriteKind.replace;
  // Only a key makes waiting necessary; without one the row is done in this turn.
  const uuid =
    schema.key === null && source.uuid === undefined && !needsOwn
      ? connection.nextUuid()
      : await uuidOfRow(place, schema, source, needsOwn ? null : () => connection.nextUuid());
  return { index, uuid, source, properties, vectors };
}

/** Where the schema leaves the dimensions open, the first vector of the call decides for the rest. */
function checkDimensions(place: Place, schema: CollectionSchema, vectors: readonly StoredVector[], seen: Map<number, number>): void {
  for (const { ordinal, values } of vectors) {
    if (values.length === 0) continue;
    const first = seen.get(ordinal) ?? values.length;
    seen.set(ordinal, first);
    if (first === values.length) continue;
    const name = schema.vectors.find((vector) => vector.ordinal === ordinal)?.name ?? '';
    throw invalidValue(place, `vectors.${name}`, values.length, `expects ${first} dimensions, as the objects before`);
  }
}

export const bytesOfUuid = (uuid: string): Uint8Array => uuidBytes(uuid);
