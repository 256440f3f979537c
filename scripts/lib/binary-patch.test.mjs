import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyPatch } from '../../src/kernels/wasm/apply-patch.ts';
import { makePatch } from './binary-patch.mjs';

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
const edits = fc.array(fc.record({ at: fc.nat(400), drop: fc.nat(30), put: fc.uint8Array({ maxLength: 30 }) }), { maxLength: 6 });

const edited = (source, changes) =>
  changes.reduce((text, { at, drop, put }) => Buffer.concat([text.subarray(0, at), put, text.subarray(at + drop)]), source);

it('a patch makes the target of the source, whatever was changed', () => {
  fc.assert(
    fc.property(bytes, edits, (source, changes) => {
      const target = edited(source, changes);
      expect(Buffer.from(applyPatch(source, makePatch(source, target), target.length))).toEqual(target);
    }),
    { seed: 7, numRuns: 500 },
  );
});

it('a patch between unlike binaries works too', () => {
  fc.assert(
    fc.property(bytes, bytes, (source, target) => {
      expect(Buffer.from(applyPatch(source, makePatch(source, target), target.length))).toEqual(target);
    }),
    { seed: 8 },
  );
});

it('a patch of a few changes is a few bytes', () => {
  const source = Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * at * 31 + (at >> 3)) & 255));
  const target = edited(source, [
    { at: 40_000, drop: 1, put: Buffer.from([1, 2, 3]) },
    { at: 10_000, drop: 5, put: Buffer.from([9]) },
  ]);
  expect(makePatch(source, target).length).toBeLessThan(40);
});
