import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeWriteRecord, encodeWriteRecord, OperationKind, type Operation } from './write-record.ts';

const u8 = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.integer({ min: 0, max: 0xfffffffe });
const vectors = fc.array(fc.record({ ordinal: fc.nat(0xffff), values: fc.float32Array({ minLength: 0, maxLength: 5, noNaN: true }) }), {
  maxLength: 2,
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant(OperationKind.put),
    uuid: u8(16),
    docID: u32,
    previous: fc.option(u32),
    ageMs: fc.nat(),
    properties: fc.uint8Array({ maxLength: 40 }),
    carried: fc.array(fc.nat(0xffff), { maxLength: 3 }),
    vectors,
  }),
  fc.record({ kind: fc.constant(OperationKind.delete), uuid: u8(16), docID: u32 }),
  fc.record({ kind: fc.constant(OperationKind.attach), docID: u32, vectors }),
);

test('a write record gives back every operation, request and failure', () => {
  const error = { code: 'Conflict' as const, message: 'there already', hint: '', details: {}, retryable: false };
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 8 }),
      u8(16),
      fc.nat(),
      fc.maxSafeNat(),
      fc.boolean(),
      (operations, client, sequence, hlc, failed) => {
        const record = { hlc, request: { client, sequence }, failures: failed ? [{ index: 1, error }] : [], operations };
        expect(decodeWriteRecord(encodeWriteRecord(record))).toEqual(record);
      },
    ),
  );
});

test('the worked example of the format page decodes to its values', () => {
  const page = readFileSync(new URL('../../docs/format/write-record.md', import.meta.url), 'utf8');
  const hex =
    page
      .split('```')[1]
      .split('\n')
      .map((line) => line.slice(0, 49))
      .join(' ')
      .match(/\b[0-9a-f]{2}\b/g) ?? [];
  expect(decodeWriteRecord(new Uint8Array(hex.map((byte) => parseInt(byte, 16))))).toEqual({
    hlc: 4096,
    request: { client: new Uint8Array(16).fill(0x11), sequence: 5 },
    failures: [],
    operations: [{ kind: OperationKind.attach, docID: 9, vectors: [{ ordinal: 2, values: new Float32Array([1, -2]) }] }],
  });
});
