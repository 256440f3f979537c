/**
 * Values that objects are sorted by. Order: nothing first when ascending, as in Weaviate; then numbers and dates by size, false
 * before true, text and UUIDs by UTF-16 unit; an array by its first element; ties by UUID.
 */
import type { SortKey } from '../protocol/search-request.ts';
import { valuesOf } from '../inverted/fields.ts';
import { metresBetween, placeOf } from '../inverted/geo.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import { termKeyOf } from '../inverted/value-key.ts';
import { uuidText } from '../core/ids.ts';

export type SortValue = string | number | null;

/** The value of one object for each key. `readValues` is called at most once. */
export function sortValuesOf(
  index: InvertedIndex,
  keys: readonly SortKey[],
  docID: number,
  readValues: () => readonly unknown[],
): SortValue[] {
  let values: readonly unknown[] | null = null;
  return keys.map((key) => {
    if (key.path === '_id') return uuidText(index.docs.uuid(docID));
    if (key.path === '_creationTime') return index.docs.createdMs(docID);
    if (key.path === '_updateTime') return index.docs.updatedMs(docID);
    values ??= readValues();
    const { field } = index.field(key.path);
    const [value] = valuesOf(field, values);
    if (value === undefined) return null;
    if (field.type !== 'geoCoordinates') return field.type === 'text' ? (value as string) : (termKeyOf(field.type, value) ?? null);
    const place = placeOf(value);
    return place === null || key.from === undefined ? null : metresBetween(key.from, place);
  });
}

/** Negative when `a` comes before `b`; zero when the keys do not tell them apart. */
export function compareSortValues(keys: readonly SortKey[], a: readonly SortValue[], b: readonly SortValue[]): number {
  for (let i = 0; i < keys.length; i++) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return keys[i].order === 'asc' ? order : -order;
  }
  return 0;
}

function compareValues(a: SortValue, b: SortValue): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
