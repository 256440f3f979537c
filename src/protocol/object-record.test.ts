import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter, fromUtf8, utf8 } from '../core/bytes.ts';
import { decodeObject, encodeObject, uuidOfRecord } from './object-record.ts';
import { readObjectPage, writePagedObject } from './object-page.ts';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('the worked example of the format page decodes to its values', () => {
  const page = readFileSync(new URL('../../docs/format/object-record.md', import.meta.url), 'utf8');
  const block = page.split('```')[1];
  const hex =
    block
      .split('\n')
      .map((line) => line.slice(0, 49))
      .join(' ')
      .match(/\b[0-9a-f]{2}\b/g) ?? [];
  const bytes = new Uint8Array(hex.map((byte) => parseInt(byte, 16)));
  const object = decodeObject(bytes);
  expect(hexOf(object.uuid)).toBe('0102030405060708090a0b0c0d0e0f10');
  expect(object.hlc).toBe(1_700_000_000_000 * 4096 + 5);
  expect([object.updatedMs, object.createdMs, object.sequence]).toEqual([1_700_000_000_000, 1_699_999_999_700, 7]);
  expect(fromUtf8(object.properties)).toBe('["a",null,3]');
  expect(hexOf(encodeObject(object))).toBe(hexOf(bytes));
});

const record = fc.record({
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  hlc: fc.integer({ min: 4096 * 1e6, max: Number.MAX_SAFE_INTEGER }),
  createdMs: fc.nat(1e6),
  sequence: fc.nat(),
  values: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null))),
  vectors: fc.array(fc.record({ ordinal: fc.nat(0xffff), values: fc.float32Array({ minLength: 1, maxLength: 9, noNaN: true }) }), {
    maxLength: 3,
  }),
});

test('a page gives back every object that was put in', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      const page = new ByteWriter();
      records.forEach((r, docID) => {
        const bytes = encodeObject({ ...r, properties: utf8(JSON.stringify(r.values)) });
        expect(hexOf(uuidOfRecord(bytes))).toBe(hexOf(r.uuid));
        writePagedObject(page, docID, bytes, r.vectors);
      });
      const read = [...readObjectPage(page.finish())];
      expect(read.map((o) => o.docID)).toEqual(records.map((_, docID) => docID));
      expect(read.map(({ record: o }) => [hexOf(o.uuid), o.hlc, o.createdMs, o.sequence, JSON.parse(fromUtf8(o.properties))])).toEqual(
        records.map((r) => [hexOf(r.uuid), r.hlc, r.createdMs, r.sequence, r.values]),
      );
      expect(read.map((o) => o.vectors)).toEqual(records.map((r) => r.vectors));
    }),
  );
});
