import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../core/bytes.ts';
import type { SortedEntries } from './bucket.ts';
import { ReplaceMemtable } from './replace-memtable.ts';

const key = fc.uint8Array({ maxLength: 5 });
const operation = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 40 }), { freq: 4 }) });
const text = (bytes: Uint8Array): string => [...bytes].join(' ');

function collect(entries: SortedEntries): [string, string | null][] {
  const all: [string, string | null][] = [];
  for (let entry = entries.next(); entry !== null; entry = entries.next())
    all.push([text(entry.key), entry.value === null ? null : text(entry.value)]);
  return all;
}

test('a memtable agrees with a Map on gets and on scans of every range', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), fc.option(key), fc.option(key), (operations, from, to) => {
      const table = new ReplaceMemtable();
      const model = new Map<string, { key: Uint8Array; value: Uint8Array | null }>();
      for (const { key: at, value } of operations) {
        if (value === null) table.delete(at);
        else table.put(at, value);
        model.set(text(at), { key: at, value });
        if (model.size % 7 === 0) table.scan(null, at).next();
      }
      for (const { key: at, value } of model.values()) expect(table.get(at)).toEqual(value);
      const inRange = [...model.values()]
        .filter((entry) => (from === null || compareBytes(entry.key, from) >= 0) && (to === null || compareBytes(entry.key, to) < 0))
        .sort((a, b) => compareBytes(a.key, b.key));
      expect(collect(table.scan(from, to))).toEqual(
        inRange.map((entry) => [text(entry.key), entry.value === null ? null : text(entry.value)]),
      );
      expect(table.size).toBe(model.size);
    }),
    { seed: 3 },
  );
});

test('a borrowed value stays what it was when its key is written again', () => {
  const table = new ReplaceMemtable();
  const at = new Uint8Array([1]);
  table.put(at, new Uint8Array([1, 2, 3]));
  const borrowed = table.get(at)!;
  table.put(at, new Uint8Array([9, 9, 9]));
  table.delete(at);
  expect([...borrowed]).toEqual([1, 2, 3]);
  expect(table.get(at)).toBeNull();
});
