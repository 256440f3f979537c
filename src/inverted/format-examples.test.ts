/** The worked examples of docs/format decode to what the pages say. */
import { expect, test } from 'vitest';
import { uuidText } from '../core/ids.ts';
import type { BucketReader, Entry } from '../lsm/bucket.ts';
import { DocColumn } from './doc-column.ts';
import { LengthColumn } from './length-column.ts';
import { RangePlanes } from './range-planes.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => parseInt(pair, 16));

function readerOf(key: string, value: string): BucketReader {
  const entry: Entry = { key: bytes(key), value: bytes(value) };
  const entries = [entry];
  return {
    get: () => entry.value,
    getAll: () => [entry.value!],
    scan: () => ({ next: () => entries.shift() ?? null, close: () => undefined }),
  };
}

test('length-column.md', () => {
  const { lengths } = new LengthColumn(readerOf('00000001', '02 00 03 00 03 d1 00'));
  expect([...lengths.subarray(1_025, 1_030)]).toEqual([0, 1, 2, 3]);
});

test('doc-column.md', () => {
  const column = new DocColumn(readerOf('00000002', '03 018bcfe5680070008000000000000001 007c68607d01 e807'));
  expect(uuidText(column.uuid(515))).toBe('018bcfe5-6800-7000-8000-000000000001');
  expect([column.createdMs(515), column.updatedMs(515)]).toEqual([1_637_999_999_000, 1_638_000_000_000]);
});

test('range-planes.md', () => {
  const kinds = ['02', '01', '00', ...Array.from({ length: 10 }, () => '01'), ...Array.from({ length: 52 }, () => '00')].join('');
  const value = `0100 0100 ${kinds} 000000 02000000`;
  const found = (operator: 'equal' | 'greaterThan' | 'lessThan', bound: number): number[] => {
    const words = new Uint32Array(2);
    new RangePlanes(readerOf('00000000', value)).compare(operator, bound, words);
    return [...words];
  };
  expect(found('equal', 1)).toEqual([0, 2]);
  expect(found('greaterThan', 0.5)).toEqual([0, 2]);
  expect(found('lessThan', 1)).toEqual([0, 0]);
});
