import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DocSet } from '../core/doc-set.ts';
import { addDeaths, deathEntries, deathsBucket } from './deaths.ts';
import type { Entry } from '../lsm/bucket.ts';

const entriesOf = (dead: Iterable<number>): Map<number, Uint8Array> => {
  const out = new Map<number, Uint8Array>();
  const entries = deathEntries(dead);
  for (let entry = entries.next(); entry; entry = entries.next())
    out.set(new DataView(entry.key.slice().buffer).getUint32(0), entry.value!.slice());
  return out;
};
const keyOf = (high: number): Uint8Array => new Uint8Array([high >>> 24, high >>> 16, high >>> 8, high]);

test('deaths of several flushes, merged or not, read back as their union', () => {
  const operator = deathsBucket(3).operator;
  const flush = fc.array(fc.oneof(fc.nat(300), fc.nat(200_000)), { maxLength: 60 });
  fc.assert(
    fc.property(fc.array(flush, { minLength: 1, maxLength: 4 }), fc.boolean(), (flushes, dense) => {
      const dead = flushes.map((docIDs) => (dense ? docIDs.flatMap((id) => Array.from({ length: 200 }, (_, i) => id + i)) : docIDs));
      const segments = dead.map(entriesOf);
      const apart = new DocSet();
      const merged = new DocSet();
      for (const high of new Set(segments.flatMap((segment) => [...segment.keys()]))) {
        const values = segments.flatMap((segment) => segment.get(high) ?? []);
        for (const value of values) addDeaths(apart, { key: keyOf(high), value });
        if (operator.kind === 'merge') addDeaths(merged, { key: keyOf(high), value: operator.merge(keyOf(high), values, true) } as Entry);
      }
      const model = [...new Set(dead.flat())].sort((a, b) => a - b);
      expect([...apart]).toEqual(model);
      expect([...merged]).toEqual(model);
    }),
  );
});

test('a chunk whose 65,536 docIDs all died takes one byte', () => {
  const all = Array.from({ length: 65_536 }, (_, i) => 65_536 + i);
  const entries = entriesOf(all);
  expect(entries.get(1)).toEqual(new Uint8Array([2]));
  const back = new DocSet();
  addDeaths(back, { key: keyOf(1), value: entries.get(1)! });
  expect(back.count()).toBe(65_536);
  expect(back.has(65_535)).toBe(false);
});

test('the worked example in docs/format/shard-buckets.md is what is written and read', () => {
  const page = readFileSync(new URL('../../docs/format/shard-buckets.md', import.meta.url), 'utf8');
  const [key, value] = [/key `([0-9a-f ]+)`, value `([0-9a-f ]+)`/.exec(page)!].flatMap(([, ...parts]) =>
    parts.map((hex) => Uint8Array.from(hex.split(' '), (pair) => parseInt(pair, 16))),
  );
  const dead = [65_537, 65_540];
  const entry = deathEntries(dead).next()!;
  expect([entry.key, entry.value]).toEqual([key, value]);
  const read = new DocSet();
  addDeaths(read, { key, value });
  expect([...read]).toEqual(dead);
});
