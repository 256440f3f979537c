import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import type { BuiltGraph } from '../gpu/gpu-backend.ts';
import { ScalarGpu } from '../gpu/scalar-gpu.ts';
import { preparedRow } from '../kernels/scalar/distances.ts';
import type { QuantizerConfig } from '../schema/collection-schema.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';

const DIMENSIONS = 16;
const ROWS = 1_800;
const K = 10;

function fixtureOf(quantizer: QuantizerConfig['type'] = 'sq'): { fixture: IndexFixture; queries: Float32Array[]; spare: Float32Array[] } {
  const data = clusteredRows(new SeededRandom(5), ROWS + 240, DIMENSIONS);
  const schema = vectorSchema(DIMENSIONS, 'cosine', {
    quantizer: { type: quantizer, rescoreLimit: 40, trainingLimit: 10_000, segments: 0, centroids: 256 },
  });
  const fixture = new IndexFixture(schema);
  data.slice(0, ROWS).forEach((row, docID) => fixture.add(docID, row));
  return { fixture, queries: data.slice(ROWS, ROWS + 40), spare: data.slice(ROWS + 40) };
}

/** A graph over what the index holds, made elsewhere, and the docIDs of its rows. */
async function buildElsewhere({ index, rows, schema }: IndexFixture): Promise<{ built: BuiltGraph; docIDs: Uint32Array }> {
  const gpu = new ScalarGpu();
  const docIDs = index.docIDs().toArray().reverse();
  const table = await gpu.openTable({ rowType: 'f32', distance: 'cosine', dimensions: DIMENSIONS, space: null, rowsExpected: ROWS });
  const prepared = Float32Array.from([...docIDs].flatMap((docID) => [...preparedRow(schema.distance, rows.rows.get(docID)!)]));
  await gpu.append(table!, docIDs, prepared);
  const { maxConnections, efConstruction } = index.bulk;
  const built = await gpu.build({ table: table!, maxConnections, efConstruction, cpuMs: 1 });
  return { built: built!, docIDs };
}

/** Trains and codes the rows, without linking more than a few. */
function trainOnly({ index, sequence }: IndexFixture): void {
  while (index.bulk.productJob() !== null || index.bulk.debt === null) index.step(0, sequence);
  index.bulk.hold(true);
}

test.each([
  ['sq', 0.97],
  ['none', 0.97],
  ['pq', 0.93],
] as const)(
  'over %s codes a graph built elsewhere answers as well as one built row by row, also after it was opened again',
  async (quantizer, floor) => {
    const { fixture: one, queries } = fixtureOf(quantizer);
    one.settle();
    const { fixture } = fixtureOf(quantizer);
    trainOnly(fixture);
    const { built, docIDs } = await buildElsewhere(fixture);
    fixture.index.bulk.adopt(built, docIDs, fixture.sequence);
    fixture.index.bulk.hold(false);
    expect(fixture.index.unlinked).toBeLessThan(ROWS * 0.01);
    expect(fixture.index.backlog).toBe(0);
    fixture.settle();
    const recall = fixture.recall(queries, K, 48);
    expect(fixture.index.lastExplain.path).toBe('graph');
    expect(recall).toBeGreaterThan(floor);
    expect(recall).toBeGreaterThanOrEqual(one.recall(queries, K, 48) - 0.005);
    expect(fixture.index.orphans()).toBe(0);
    fixture.reopen(fixture.index.checkpoint(fixture.sequence));
    expect(fixture.index.backlog).toBe(0);
    fixture.index.search(queries[0], K);
    expect(fixture.index.lastExplain.path).toBe('graph');
    expect(fixture.recall(queries, K, 48)).toBe(recall);
  },
);

test('rows that came, went or changed their docID while the graph was built are right in it, and it goes on growing', async () => {
  const { fixture, queries, spare } = fixtureOf();
  trainOnly(fixture);
  const { built, docIDs } = await buildElsewhere(fixture);
  const { index, rows } = fixture;
  for (let docID = 0; docID < 100; docID++) fixture.remove(docID * 7);
  for (const docID of [1, 2, 3, ROWS - 1]) {
    rows.rows.set(50_000 + docID, rows.rows.get(docID)!);
    rows.rows.delete(docID);
    index.rebind(docID, 50_000 + docID, ++fixture.sequence);
  }
  spare.slice(0, 100).forEach((row, i) => fixture.add(10_000 + i, row));
  index.bulk.adopt(built, docIDs, fixture.sequence);
  index.bulk.hold(false);
  fixture.settle();
  const check = (): void => {
    expect(index.size).toBe(rows.rows.size);
    expect([...index.docIDs()].every((docID) => rows.rows.has(docID))).toBe(true);
    expect(index.orphans()).toBe(0);
    expect(fixture.recall(queries, K, 64)).toBeGreaterThan(0.97);
    expect(index.search(rows.rows.get(50_003)!, 1).docIDs[0]).toBe(50_003);
  };
  check();
  spare.slice(100).forEach((row, i) => fixture.add(20_000 + i, row));
  for (let docID = 1_000; docID < 1_300; docID++) if (rows.rows.has(docID)) fixture.remove(docID);
  fixture.settle();
  check();
});

test('a crash before the new graph is in the manifest finds the graph before, and rows linked since are linked again', async () => {
  const { fixture, queries, spare } = fixtureOf();
  fixture.settle();
  const state = index(fixture).checkpoint(fixture.sequence);
  const { built, docIDs } = await buildElsewhere(fixture);
  spare.forEach((row, i) => fixture.add(10_000 + i, row));
  index(fixture).bulk.adopt(built, docIDs, fixture.sequence);
  for (let slices = 0; slices < 3; slices++) fixture.index.step(0, fixture.sequence);
  fixture.reopen(state);
  expect(fixture.index.size).toBe(ROWS + spare.length);
  fixture.settle();
  expect(fixture.recall(queries, K, 64)).toBeGreaterThan(0.97);
  expect(fixture.index.orphans()).toBe(0);
});
const index = (fixture: IndexFixture): IndexFixture['index'] => fixture.index;

test('rows that are not durable yet stay out of an adopted graph until they are', async () => {
  const { fixture } = fixtureOf();
  trainOnly(fixture);
  const { built, docIDs } = await buildElsewhere(fixture);
  const durable = fixture.sequence - 300;
  fixture.index.bulk.adopt(built, docIDs, durable);
  fixture.index.bulk.hold(false);
  expect(fixture.index.backlog).toBe(300);
  while (fixture.index.step(50, durable));
  expect(fixture.index.backlog).toBe(300);
  fixture.settle();
  expect(fixture.index.backlog).toBe(0);
  expect(fixture.index.orphans()).toBe(0);
});

test('centroids trained elsewhere from the same start answer as well as those that wasm trains', async () => {
  const { fixture: one, queries } = fixtureOf('pq');
  one.settle();
  const { fixture } = fixtureOf('pq');
  const job = fixture.index.bulk.productJob()!;
  const trained = await new ScalarGpu().trainCentroids(job);
  fixture.index.bulk.adoptCodebook(trained!.centroids as Float32Array<ArrayBuffer>);
  expect(fixture.index.bulk.productJob()).toBeNull();
  fixture.settle();
  expect(Math.abs(fixture.recall(queries, K, 48) - one.recall(queries, K, 48))).toBeLessThanOrEqual(0.02);
  const recall = fixture.recall(queries, K, 48);
  fixture.reopen(fixture.index.checkpoint(fixture.sequence));
  expect(fixture.recall(queries, K, 48)).toBe(recall);
});
