import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { DocSet } from '../core/doc-set.ts';
import { exactDistance, preparedRow } from '../kernels/scalar/distances.ts';
import type { Distance } from '../schema/collection-schema.ts';
import { IndexMirror, type MirroredIndex } from './index-mirror.ts';
import { ScalarGpu } from './scalar-gpu.ts';

class Rows implements MirroredIndex {
  readonly distance: Distance;
  readonly dimensions = 6;
  readonly rows = new Map<number, Float32Array>();
  constructor(distance: Distance = 'cosine') {
    this.distance = distance;
  }
  get size(): number {
    return this.rows.size;
  }
  docIDs(): DocSet {
    return DocSet.of(this.rows.keys());
  }
  read(docID: number, into: Float32Array): boolean {
    const row = this.rows.get(docID);
    if (row) into.set(row);
    return row !== undefined;
  }
  nearest(query: Float32Array, k: number, allow: DocSet | null): { docID: number; distance: number }[] {
    const prepared = preparedRow(this.distance, query);
    const all = [...this.rows].filter(([docID]) => !allow || allow.has(docID));
    const scored = all.map(([docID, row]) => ({
      docID,
      distance: Math.fround(exactDistance(this.distance, prepared, preparedRow(this.distance, row))),
    }));
    return scored.sort((a, b) => a.distance - b.distance || a.docID - b.docID).slice(0, k);
  }
}

/** Searches where the plan says so. */
async function search(
  mirror: IndexMirror,
  queries: Float32Array,
  k: number,
  allow: DocSet | null,
  cpuMs: number,
): Promise<Uint32Array[] | null> {
  const plan = await mirror.plan(queries.length / 6, k, allow, cpuMs);
  return plan?.useGpu ? mirror.searchMany(Float32Array.from(queries), k, allow, cpuMs) : null;
}

const random = new SeededRandom(4);
const row = (): Float32Array => Float32Array.from({ length: 6 }, () => random.next() - 0.5);

test('after any changes a batch gets the exact nearest of what is there now', async () => {
  const change = fc.record({ docID: fc.nat(60), add: fc.boolean() });
  const round = fc.record({
    changes: fc.array(change, { maxLength: 30 }),
    allow: fc.option(fc.uniqueArray(fc.nat(60))),
    lose: fc.integer({ min: 0, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Distance>('cosine', 'l2-squared', 'manhattan'),
      fc.array(round, { minLength: 1, maxLength: 5 }),
      async (distance, rounds) => {
        const rows = new Rows(distance);
        rows.rows.set(100, row());
        const gpu = new ScalarGpu();
        const mirror = new IndexMirror(gpu, rows, 'test');
        let next = 1000;
        for (const { changes, allow, lose } of rounds) {
          for (const { docID, add } of changes) {
            rows.rows.delete(docID);
            if (add) rows.rows.set(rows.rows.has(docID) ? next++ : docID + next, row());
            next += 61;
          }
          if (lose === 0) gpu.lose();
          const allowed = allow && DocSet.of([...rows.rows.keys()].filter((docID) => allow.includes(docID % 61)));
          const queries = Float32Array.from([...row(), ...row()]);
          const hits = await search(mirror, queries, 5, allowed, 1);
          expect(hits).not.toBeNull();
          hits!.forEach((docIDs, q) => {
            const wanted = rows.nearest(queries.subarray(q * 6, (q + 1) * 6), 5, allowed);
            expect(docIDs.length).toBeLessThanOrEqual(5 + 4);
            expect([...docIDs].slice(0, 5).sort()).toEqual(wanted.map((hit) => hit.docID).sort());
            expect([...docIDs].every((docID) => rows.rows.has(docID) && (!allowed || allowed.has(docID)))).toBe(true);
          });
        }
      },
    ),
    { numRuns: 40, seed: 8 },
  );
});

test('rows are sent once, and only what is new later', async () => {
  const rows = new Rows();
  for (let docID = 0; docID < 50; docID++) rows.rows.set(docID, row());
  const gpu = new ScalarGpu();
  const mirror = new IndexMirror(gpu, rows, 'test');
  await search(mirror, row(), 3, null, 1);
  await search(mirror, row(), 3, null, 1);
  expect(gpu.appended).toBe(50);
  rows.rows.set(77, row());
  rows.rows.delete(3);
  await search(mirror, row(), 3, null, 1);
  expect(gpu.appended).toBe(51);
  expect([...gpu.tables.values()][0].rows.size).toBe(50);
  await mirror.close();
  expect(gpu.tables.size).toBe(0);
});

test('rows go up only when what was forgone reaches what the upload costs', async () => {
  const rows = new Rows();
  for (let docID = 0; docID < 50; docID++) rows.rows.set(docID, row());
  const gpu = new ScalarGpu();
  const rowBytes = 50 * 6 * 4;
  gpu.planFor = ({ uploadBytes, cpuMs }) => {
    const gpuMs = 1 + (uploadBytes >= rowBytes ? 30 : 0);
    return { useGpu: cpuMs >= 1.5 * gpuMs, gpuMs, cpuMs, reason: 'test' };
  };
  const mirror = new IndexMirror(gpu, rows, 'test');
  const answered: boolean[] = [];
  for (let i = 0; i < 5; i++) answered.push((await search(mirror, row(), 3, null, 11)) !== null);
  expect(answered).toEqual([false, false, true, true, true]);
  expect(gpu.appended).toBe(50);
});

test('what the GPU can’t do is left to the CPU', async () => {
  const rows = new Rows();
  const gpu = new ScalarGpu();
  const mirror = new IndexMirror(gpu, rows, 'test');
  expect(await search(mirror, row(), 3, null, 1)).toBeNull();
  rows.rows.set(1, row());
  expect(await search(mirror, row(), 1000, null, 1)).toBeNull();
  gpu.openTable = async () => null;
  expect(await search(mirror, row(), 3, null, 1)).toBeNull();
});
