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
import { valueColumn } from './value-column.ts';

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

/** Fewer objects than this are read rather than every posting of a field walked. */
export const SORT_COLUMNS_MIN = 512;

/**
 * The same without reading objects, for very many of them: a function of the docID, or null when one of the keys needs the
 * stored values (text, arrays, places, what is not filterable).
 */
export function sortColumns(index: InvertedIndex, keys: readonly SortKey[], end: number): ((docID: number) => SortValue[]) | null {
  const columns = keys.map((key) => (key.path.startsWith('_') ? null : valueColumn(index.field(key.path), end)));
  if (keys.some((key, i) => !key.path.startsWith('_') && columns[i] === null)) return null;
  return (docID) =>
    keys.map((key, i) => {
      const column = columns[i];
      if (column === null) return sortValuesOf(index, [key], docID, () => [])[0];
      return Number.isNaN(column[docID]) ? null : column[docID];
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
