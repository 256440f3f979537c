/**
 * What of a schema is indexed, flat: one field for every property and every leaf inside nested objects, with its buckets.
 *
 * Bucket numbers reach the disk and are derived from ordinals, which are never reused: a rename touches no bucket, and a
 * dropped property's buckets can never be taken for another's. Numbers below 16 are the shard's own.
 *
 *   16 statistics | 17 doc column | 18 creation times | 19 update times | 32 + ordinal × 8 + kind
 */
import type { CollectionSchema, PropertySchema, ScalarType } from '../schema/collection-schema.ts';
import { TIMES_INDEX } from '../schema/reindex.ts';
import { Analyzer } from './analyzer.ts';

export const STATISTICS_BUCKET = 16;
export const DOCS_BUCKET = 17;
export const CREATED_BUCKET = 18;
export const UPDATED_BUCKET = 19;
const FIRST_FIELD_BUCKET = 32;
const KINDS = 8;

/** Never renumber. */
export const BucketKind = { terms: 0, searchable: 1, planes: 2, lengths: 3, present: 4, size: 5, created: 6, updated: 7 } as const;
export type BucketKind = (typeof BucketKind)[keyof typeof BucketKind];

export const bucketOf = (ordinal: number, kind: BucketKind): number => FIRST_FIELD_BUCKET + ordinal * KINDS + kind;

/** The ordinal of the index that a bucket belongs to; null for what is not a field's or the times'. */
export function indexOf(bucket: number): number | null {
  if (bucket === CREATED_BUCKET || bucket === UPDATED_BUCKET) return TIMES_INDEX;
  return bucket < FIRST_FIELD_BUCKET ? null : Math.floor((bucket - FIRST_FIELD_BUCKET) / KINDS);
}

export interface Field {
  /** Names its buckets: the property's own, or that of its latest index. */
  readonly ordinal: number;
  /** Dotted path from the object. */
  readonly path: string;
  readonly property: PropertySchema;
  /** Type of one value. */
  readonly type: ScalarType | 'geoCoordinates';
  /** An object may have several values. */
  readonly multiple: boolean;
  /** Ordinal of the property at the top, which is the index into the stored array. */
  readonly top: number;
  /** Names to follow below the top. */
  readonly chain: readonly string[];
  /** Text only. */
  readonly analyzer: Analyzer | null;
  /** Has its own bucket of values (text: of terms) for filters. */
  readonly terms: boolean;
  readonly searchable: boolean;
  /** Filters read the searchable bucket: the same terms, so no second bucket is kept. */
  readonly shared: boolean;
  readonly planes: boolean;
}

/** Fields of every property but the objects themselves, in schema order. */
export function fieldsOf(schema: CollectionSchema): Field[] {
  const fields: Field[] = [];
  const visit = (property: PropertySchema, prefix: string, top: number, chain: readonly string[], multiple: boolean): void => {
    const path = prefix === '' ? property.name : `${prefix}.${property.name}`;
    const several = multiple || property.type.endsWith('[]');
    const at = prefix === '' ? chain : [...chain, property.name];
    if (property.type === 'object' || property.type === 'object[]') {
      for (const inner of property.nested) visit(inner, path, top, at, several);
      return;
    }
    fields.push(fieldOf(property, path, top, at, several, schema));
  };
  for (const property of schema.properties) visit(property, '', property.ordinal, [], false);
  return fields;
}

function fieldOf(
  property: PropertySchema,
  path: string,
  top: number,
  chain: readonly string[],
  multiple: boolean,
  schema: CollectionSchema,
): Field {
  const type = (property.type.endsWith('[]') ? property.type.slice(0, -2) : property.type) as Field['type'];
  const isText = type === 'text';
  const searchable = isText && property.indexSearchable;
  const shared = searchable && property.indexFilterable && property.stemming === null;
  return {
    ordinal: property.index ?? property.ordinal,
    path,
    property,
    type,
    multiple,
    top,
    chain,
    analyzer: isText ? new Analyzer(property, schema.invertedIndex.stopwords) : null,
    terms: property.indexFilterable && !shared,
    searchable,
    shared,
    planes: property.indexRangeFilters && !multiple && (type === 'int' || type === 'number' || type === 'date'),
  };
}

/** The field's values in an object's stored array, nulls left out, appended to `into`. */
export function valuesOf(field: Field, values: readonly unknown[], into: unknown[] = []): unknown[] {
  collect(values[field.top], field.chain, 0, into);
  return into;
}

function collect(value: unknown, chain: readonly string[], at: number, into: unknown[]): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) for (const item of value) collect(item, chain, at, into);
  else if (at === chain.length) into.push(value);
  else collect((value as Record<string, unknown>)[chain[at]], chain, at + 1, into);
}

/**
 * What `len(path)` counts: elements of an array, characters (code points) of a text; for a path through nested objects the
 * number of values. Zero where there is nothing.
 */
export function sizeOf(field: Field, found: readonly unknown[]): number {
  if (field.multiple) return found.length;
  const [value] = found;
  if (typeof value !== 'string' || field.type !== 'text') return found.length;
  let points = 0;
  for (let i = 0; i < value.length; i++) if ((value.charCodeAt(i) & 0xfc00) !== 0xdc00) points++;
  return points;
}
