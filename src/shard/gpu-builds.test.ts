import { afterEach, expect, test } from 'vitest';
import { SeededRandom, silentLogger, systemClock, systemRandom, type Clock } from '../core/clock.ts';
import type { GpuJobSize } from '../gpu/gpu-backend.ts';
import { ScalarGpu } from '../gpu/scalar-gpu.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { memoryVfs } from '../vfs/memory.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { ShardHost } from './engine-host.ts';
import { batchOf, DIMENSIONS, entry, testSchema, uuidOf } from './testing.ts';

const SHARD = 1;
/** Ordinal of the schema’s vector. */
const VECTOR = 3;
const random = new SeededRandom(2);
const vector = (): number[] => Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);

const hosts: ShardHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

/** Time that tests have skipped. */
let skippedMs = 0;
const clock: Clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() + skippedMs };

async function hostOn(vfs: Vfs, gpu: ScalarGpu, bulkRowsMin = 500): Promise<ShardHost> {
  const host = await ShardHost.open({
    vfs,
    mirror: null,
    clock,
    random: systemRandom,
    logger: silentLogger,
    durability: 'relaxed',
    gpu,
    limits: { bulkRowsMin },
    defer: queueMicrotask,
  });
  hosts.push(host);
  return host;
}

let sequence = 0;
async function insert(host: ShardHost, from: number, to: number): Promise<void> {
  const entries = Array.from({ length: to - from }, (_, i) => entry(WriteKind.insert, uuidOf(from + i), [`n${from + i}`], vector()));
  const request = { client: new Uint8Array(16), sequence: ++sequence };
  await host.write({ shard: SHARD, request, batch: batchOf(entries), atomic: true });
}

async function quiet(host: ShardHost): Promise<void> {
  while (await host.maintain(1));
}

const FIRST = 1_100;
const ROWS = 1_700;

async function imported(gpu: ScalarGpu, schema: CollectionSchema = testSchema()): Promise<{ host: ShardHost; vfs: Vfs }> {
  const vfs = memoryVfs();
  const host = await hostOn(vfs, gpu);
  await host.putShard(SHARD, schema);
  await insert(host, 0, FIRST);
  await quiet(host);
  await insert(host, FIRST, ROWS);
  return { host, vfs };
}

test('many rows that wait are linked in one build, which a reopened database finds on its disk', async () => {
  const gpu = new ScalarGpu();
  const { host, vfs } = await imported(gpu);
  const before = gpu.builds;
  await quiet(host);
  expect(gpu.builds).toBe(before + 1);
  expect(gpu.tables.size).toBe(0);
  const health = (await host.vectorHealth(SHARD, VECTOR))!;
  expect(health).toMatchObject({ rows: ROWS, inGraph: ROWS, backlog: 0 });
  expect(health.recallAt10).toBeGreaterThan(0.97);
  await host.close();
  const again = await hostOn(vfs, gpu);
  expect(await again.vectorHealth(SHARD, VECTOR)).toMatchObject({ inGraph: ROWS, backlog: 0 });
  expect(await again.verify()).toEqual([]);
  expect(gpu.builds).toBe(before + 1);
});

test.each(['declined', 'lost', 'thrown'] as const)('a build that is %s leaves the rows to be linked one by one', async (how) => {
  const gpu = new ScalarGpu();
  if (how === 'declined') gpu.planFor = ({ cpuMs }) => ({ useGpu: false, gpuMs: null, cpuMs, reason: 'none' });
  let asked = 0;
  const build = gpu.build.bind(gpu);
  gpu.build = async (request) => {
    asked++;
    gpu.lose();
    if (how === 'thrown') throw new Error('a bug');
    return build(request);
  };
  const { host } = await imported(gpu);
  await quiet(host);
  expect(asked).toBe(how === 'declined' ? 0 : 1);
  expect(gpu.builds).toBe(0);
  const health = (await host.vectorHealth(SHARD, VECTOR))!;
  expect(health).toMatchObject({ inGraph: ROWS, backlog: 0 });
  expect(health.recallAt10).toBeGreaterThan(0.97);
});

