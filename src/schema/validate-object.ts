/**
 * Checks a whole object against its schema and encodes it: the JSON array by ordinal that is stored, or for an update the
 * object from ordinal to new value. Runs on the page before anything is sent; the first fault is thrown as `InvalidInput`
 * with the object's index, the property and the value.
 */
import { utf8 } from '../core/bytes.ts';
import type { CollectionSchema } from './collection-schema.ts';
import { checkNames, invalidValue, missing, storedValue, type Place, type Stored } from './validate-value.ts';

/** Largest properties of one object, encoded: a log entry holds 16 MiB, of which the vectors may take the rest. */
export const OBJECT_BYTES_MAX = 15 * 1024 * 1024;

/** UTF-8 JSON array by ordinal of a whole object. */
export function encodeObjectProperties(place: Place, schema: CollectionSchema, given: unknown): Uint8Array<ArrayBuffer> {
  const properties = asRecord(place, given);
  checkNames(place, schema.properties, properties);
  const stored: Stored[] = [];
  for (const property of schema.properties) {
    const value = Object.hasOwn(properties, property.name) ? properties[property.name] : undefined;
    while (stored.length < property.ordinal) stored.push(null);
    if (value !== undefined && value !== null) stored[property.ordinal] = storedValue(place, property, property.name, value);
    else if (property.optional) stored[property.ordinal] = null;
    else throw missing(place, property.name, property, value);
  }
  return encodeChecked(place, stored);
}

/** UTF-8 JSON object from ordinal to new value; null takes an optional property away, undefined leaves it. */
export function encodePatch(place: Place, schema: CollectionSchema, given: unknown): Uint8Array<ArrayBuffer> {
  const properties = asRecord(place, given);
  checkNames(place, schema.properties, properties);
  const stored: Record<number, Stored> = {};
  for (const property of schema.properties) {
    const value = Object.hasOwn(properties, property.name) ? properties[property.name] : undefined;
    if (value === undefined) continue;
    if (value !== null) stored[property.ordinal] = storedValue(place, property, property.name, value);
    else if (property.optional) stored[property.ordinal] = null;
    else throw missing(place, property.name, property, value);
  }
  return encodeChecked(place, stored);
}

function asRecord(place: Place, given: unknown): Record<string, unknown> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given))
    return given as Record<string, unknown>;
  throw invalidValue(place, null, given, 'expects an object');
}

function encodeChecked(place: Place, stored: Stored[] | Record<number, Stored>): Uint8Array<ArrayBuffer> {
  const bytes = utf8(JSON.stringify(stored));
  if (bytes.length > OBJECT_BYTES_MAX)
    throw invalidValue(place, null, bytes.length, `may have at most ${OBJECT_BYTES_MAX} bytes`, 'Split it, or keep large text elsewhere.');
  return bytes;
}
