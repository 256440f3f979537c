/**
 * One number a docID, read from a field's postings: for sorting very many objects without reading them. The terms of the
 * field are walked once, so the cost is that of its postings, not of parsing objects.
 * Called by the shard's fetches; single-valued numbers, dates and booleans only.
 */
import type { FieldIndex } from '../inverted/field-index.ts';
import { readHeader, readPostings } from '../inverted/postings-codec.ts';

/** By docID below `end`; NaN where an object has no value. Null when the field's postings do not hold one value an object. */
export function valueColumn({ field, terms }: FieldIndex, end: number): Float64Array | null {
  if (terms === null || field.multiple || field.type === 'text' || field.type === 'uuid' || field.type === 'geoCoordinates') return null;
  const column = new Float64Array(end).fill(NaN);
  const put = (docs: Uint32Array, count: number, value: number): void => {
    for (let i = 0; i < count; i++) column[docs[i]] = value;
  };
  let docs = new Uint32Array(1024);
  terms.scan(
    null,
    null,
    (key, value) => {
      const { count } = readHeader(value, false);
      if (count > docs.length) docs = new Uint32Array(count * 2);
      put(docs, readPostings(value, false, docs, null, 0), terms.keyOfBytes(key) as number);
    },
    (key, read) => {
      const found = read();
      put(found, found.length, key as number);
    },
  );
  return column;
}
