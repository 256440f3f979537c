/**
 * How often each value of a field occurs among a set of objects: the base of facets and aggregates.
 *
 * Read from the postings where the index holds whole values (numbers, dates, booleans, UUIDs, text with `field`
 * tokenization): each term's postings are counted against the set. From the stored objects otherwise, and for sets so small
 * that reading them costs less than walking the terms.
 */
import type { DocSet } from '../core/doc-set.ts';
import type { FieldIndex } from '../inverted/field-index.ts';
import { valuesOf } from '../inverted/fields.ts';
import { BLOCK_DOCS, BlockTable, readHeader, readShort } from '../inverted/postings-codec.ts';
import { termKeyOf, type TermKey } from '../inverted/value-key.ts';

/** Dates are epoch milliseconds, UUIDs lower-case text. */
export type CountedValue = string | number | boolean;
export type ValueCounts = Map<CountedValue, number>;

/** Up to this many objects are read rather than every posting walked. */
const READ_MAX = 200;

/** An object counts once for each distinct value it has. */
export function countValues(
  field: FieldIndex,
  among: DocSet,
  amongCount: number,
  readValues: (docID: number) => readonly unknown[],
): ValueCounts {
  if (amongCount <= READ_MAX || !holdsWholeValues(field)) return countStored(field, among, readValues);
  return countPostings(field, among);
}

function holdsWholeValues({ field, filterTerms }: FieldIndex): boolean {
  if (filterTerms === null || field.type === 'geoCoordinates') return false;
  return field.type !== 'text' || (field.property.tokenization === 'field' && !field.property.asciiFold);
}

function countStored({ field }: FieldIndex, among: DocSet, readValues: (docID: number) => readonly unknown[]): ValueCounts {
  const counts: ValueCounts = new Map();
  for (const docID of among) for (const value of distinctValues(field, readValues(docID))) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The values of one object as facets and groups name them. */
export function distinctValues(field: FieldIndex['field'], values: readonly unknown[]): Set<CountedValue> {
  const found = new Set<CountedValue>();
  for (const value of valuesOf(field, values)) {
    if (field.type === 'geoCoordinates') continue;
    if (field.type === 'text') {
      if (typeof value === 'string') found.add(field.property.tokenization === 'field' ? value.trim().normalize('NFC') : value);
      continue;
    }
    const key = termKeyOf(field.type, value);
    if (key !== undefined) found.add(field.type === 'boolean' ? key === 1 : key);
  }
  return found;
}

function countPostings(index: FieldIndex, among: DocSet): ValueCounts {
  const bucket = index.filterTerms!;
  const counts: ValueCounts = new Map();
  const add = (key: TermKey, count: number): void => {
    if (count === 0) return;
    const value = index.field.type === 'boolean' ? key === 1 : key;
    counts.set(value, (counts.get(value) ?? 0) + count);
  };
  const { words } = among;
  bucket.scan(
    null,
    null,
    (key, value) => add(bucket.keyOfBytes(key), countIn(value, bucket.scored, words)),
    (key, docs) => {
      const found = docs();
      add(key, countAmong(found, found.length, words));
    },
  );
  return counts;
}

const docs = new Uint32Array(BLOCK_DOCS);
const frequencies = new Uint32Array(BLOCK_DOCS);

function countIn(value: Uint8Array, scored: boolean, words: Uint32Array): number {
  const header = readHeader(value, scored);
  if (header.count <= BLOCK_DOCS) return countAmong(docs, readShort(value, header, docs, scored ? frequencies : null, 0), words);
  const table = new BlockTable(value, header, scored);
  let count = 0;
  for (let block = 0; block < table.count; block++) count += countAmong(docs, table.read(block, docs, frequencies), words);
  return count;
}

function countAmong(list: Uint32Array, size: number, words: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < size; i++) count += (words[list[i] >>> 5] >>> (list[i] & 31)) & 1;
  return count;
}
