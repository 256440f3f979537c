import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../core/bytes.ts';
import { DocSet } from '../core/doc-set.ts';
import { PostingList } from './posting-list.ts';
import { postingMerge } from './posting-merge.ts';
import { readHeader, readPostings, writePostings } from './postings-codec.ts';

const postings = fc
  .uniqueArray(fc.tuple(fc.oneof(fc.nat(2_000), fc.nat(0xfffffff0)), fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 65_535 }))), {
    selector: ([doc]) => doc,
    maxLength: 700,
  })
  .map((pairs) => pairs.sort((a, b) => a[0] - b[0]));

function encode(pairs: readonly (readonly [number, number])[], scored: boolean, net = pairs.length): Uint8Array {
  const writer = new ByteWriter();
  const docs = Uint32Array.from(pairs, ([doc]) => doc);
  const frequencies = scored ? Uint32Array.from(pairs, ([, frequency]) => frequency) : null;
  writePostings(writer, { docs, frequencies, count: pairs.length, net }, scored ? new Uint16Array(3_000).fill(7) : null);
  return writer.finish().slice();
}

test('postings come back as they were written, with frequencies and without', () => {
  fc.assert(
    fc.property(postings, fc.integer({ min: -1_000, max: 1_000 }), fc.boolean(), (pairs, net, scored) => {
      const value = encode(pairs, scored, net);
      const { count, net: readNet } = readHeader(value, scored);
      expect([count, readNet]).toEqual([pairs.length, scored ? net : 0]);
      const docs = new Uint32Array(count);
      const frequencies = scored ? new Uint32Array(count) : null;
      readPostings(value, scored, docs, frequencies, 0);
      expect([...docs]).toEqual(pairs.map(([doc]) => doc));
      if (frequencies) expect([...frequencies]).toEqual(pairs.map(([, frequency]) => frequency));
    }),
    { numRuns: 60 },
  );
});

test('no posting of a block scores over the block’s bound', () => {
  fc.assert(
    fc.property(postings, (pairs) => {
      const near = pairs.filter(([doc]) => doc < 3_000);
      const lengths = Uint16Array.from({ length: 3_000 }, (_, doc) => 1 + ((doc * 7_919) % 97));
      const writer = new ByteWriter();
      writePostings(
        writer,
        { docs: Uint32Array.from(near, ([doc]) => doc), frequencies: Uint32Array.from(near, ([, f]) => f), count: near.length, net: 0 },
        lengths,
      );
      const list = new PostingList();
      list.addSegment(writer.finish().slice());
      const impact = (frequency: number, length: number): number => frequency / (frequency + 0.3 + 0.05 * length);
      const docs = new Uint32Array(128);
      const frequencies = new Uint32Array(128);
      for (let block = 0; block < list.blocks; block++) {
        const size = list.read(block, docs, frequencies);
        const bound = list.bound(block, impact);
        for (let i = 0; i < size; i++) expect(impact(frequencies[i], lengths[docs[i]])).toBeLessThanOrEqual(bound);
        expect(list.last(block)).toBe(docs[size - 1]);
      }
    }),
    { numRuns: 40 },
  );
});

test('a merge lays segments end to end, drops the dead and adds the net counts', () => {
  const older = encode(
    [
      [1, 1],
      [5, 2],
      [9, 1],
    ],
    true,
    3,
  );
  const newer = encode([[12, 4]], true, -1);
  const { merge } = postingMerge(true, DocSet.of([1, 9, 12]), () => null) as Extract<ReturnType<typeof postingMerge>, { kind: 'merge' }>;
  expect(merge(new Uint8Array(1), [newer, older], false)).toEqual(
    encode(
      [
        [1, 1],
        [9, 1],
        [12, 4],
      ],
      true,
      2,
    ),
  );
  expect(merge(new Uint8Array(1), [encode([[5, 1]], true, -1), encode([[3, 1]], true, 1)], true)).toBeNull();
});

test('the worked example of docs/format/postings.md decodes', () => {
  const value = Uint8Array.from([0x06, 0x03, 0x0a, 0x05, 0x02, 0x06]);
  const docs = new Uint32Array(3);
  const frequencies = new Uint32Array(3);
  expect(readHeader(value, true)).toMatchObject({ net: 3, count: 3 });
  readPostings(value, true, docs, frequencies, 0);
  expect([[...docs], [...frequencies]]).toEqual([
    [5, 8, 12],
    [1, 2, 1],
  ]);
});
