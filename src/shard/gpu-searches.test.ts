import { afterEach, expect, test } from 'vitest';
import { type Clock, SeededRandom, silentLogger, systemClock, systemRandom } from '../core/clock.ts';
import { ScalarGpu } from '../gpu/scalar-gpu.ts';
import { planShardSearch } from '../query/plan.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import { memoryVfs } from '../vfs/memory.ts';
import { ShardHost } from './engine-host.ts';
import { BATCH_MIN } from './gpu-searches.ts';
import { batchOf, DIMENSIONS, entry, testSchema, uuidOf } from './testing.ts';

const SHARD = 1;
const OBJECTS = 300;
const random = new SeededRandom(2);
const vector = (): number[] => Array.from({ length: DIMENSIONS }, () => random.next());

/** Wall time stands still, so that two hosts write the same bytes. */
const clock: Clock = { now: () => 1_000_000, monotonic: () => systemClock.monotonic() };
const hosts: ShardHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

async function hostWith(gpu: ScalarGpu | null): Promise<ShardHost> {
  const host = await ShardHost.open({
    vfs: memoryVfs(),
    mirror: null,
    clock,
    random: systemRandom,
    logger: silentLogger,
    durability: 'relaxed',
    gpu,
    defer: queueMicrotask,
  });
  hosts.push(host);
  await host.putShard(SHARD, testSchema());
  return host;
}

let sequence = 0;
const write = (host: ShardHost, entries: Parameters<typeof batchOf>[0]): Promise<unknown> =>
  host.write({ shard: SHARD, request: { client: new Uint8Array(16), sequence: ++sequence }, batch: batchOf(entries), atomic: true });

const request = (query: number[], filter: SearchRequest['filter'] = null): SearchRequest => ({
  operation: 'nearVector',
  options: [],
  collection: 'Note',
  filter,
  vector: {
    targets: [{ name: 'default', query: Float32Array.from(query), weight: 1 }],
    combination: 'minimum',
    maxDistance: null,
    ef: null,
  },
  keyword: null,
  fusion: null,
  sort: [],
  limit: 5,
  offset: 0,
  after: null,
  autocut: 0,
  groupBy: null,
  facets: [],
  totalCount: false,
  returnProperties: null,
  includeVectors: [],
  explain: true,
});
const ALL = { properties: null, vectors: [] };

/** The answers of a batch that arrives in one turn, by both ways of asking. */
async function batch(
  host: ShardHost,
  queries: readonly number[][],
  filter: SearchRequest['filter'] = null,
): Promise<{ docIDs: number[][]; backends: unknown[]; replies: unknown[] }> {
  const results = await Promise.all(queries.map((query) => host.search(SHARD, planShardSearch(request(query, filter)))));
  const replies = await Promise.all(queries.map((query) => host.answer(SHARD, { ...request(query, filter), explain: false }, ALL)));
  return {
    docIDs: results.map((result) => [...result.vector!.docIDs]),
    backends: results.map((result) => (result.explain!.vector as Record<string, { backend: string }>).default.backend),
    replies,
  };
}

test('a batch answered by the GPU is the batch that the CPU answers, with filters and without, before and after changes', async () => {
  const gpu = new ScalarGpu();
  const [plain, fast] = [await hostWith(null), await hostWith(gpu)];
  const objects = Array.from({ length: OBJECTS }, (_, i) =>
    entry(WriteKind.insert, uuidOf(i), [`n${i}`, i % 3 === 0 ? 'a' : 'b'], vector()),
  );
  for (const host of [plain, fast]) await write(host, objects);
  const queries = Array.from({ length: BATCH_MIN }, vector);
  await fast.search(SHARD, planShardSearch(request(queries[0])));
  const changes = [entry(WriteKind.delete, uuidOf(7)), entry(WriteKind.upsert, uuidOf(8), ['other'], vector())];
  for (const round of [1, 2]) {
    const [wanted, found] = [await batch(plain, queries), await batch(fast, queries)];
    expect(found.docIDs).toEqual(wanted.docIDs);
    expect(found.replies).toEqual(wanted.replies);
    expect(found.backends).toEqual(queries.map(() => 'gpu'));
    expect(gpu.searches).toBe(4 * round - 2);
    const isA = { op: 'equal', target: { kind: 'property', path: 'tag' }, value: 'a' } as const;
    expect(await batch(fast, queries, isA)).toEqual({ ...(await batch(plain, queries, isA)), backends: found.backends });
    expect(gpu.searches).toBe(4 * round);
    for (const host of [plain, fast]) await write(host, changes);
  }
});

test('few searches, and what the GPU declines, stay on the CPU', async () => {
  const gpu = new ScalarGpu();
  const host = await hostWith(gpu);
  await write(
    host,
    Array.from({ length: 50 }, (_, i) => entry(WriteKind.insert, uuidOf(i), [`n${i}`], vector())),
  );
  const queries = Array.from({ length: BATCH_MIN }, vector);
  await batch(host, queries.slice(0, 3));
  expect(gpu.tables.size).toBe(0);
  gpu.planFor = ({ cpuMs }) => ({ useGpu: false, gpuMs: null, cpuMs, reason: 'none' });
  expect((await batch(host, queries)).backends).toEqual(queries.map(() => 'wasm'));
  expect(gpu.searches).toBe(0);
});

test('a row that dies while the GPU is searching is not in the answer', async () => {
  const gpu = new ScalarGpu();
  const host = await hostWith(gpu);
  await write(
    host,
    Array.from({ length: 50 }, (_, i) => entry(WriteKind.insert, uuidOf(i), [`n${i}`], vector())),
  );
  const queries = Array.from({ length: BATCH_MIN }, () => [0.5, 0.5, 0.5, 0.5]);
  const [first] = (await batch(host, queries.slice(0, 1))).docIDs;
  const searchExact = gpu.searchExact.bind(gpu);
  gpu.searchExact = async (job) => {
    const hits = await searchExact(job);
    await write(
      host,
      Array.from({ length: 50 }, (_, i) => i)
        .filter((i) => i !== 1)
        .map((i) => entry(WriteKind.delete, uuidOf(i))),
    );
    return hits;
  };
  const results = await Promise.all(queries.map((query) => host.search(SHARD, planShardSearch(request(query)))));
  expect(first.length).toBe(5);
  for (const { vector: list } of results) expect(list!.docIDs.length).toBeLessThanOrEqual(1);
});
