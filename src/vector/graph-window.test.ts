import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { GraphMirror } from '../gpu/graph-mirror.ts';
import { ScalarGpu } from '../gpu/scalar-gpu.ts';
import { preparedRow } from '../kernels/scalar/distances.ts';
import { codeEngineRow, type EngineSpace } from '../kernels/scalar/engine-codes.ts';
import type { Distance } from '../schema/collection-schema.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';

const DIMENSIONS = 20;
const ROWS = 2_500;
const K = 10;
const EF = 48;

interface Walked {
  readonly fixture: IndexFixture;
  readonly gpu: ScalarGpu;
  readonly mirror: GraphMirror;
  readonly queries: Float32Array[];
  readonly spare: Float32Array[];
  /** The answers by way of the copy of the graph; null where it did not answer. */
  walk(): Promise<number[][] | null>;
}

function walked(distance: Distance = 'cosine', quantizer: 'sq' | 'none' | 'bq' = 'sq'): Walked {
  const random = new SeededRandom(3);
  const whole = distance === 'hamming' ? 2 : 0;
  const data = clusteredRows(random, ROWS + 540, DIMENSIONS).map((row) => (whole ? row.map((v) => Math.round(v * whole)) : row));
  const schema = vectorSchema(DIMENSIONS, distance, {
    quantizer: { type: quantizer, rescoreLimit: 20, trainingLimit: 10_000, segments: 0, centroids: 256 },
  });
  const fixture = new IndexFixture(schema);
  data.slice(0, ROWS).forEach((row, docID) => fixture.add(docID, row));
  fixture.settle();
  const gpu = new ScalarGpu();
  const mirror = new GraphMirror(gpu, fixture.index.window, 'test');
  const queries = data.slice(ROWS, ROWS + 40);
  const flat = Float32Array.from(queries.flatMap((query) => [...query]));
  return {
    fixture,
    gpu,
    mirror,
    queries,
    spare: data.slice(ROWS + 40),
    async walk() {
      const { index } = fixture;
      const width = index.walkWidth(K, EF);
      const plan = width === null ? null : await mirror.plan(queries.length, width, 1);
      const slots = plan?.useGpu ? await mirror.walkMany(flat.slice(), width!, 1) : null;
      return slots && slots.map((list, q) => [...index.searchListed(queries[q], K, { slots: list, path: 'graph' }, { ef: EF }).docIDs]);
    },
  };
}

/** Share of answers as near as the true ones: by hamming many rows are equally near. */
function recall({ fixture, queries }: Walked, answers: readonly (readonly number[])[]): number {
  let found = 0;
  answers.forEach((answer, q) => {
    const all = fixture.bruteForce(queries[q], Infinity);
    const near = new Set(all.filter(({ distance }) => distance <= all[K - 1].distance).map((hit) => hit.docID));
    found += answer.filter((docID) => near.has(docID)).length;
  });
  return found / (answers.length * K);
}
const own = ({ fixture, queries }: Walked): number[][] => queries.map((query) => [...fixture.index.search(query, K, { ef: EF }).docIDs]);

describe.each(['cosine', 'dot', 'l2-squared', 'manhattan', 'hamming'] as const)('by %s', (distance) => {
  test('a walk of the copied codes and links finds what the engine’s own walk finds', async () => {
    const all = walked(distance);
    const answers = (await all.walk())!;
    expect(all.gpu.walks).toBe(1);
    expect(all.fixture.index.lastExplain).toMatchObject({ path: 'graph', backend: 'gpu' });
    expect(recall(all, answers)).toBeGreaterThanOrEqual(recall(all, own(all)) - 0.005);
  });
});

test.each(['cosine', 'l2-squared', 'manhattan', 'hamming'] as const)('by %s the plain coder makes the engine’s codes', (distance) => {
  const { index, rows } = walked(distance).fixture;
  const { space } = index.window.layout()!;
  const docIDs = Uint32Array.from({ length: 200 }, (_, i) => i * 11);
  const { words } = index.window.rowsOf(index.slotsOf(docIDs), 32);
  const codes = new Uint8Array(DIMENSIONS);
  docIDs.forEach((docID, i) => {
    codeEngineRow(space as EngineSpace, distance, preparedRow(distance, rows.rows.get(docID)!), codes);
    expect([...codes]).toEqual([...words.subarray(i * 32, i * 32 + DIMENSIONS)]);
  });
});

test('a graph over unquantized rows is walked as well; one over bits is not', async () => {
  const all = walked('l2-squared', 'none');
  expect(recall(all, (await all.walk())!)).toBeGreaterThanOrEqual(recall(all, own(all)) - 0.005);
  expect(await walked('l2-squared', 'bq').walk()).toBeNull();
});

test('after insertions, removals and a sweep only what changed is sent, and answers are those of the graph as it is', async () => {
  const all = walked();
  await all.walk();
  const { fixture, gpu } = all;
  expect([gpu.appended, gpu.linked]).toEqual([ROWS, ROWS]);
  all.spare.slice(0, 60).forEach((row, i) => fixture.add(10_000 + i, row));
  fixture.settle();
  await all.walk();
  expect(gpu.appended).toBe(ROWS + 60);
  expect(gpu.linked).toBeGreaterThan(ROWS + 60);
  expect(gpu.linked).toBeLessThan(ROWS + 60 * 40);
  for (let docID = 0; docID < 300; docID++) fixture.remove(docID);
  fixture.settle();
  all.spare.slice(60, 400).forEach((row, i) => fixture.add(20_000 + i, row));
  fixture.settle();
  const answers = (await all.walk())!;
  const patched = [...gpu.tables.values()][0].patched;
  const { index } = fixture;
  const slots = Uint32Array.from(patched.keys()).sort();
  const { words, terms } = index.window.rowsOf(slots, patched.get(0)!.words.length);
  const links = index.window.linksOf(slots);
  slots.forEach((slot, i) => {
    const node = patched.get(slot)!;
    expect([...node.words]).toEqual([...words.subarray(i * node.words.length, (i + 1) * node.words.length)]);
    expect([...node.links]).toEqual([...links.subarray(i * node.links.length, (i + 1) * node.links.length)]);
    expect(node.term).toBe(terms[i]);
  });
  expect(answers.flat().every((docID) => docID >= 300)).toBe(true);
  expect(recall(all, answers)).toBeGreaterThanOrEqual(recall(all, own(all)) - 0.005);
});

test('a row that was linked while the GPU walked is found, and one that was removed is not', async () => {
  const all = walked();
  await all.walk();
  const { fixture, gpu, queries } = all;
  const searchGraph = gpu.searchGraph.bind(gpu);
  const [nearest] = fixture.bruteForce(queries[0], 1);
  gpu.searchGraph = async (job) => {
    const hits = await searchGraph(job);
    fixture.add(30_000, queries[0]);
    fixture.remove(nearest.docID);
    fixture.settle();
    return hits;
  };
  const [first] = (await all.walk())!;
  expect(first[0]).toBe(30_000);
  expect(first).not.toContain(nearest.docID);
});

test('rows that wait are in the answer, and a lost copy is made again', async () => {
  const all = walked();
  await all.walk();
  all.fixture.add(40_000, all.queries[3]);
  expect((await all.walk())![3][0]).toBe(40_000);
  all.gpu.lose();
  expect((await all.walk())![3][0]).toBe(40_000);
  expect(all.gpu.appended).toBeGreaterThanOrEqual(2 * ROWS);
});
