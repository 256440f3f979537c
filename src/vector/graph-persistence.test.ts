import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { bytesAt, createEngine, Metric, words } from '../kernels/wasm/engine.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';

const DIMENSIONS = 32;

function filled(count: number, seed = 5): { fixture: IndexFixture; queries: Float32Array[] } {
  const data = clusteredRows(new SeededRandom(seed), count + 40, DIMENSIONS);
  const fixture = new IndexFixture(vectorSchema(DIMENSIONS, 'l2-squared'));
  for (let i = 0; i < count; i++) fixture.add(i, data[i]);
  return { fixture, queries: data.slice(count) };
}

/** The answers of all queries, to compare before and after. */
const answers = (fixture: IndexFixture, queries: Float32Array[]): number[][] =>
  queries.map((query) => [...fixture.index.search(query, 10, { ef: 40 }).docIDs]);

test('an index opens from its log alone as it was closed', () => {
  const { fixture, queries } = filled(2_500);
  fixture.settle();
  const before = answers(fixture, queries);
  fixture.reopen(fixture.index.checkpoint(fixture.sequence));
  expect(fixture.index.backlog).toBe(0);
  expect(answers(fixture, queries)).toEqual(before);
  expect(fixture.index.orphans()).toBe(0);
});

test('an index opens from a snapshot written while rows came and went', () => {
  const { fixture, queries } = filled(3_000);
  fixture.settle();
  const state = fixture.index.checkpoint(fixture.sequence);
  fixture.reopen(state);
  const more = clusteredRows(new SeededRandom(6), 30_000, DIMENSIONS);
  let docID = 10_000;
  let sawSnapshot = false;
  for (const row of more) {
    fixture.add(docID++, row);
    if (docID % 3 === 0) fixture.remove(docID - 2_000 >= 10_000 ? docID - 2_000 : docID - 10_000);
    if (docID % 32 === 0) while (fixture.index.step(5, fixture.sequence) && fixture.index.backlog > 0);
    if (docID % 5_000 === 0) {
      const at = fixture.index.checkpoint(fixture.sequence);
      sawSnapshot ||= at.snapshot !== null;
      fixture.reopen(at);
    }
  }
  fixture.settle();
  const before = answers(fixture, queries);
  const last = fixture.index.checkpoint(fixture.sequence);
  expect(sawSnapshot).toBe(true);
  fixture.reopen(last);
  expect(fixture.index.backlog).toBe(0);
  expect(answers(fixture, queries)).toEqual(before);
  expect(fixture.index.orphans()).toBe(0);
  expect(fixture.recall(queries, 10, 64)).toBeGreaterThan(0.95);
});

test('operations beyond the recovered log are dropped', () => {
  const { fixture, queries } = filled(1_500);
  fixture.settle();
  const durable = fixture.sequence;
  fixture.index.checkpoint(durable);
  const lost = clusteredRows(new SeededRandom(9), 200, DIMENSIONS);
  lost.forEach((row, i) => fixture.add(5_000 + i, row));
  fixture.settle();
  const state = fixture.index.checkpoint(fixture.sequence);
  for (let i = 0; i < 200; i++) fixture.rows.rows.delete(5_000 + i);
  fixture.reopen(state, durable);
  expect(fixture.index.size).toBe(1_500);
  for (const query of queries) expect(Math.max(...fixture.index.search(query, 10).docIDs)).toBeLessThan(1_500);
});

test('a damaged graph file costs a rebuild, never an answer', () => {
  const { fixture, queries } = filled(1_400);
  fixture.settle();
  const state = fixture.index.checkpoint(fixture.sequence);
  const log = fixture.streams.contents.get(state.log as number) as Uint8Array<ArrayBuffer>;
  const intact = log.slice();
  const random = new SeededRandom(13);
  for (let round = 0; round < 12; round++) {
    const damaged = intact.slice();
    const kind = round % 3;
    if (kind === 0) damaged[random.int(damaged.length)] ^= 1 << random.int(8);
    else if (kind === 1) damaged.fill(0, random.int(damaged.length));
    else damaged.copyWithin(random.int(damaged.length), random.int(damaged.length), damaged.length);
    fixture.streams.contents.set(state.log as number, damaged);
    fixture.reopen(state);
    fixture.settle();
    expect(fixture.index.size).toBe(1_400);
    expect(fixture.recall(queries, 10)).toBeGreaterThan(0.97);
  }
});

test('a whole column given back after a rebuild is searched by codes at once, and linked in time', () => {
  const { fixture, queries } = filled(17_500, 8);
  fixture.reopen({ snapshot: null, log: null, meta: {} });
  const { index } = fixture;
  expect(index.size).toBe(17_500);
  expect(index.health().memoryBytes).toBeLessThan(17_500 * DIMENSIONS * 4 + 4_000_000);
  expect(index.backlog + index.unlinked).toBe(17_500);
  expect(fixture.recall(queries.slice(0, 5), 10)).toBe(1);
  for (let docID = 0; docID < 16_000; docID++) fixture.remove(docID);
  fixture.settle();
  expect(index.backlog + index.unlinked).toBe(0);
  expect(index.orphans()).toBe(0);
  expect(fixture.recall(queries, 10)).toBeGreaterThan(0.97);
});

test('the example in docs/format/graph-log.md means what it says', () => {
  const page = readFileSync(new URL('../../docs/format/graph-log.md', import.meta.url), 'utf8');
  const example = page.slice(page.lastIndexOf('```', page.lastIndexOf('```') - 1));
  const bytes = Uint8Array.from(
    [...example.matchAll(/^((?:[0-9a-f]{2} ){4})/gm)].flatMap((line) =>
      line[1]
        .trim()
        .split(' ')
        .map((hex) => parseInt(hex, 16)),
    ),
  );
  expect(bytes.length).toBe(32);
  const engine = createEngine();
  const { exports } = engine;
  exports.configure(16, Metric.cosine, 16, 2 ** 26);
  exports.useCodec(1, 0);
  // Slots 0 and 1, as operation 10 places them.
  const operations = Uint32Array.of(10, 0, 100, 1, 0, 10, 1, 101, 2, 0, ...new Uint32Array(bytes.buffer));
  const block = exports.alloc(operations.byteLength) >>> 0;
  bytesAt(engine, block, operations.byteLength).set(new Uint8Array(operations.buffer));
  expect(exports.replay(block, operations.length, 5)).toBe(0);
  expect(exports.finishLoading()).toBe(1);
  expect(exports.docOf(2)).toBe(7);
  expect(exports.placeOf(7)).toBe(2);
  const linksAt = (exports.chunkAt(0) >>> 0) + 1024 * 16;
  expect([...words(engine, linksAt + 2 * 128, 3)]).toEqual([0, 1, 0xffffffff]);
  expect([...words(engine, linksAt, 2)]).toEqual([2, 0xffffffff]);
});
