/**
 * Checks one value against its property and brings it into the stored form: dates as ISO 8601 text in UTC, UUIDs in lower
 * case, everything else as JSON has it. Nothing is converted that could be a mistake (no "5" for 5, no 1 for true).
 */
import { HeddleError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { PropertySchema, ScalarType } from './collection-schema.ts';
import { describeValue, plainValue } from './describe-value.ts';

/** Which object of which call is being checked; for error messages. */
export interface Place {
  readonly operation: string;
  /** Position in the call's array, or null for calls with one object. */
  readonly index: number | null;
}

export type Stored = string | number | boolean | null | Stored[] | { [name: string]: Stored };

const ARRAY_VALUES_MAX = 100_000;
const ISO_DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

export function invalidValue(place: Place, property: string | null, value: unknown, problem: string, hint = ''): HeddleError {
  const object = place.index === null ? '' : ` object ${place.index}:`;
  const subject = property === null ? '' : ` property "${property}"`;
  return new HeddleError('InvalidInput', `${place.operation}:${object}${subject} ${problem}, got ${describeValue(value)}`, {
    hint,
    details: { ...(place.index === null ? {} : { index: place.index }), property, value: plainValue(value) },
  });
}

/** The stored form of `value`, which is neither undefined nor null. `path` is the property's dotted path. */
export function storedValue(place: Place, property: PropertySchema, path: string, value: unknown): Stored {
  const { type } = property;
  if (type === 'geoCoordinates') return storedGeo(place, path, value);
  if (type === 'object') return storedObject(place, property, path, value);
  if (!type.endsWith('[]')) return storedScalar(place, path, type as ScalarType, value);
  if (!Array.isArray(value)) throw invalidValue(place, path, value, `expects ${type}`);
  if (value.length > ARRAY_VALUES_MAX) throw invalidValue(place, path, value, `may have at most ${ARRAY_VALUES_MAX} values`);
  const inner = type.slice(0, -2);
  return value.map((item, at) =>
    inner === 'object'
      ? storedObject(place, property, `${path}[${at}]`, item)
      : storedScalar(place, `${path}[${at}]`, inner as ScalarType, item),
  );
}

function storedScalar(place: Place, path: string, type: ScalarType, value: unknown): Stored {
  switch (type) {
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'int':
      if (Number.isSafeInteger(value)) return value as number;
      if (typeof value === 'number' && Number.isInteger(value))
        throw invalidValue(place, path, value, 'expects int within ±(2^53 − 1)', 'Keep larger numbers as text.');
      break;
    case 'number':
      if (Number.isFinite(value)) return value as number;
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'date':
      return storedDate(place, path, value);
    case 'uuid':
      if (isUuid(value)) return value.toLowerCase();
      break;
  }
  throw invalidValue(place, path, value, `expects ${type}`);
}

function storedDate(place: Place, path: string, value: unknown): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value === 'string') {
    const parts = ISO_DATE.exec(value);
    if (parts !== null && Number(parts[3]) <= new Date(Date.UTC(Number(parts[1]), Number(parts[2]), 0)).getUTCDate()) {
      const date = new Date(value);
      if (!Number.isNaN(date.getTime())) return date.toISOString();
    }
  }
  throw invalidValue(place, path, value, 'expects date', 'Pass a Date, or ISO 8601 text with a time zone ("2026-11-20T10:00:00Z").');
}

function storedGeo(place: Place, path: string, value: unknown): Stored {
  const { latitude, longitude } = (value ?? {}) as { latitude?: unknown; longitude?: unknown };
  const within = (number: unknown, limit: number): boolean => typeof number === 'number' && Math.abs(number) <= limit;
  if (!within(latitude, 90)) throw invalidValue(place, `${path}.latitude`, latitude, 'expects degrees from -90 to 90');
  if (!within(longitude, 180)) throw invalidValue(place, `${path}.longitude`, longitude, 'expects degrees from -180 to 180');
  return { latitude: latitude as number, longitude: longitude as number };
}

function storedObject(place: Place, property: PropertySchema, path: string, value: unknown): Stored {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Date)
    throw invalidValue(place, path, value, 'expects object');
  const given = value as Record<string, unknown>;
  checkNames(place, property.nested, given, `${path}.`);
  const stored: { [name: string]: Stored } = {};
  for (const inner of property.nested) {
    const item = Object.hasOwn(given, inner.name) ? given[inner.name] : undefined;
    if (item !== undefined && item !== null) stored[inner.name] = storedValue(place, inner, `${path}.${inner.name}`, item);
    else if (!inner.optional) throw missing(place, `${path}.${inner.name}`, inner, item);
  }
  return stored;
}

export function missing(place: Place, path: string, property: PropertySchema, value: unknown): HeddleError {
  return invalidValue(place, path, value, `is required (${property.type})`, `Give it a value, or declare it as "${property.type}?".`);
}

/** Refuses names that `properties` does not have. */
export function checkNames(place: Place, properties: readonly PropertySchema[], given: Record<string, unknown>, prefix = ''): void {
  for (const name of Object.keys(given)) {
    if (given[name] === undefined || properties.some((property) => property.name === name)) continue;
    const known = properties.map((property) => property.name);
    throw invalidValue(
      place,
      prefix + name,
      given[name],
      'is not in the schema',
      `Known: ${known.slice(0, 20).join(', ')}. Add it with config.addProperty.`,
    );
  }
}
