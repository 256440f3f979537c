import { expect, test } from 'vitest';
import { SeededRandom, silentLogger, type Clock } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import { readObjectPage } from '../protocol/object-page.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import { planShardSearch } from '../query/plan.ts';
import { keyword, request } from '../query/testing/collection.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterInput } from '../schema/filter.ts';
import { normalize } from '../schema/normalize.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import { finishReindex, updateInvertedIndex, updateProperty } from '../schema/reindex.ts';
import { addProperty, renameProperty } from '../schema/schema-change.ts';
import { SimulatedDevice } from '../vfs/simulated/device.ts';
import { simulatedMirror, simulatedVfs } from '../vfs/simulated/vfs.ts';
import { ShardHost } from './engine-host.ts';
import { batchOf, entry, uuidOf } from './testing.ts';

const SHARD = 1;
const CLIENT = new Uint8Array(16).fill(9);
const WORDS = ['River', 'running', 'runs', 'stone', 'Élan', 'blue', 'light'];

/** A little time passes each time it is asked, so that slices end. */
function openHost(device: SimulatedDevice): Promise<ShardHost> {
  const clock: Clock = {
    now: () => device.clock.now(),
    monotonic: () => {
      device.clock.advance(0.1);
      return device.clock.monotonic();
    },
  };
  return ShardHost.open({
    vfs: simulatedVfs(device).directory('host0'),
    mirror: simulatedMirror(device, 'host0'),
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    durability: 'strict',
    limits: { memtableBytesMax: 16 << 10 },
    storageLimits: { logFileBytes: 32 << 10 },
    defer: queueMicrotask,
  });
}

const BEFORE = normalize('Note', {
  properties: {
    title: 'text?',
    tag: { type: 'text?', tokenization: 'field', indexSearchable: false },
    stars: 'int?',
    author: { type: 'object?', properties: { name: { type: 'text', tokenization: 'field' } } },
  },
});

/** Every kind of change there is, one after another, while the first are still being built. */
function wanted(schema: CollectionSchema): CollectionSchema {
  let next = updateProperty(schema, 'title', { stemming: 'english', asciiFold: true });
  next = updateProperty(next, 'tag', { tokenization: 'word', indexSearchable: true });
  next = updateProperty(next, 'stars', { indexRangeFilters: true, indexFilterable: false });
  next = updateProperty(next, 'author.name', { tokenization: 'trigram' });
  next = updateInvertedIndex(next, { indexNullState: true, indexPropertyLength: true, indexTimestamps: true, k1: 1.5 });
  next = renameProperty(next, 'tag', 'label');
  return addProperty(next, 'pages', 'int?');
}

const FILTERS: readonly FilterInput[] = [
  { title: 'elan river' },
  { title: { like: 'ru*' } },
  { label: 'blue' },
  { stars: { greaterThan: 2 } },
  { 'author.name': { like: 'ann' } },
  { title: { isNull: true } },
  { 'len(label)': { greaterThan: 9 } },
  { pages: { isNull: false } },
  { _creationTime: { greaterThan: new Date(0) } },
  { not: { stars: { lessOrEqual: 3 } } },
];

async function run(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random.int(items.length)];
  const device = new SimulatedDevice();
  let host = await openHost(device);
  let schema = BEFORE;
  let sequence = 0;
  const text = (): string | null => (random.next() < 0.2 ? null : Array.from({ length: 1 + random.int(4) }, () => pick(WORDS)).join(' '));
  const write = async (): Promise<void> => {
    const entries = Array.from({ length: 1 + random.int(8) }, () => {
      const values = [text(), text(), random.int(6), random.next() < 0.5 ? { name: pick(['Anna', 'Bert']) } : null];
      return entry(random.next() < 0.75 ? WriteKind.upsert : WriteKind.delete, uuidOf(random.int(150)), values);
    });
    await host.write({ shard: SHARD, request: { client: CLIENT, sequence: ++sequence }, batch: batchOf(entries), atomic: false });
  };
  const put = async (next: CollectionSchema): Promise<void> => {
    schema = next;
    await host.putShard(SHARD, schema);
  };
  const step = async (): Promise<void> => {
    const dice = random.next();
    if (dice < 0.5) await write();
    else if (dice < 0.8) await host.maintain(1);
    else if (dice < 0.88) await host.flush();
    else if (dice < 0.92) await host.compact();
    else {
      if (dice < 0.95) await host.close(); // else it is killed
      device.restart(false);
      host = await openHost(device);
    }
  };

  await put(BEFORE);
  for (let n = 0; n < 60; n++) await write();
  await put(wanted(schema));
  for (let n = 0; n < 25; n++) await step();
  // Another wish for one that is being built.
  await put(updateProperty(schema, 'title', { tokenization: 'lowercase' }));
  for (let n = 0; n < 25; n++) await step();
  // Now and then before it is whole: then the shard makes it whole first.
  if (seed % 4 !== 0)
    for (let left = 1_000; !(await host.stats()).shards[0].reindex!.ready; left--) {
      if (left === 0) throw new Error('it never became whole');
      await (random.next() < 0.5 ? step() : host.maintain(5));
    }
  await put(finishReindex(schema));
  for (let n = 0; n < 10; n++) await step();
  device.restart(false);
  host = await openHost(device);
  expect((await host.stats()).shards[0].reindex).toBeNull();
  await expectSameAsFresh(host, schema);
  await host.compact();
  await expectSameAsFresh(host, schema);
  await host.close();
}