test('rows that are few beside those in the graph are linked one by one; from one in eight on the planner is asked', async () => {
  const gpu = new ScalarGpu();
  const asked: GpuJobSize[] = [];
  const plan = gpu.plan.bind(gpu);
  gpu.plan = async (job) => {
    asked.push(job);
    return plan(job);
  };
  gpu.planFor = ({ cpuMs }) => ({ useGpu: false, gpuMs: null, cpuMs, reason: 'none' });
  const host = await hostOn(memoryVfs(), gpu, 100);
  await host.putShard(SHARD, testSchema());
  await insert(host, 0, FIRST);
  await quiet(host);
  expect(asked).toHaveLength(1);
  gpu.planFor = ({ cpuMs }) => ({ useGpu: true, gpuMs: 0, cpuMs, reason: 'test' });
  // The pause after a refusal has to pass first.
  skippedMs += 60_000;
  const few = FIRST + 120;
  await insert(host, FIRST, few);
  await quiet(host);
  expect(asked).toHaveLength(1);
  expect(await host.vectorHealth(SHARD, VECTOR)).toMatchObject({ inGraph: few, backlog: 0 });
  const all = few + 300;
  await insert(host, few, all);
  await quiet(host);
  expect([asked.length, gpu.builds]).toEqual([2, 1]);
  expect(asked[1].uploadBytes).toBe(all * DIMENSIONS * 4);
});

test('an answer that comes after the rows were linked is no reason not to ask for the next ones', async () => {
  const gpu = new ScalarGpu();
  const host = await hostOn(memoryVfs(), gpu);
  const plan = gpu.plan.bind(gpu);
  let asked = 0;
  gpu.plan = async (job) => {
    const isFirst = asked++ === 0;
    while (isFirst && (await host.vectorHealth(SHARD, VECTOR))!.backlog > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    return plan(job);
  };
  await host.putShard(SHARD, testSchema());
  await insert(host, 0, FIRST);
  await quiet(host);
  expect([asked, gpu.builds]).toEqual([1, 0]);
  await insert(host, FIRST, ROWS);
  await quiet(host);
  expect([asked, gpu.builds]).toEqual([2, 1]);
});

test('while a graph is built rows come and go, and searches see them', async () => {
  const gpu = new ScalarGpu();
  const { host } = await imported(gpu);
  const build = gpu.build.bind(gpu);
  gpu.build = async (request) => {
    const built = await build(request);
    await insert(host, 10_000, 10_050);
    const entries = Array.from({ length: 50 }, (_, i) => entry(WriteKind.delete, uuidOf(i * 3)));
    await host.write({
      shard: SHARD,
      request: { client: new Uint8Array(16), sequence: ++sequence },
      batch: batchOf(entries),
      atomic: true,
    });
    return built;
  };
  const before = gpu.builds;
  await quiet(host);
  expect(gpu.builds).toBe(before + 1);
  const health = (await host.vectorHealth(SHARD, VECTOR))!;
  expect(health).toMatchObject({ rows: ROWS, backlog: 0 });
  expect(health.recallAt10).toBeGreaterThan(0.97);
  expect(await host.verify()).toEqual([]);
});

test('the centroids of a product quantizer are trained on the GPU', async () => {
  const gpu = new ScalarGpu();
  const schema = testSchema();
  const [field] = schema.vectors;
  const pq = { ...field, quantizer: { ...field.quantizer, type: 'pq' as const } };
  const { host } = await imported(gpu, { ...schema, vectors: [pq, ...schema.vectors.slice(1)] });
  await quiet(host);
  expect(gpu.trainings).toBe(1);
  expect((await host.vectorHealth(SHARD, VECTOR))!.recallAt10).toBeGreaterThan(0.9);
});
