/** Checks vectors against the schema and brings them into the stored form: f32, by ordinal. */
import type { CollectionSchema, VectorSchema } from './collection-schema.ts';
import { DIMENSIONS_MAX } from './normalize-vector.ts';
import { invalidValue, type Place } from './validate-value.ts';

export type VectorInput = Float32Array | readonly number[];
/** One vector where the collection has one, or vectors by name; null takes a vector away (update only). */
export type VectorsInput = VectorInput | Readonly<Record<string, VectorInput | null>>;

/** A vector as it is written: by the ordinal of its schema. */
export interface StoredVector {
  readonly ordinal: number;
  readonly values: Float32Array;
}

const isVector = (value: unknown): value is VectorInput => Array.isArray(value) || value instanceof Float32Array;

/** The vectors as they are written; an absent or null one is not among them, but with `removable` null gives zero dimensions. */
export function storedVectors(place: Place, schema: CollectionSchema, given: VectorsInput | undefined, removable = false): StoredVector[] {
  if (given === undefined) return [];
  if (isVector(given))
    return [{ ordinal: onlyVector(place, schema).ordinal, values: storedVector(place, onlyVector(place, schema), given) }];
  if (typeof given !== 'object' || given === null) throw invalidValue(place, 'vectors', given, 'expects numbers, or vectors by name');
  const stored: StoredVector[] = [];
  for (const [name, value] of Object.entries(given)) {
    const vector = namedVector(place, schema, name);
    if (value !== null && value !== undefined) stored.push({ ordinal: vector.ordinal, values: storedVector(place, vector, value) });
    else if (removable && value === null) stored.push({ ordinal: vector.ordinal, values: new Float32Array(0) });
  }
  return stored;
}

/** The vector of that name; without one, the collection's only vector or the one named `default`. */
export function namedVector(place: Place, schema: CollectionSchema, name?: string): VectorSchema {
  if (name === undefined) return onlyVector(place, schema);
  const vector = schema.vectors.find((candidate) => candidate.name === name);
  if (vector !== undefined) return vector;
  const known = schema.vectors.map((candidate) => candidate.name).join(', ') || 'none';
  throw invalidValue(place, `vectors.${name}`, name, 'is not a vector of this collection', `Its vectors: ${known}.`);
}

function onlyVector(place: Place, schema: CollectionSchema): VectorSchema {
  const { vectors } = schema;
  const vector = vectors.length === 1 ? vectors[0] : vectors.find((candidate) => candidate.name === 'default');
  if (vector !== undefined) return vector;
  const hint =
    vectors.length === 0
      ? 'Declare one: vectors: { default: {} }.'
      : `Say which: ${vectors.map((candidate) => candidate.name).join(', ')}.`;
  throw invalidValue(
    place,
    'vectors',
    vectors.length,
    vectors.length === 0 ? 'cannot be used: the collection has none' : 'must be named',
    hint,
  );
}

/** A copy as f32. Every number must be finite, also after rounding to f32. */
export function storedVector(place: Place, vector: VectorSchema, given: VectorInput): Float32Array {
  const path = `vectors.${vector.name}`;
  if (!isVector(given)) throw invalidValue(place, path, given, 'expects numbers');
  if (vector.dimensions !== 0 && given.length !== vector.dimensions)
    throw invalidValue(
      place,
      path,
      given.length,
      `expects ${vector.dimensions} dimensions`,
      'All vectors of one name have the same length.',
    );
  if (given.length === 0 || given.length > DIMENSIONS_MAX)
    throw invalidValue(place, path, given.length, `expects 1 to ${DIMENSIONS_MAX} dimensions`);
  const values = new Float32Array(given.length);
  for (let i = 0; i < values.length; i++) {
    const value = given[i];
    values[i] = value;
    if (typeof value !== 'number' || !Number.isFinite(values[i]))
      throw invalidValue(place, `${path}[${i}]`, value, 'expects a finite 32-bit number');
  }
  return values;
}