/** The same objects in a shard that had the schema from the beginning give the same answers and the same statistics. */
async function expectSameAsFresh(host: ShardHost, schema: CollectionSchema): Promise<void> {
  const fresh = await openHost(new SimulatedDevice());
  await fresh.putShard(SHARD, schema);
  const page = await host.scan(SHARD, null, 10_000, { properties: null, vectors: [] });
  const objects = [...readObjectPage(page.bytes)].map(({ record }) => ({
    kind: WriteKind.insert,
    uuid: record.uuid,
    properties: record.properties,
    vectors: [],
    expectedDocID: 0,
  }));
  expect(objects.length).toBeGreaterThan(20);
  await fresh.write({ shard: SHARD, request: { client: CLIENT, sequence: 1 }, batch: batchOf(objects), atomic: true });
  for (const input of FILTERS) {
    const filter = parseFilter(input, schema);
    const [found, expected] = [await host.match(SHARD, filter, 10_000), await fresh.match(SHARD, filter, 10_000)];
    const uuids = (bytes: Uint8Array): string[] => Array.from({ length: bytes.length / 16 }, (_, i) => uuidText(bytes, i * 16));
    expect([input, uuids(found)]).toEqual([input, uuids(expected)]);
  }
  for (const query of ['running river', 'élan', 'blue stone light', 'ann ert']) {
    const search = planShardSearch(request({ keyword: keyword(query), limit: 1_000 }));
    expect(await host.keywordStats(SHARD, search)).toEqual(await fresh.keywordStats(SHARD, search));
    const [found, expected] = [await host.search(SHARD, search), await fresh.search(SHARD, search)];
    expect(found.keyword!.uuids).toEqual(expected.keyword!.uuids);
    expect(found.keyword!.scores).toEqual(expected.keyword!.scores);
  }
  await fresh.close();
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  'an index built beside the one in use is what one built at once is, whatever is written, flushed, merged and killed meanwhile (seed %i)',
  run,
);

test('until it takes its place, the index in use answers as before', async () => {
  const host = await openHost(new SimulatedDevice());
  await host.putShard(SHARD, BEFORE);
  const objects = Array.from({ length: 600 }, (_, n) => entry(WriteKind.insert, uuidOf(n), [n % 2 === 0 ? 'running' : 'runs']));
  await host.write({ shard: SHARD, request: { client: CLIENT, sequence: 1 }, batch: batchOf(objects), atomic: true });
  const found = async (query: string): Promise<number> => {
    const search = planShardSearch(request({ keyword: keyword(query), limit: 1_000 }));
    return (await host.search(SHARD, search)).keyword!.docIDs.length;
  };
  const next = updateProperty(BEFORE, 'title', { stemming: 'english' });
  await host.putShard(SHARD, next);
  const progress: number[] = [];
  for (let ready = false; !ready;) {
    await host.maintain(1);
    expect(await found('running')).toBe(300);
    const { reindex } = (await host.stats()).shards[0];
    progress.push(reindex!.done);
    ready = reindex!.ready;
  }
  expect(progress.length).toBeGreaterThan(2);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  await host.putShard(SHARD, finishReindex(next));
  expect(await found('running')).toBe(600);
  await host.close();
});
