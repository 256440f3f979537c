import { afterEach, expect, test } from 'vitest';
import { ByteWriter, utf8 } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { WriteKind, writeEntry } from '../protocol/write-batch.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { coordinatorOpener, TestEngines, testClient, type TestClient } from './testing.ts';

const open = coordinatorOpener(afterEach);

const CONFIG = { properties: { n: 'int' } } as const;
const random = new SeededRandom(7);
let sequence = 0;

function batchOf(numbers: readonly number[], kind: WriteKind = WriteKind.insert, uuids?: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter();
  numbers.forEach((n, i) =>
    writeEntry(writer, {
      kind,
      uuid: uuids?.[i] ?? random.fill(new Uint8Array(16)),
      properties: utf8(JSON.stringify([n])),
      vectors: [],
      expectedDocID: 0,
    }),
  );
  return writer.finish().slice();
}

const write = (client: TestClient, schema: CollectionSchema, batch: Uint8Array, atomic = false) =>
  client.call('write', [{ collection: schema.id, version: schema.version, sequence: ++sequence, batch, atomic }]);

test('a batch is cut by shard and its failures are told by their place in the whole', async () => {
  const coordinator = await open(new TestEngines(3));
  const client = await testClient(coordinator);
  const schema = await client.call('ensureCollection', ['Item', CONFIG]);
  expect(schema.shards).toHaveLength(3);
  const uuids = Array.from({ length: 50 }, () => random.fill(new Uint8Array(16)));
  const numbers = uuids.map((_, i) => i);
  expect(await write(client, schema, batchOf(numbers, WriteKind.insert, uuids))).toMatchObject({ written: 50, failures: [] });
  const again = [3, 17, 40];
  const mixed = uuids.map((uuid, i) => (again.includes(i) ? uuid : random.fill(new Uint8Array(16))));
  const reply = await write(client, schema, batchOf(numbers, WriteKind.insert, mixed));
  expect(reply.written).toBe(47);
  expect(reply.failures.map(({ index, error }) => [index, error.code])).toEqual(again.map((index) => [index, 'Conflict']));
  expect(await client.call('count', [schema.id])).toBe(97);
});

test('a write whose engine dies before or after the commit is sent again and applied once', async () => {
  for (const after of [false, true]) {
    const engines = new TestEngines(2);
    const coordinator = await open(engines);
    const client = await testClient(coordinator);
    const schema = await client.call('ensureCollection', ['Item', CONFIG]);
    let deaths = 0;
    engines.interfere = (engine, method, _args, isAfter) => {
      if (method !== 'write' || isAfter !== after || deaths > 0) return;
      deaths++;
      engines.die(engine);
    };
    expect(await write(client, schema, batchOf(Array.from({ length: 20 }, (_, n) => n)))).toMatchObject({ written: 20, failures: [] });
    expect(deaths).toBe(1);
    expect(await client.call('count', [schema.id])).toBe(20);
    expect(Math.max(...engines.starts)).toBe(2);
  }
});

test('a read whose engine dies is asked again', async () => {
  const engines = new TestEngines(1);
  const client = await testClient(await open(engines));
  const schema = await client.call('ensureCollection', ['Item', CONFIG]);
  await write(client, schema, batchOf([1, 2, 3]));
  let died = false;
  engines.interfere = (engine, method) => {
    if (method !== 'count' || died) return;
    died = true;
    engines.die(engine);
  };
  expect(await client.call('count', [schema.id])).toBe(3);
});

test('an engine that dies again and again is given up with a typed error', async () => {
  const engines = new TestEngines(1);
  const client = await testClient(await open(engines));
  const schema = await client.call('ensureCollection', ['Item', CONFIG]);
  engines.interfere = (engine, method) => {
    if (method === 'count') engines.die(engine);
  };
  await expect(client.call('count', [schema.id])).rejects.toMatchObject({ code: 'StorageUnavailable' });
  await expect(client.call('count', [schema.id])).rejects.toMatchObject({ code: 'StorageUnavailable' });
});

test('what a client had not been told of is applied once when another owner takes over', async () => {
  const engines = new TestEngines(2);
  const first = await open(engines);
  const client = await testClient(first);
  const schema = await client.call('ensureCollection', ['Item', CONFIG]);
  let reached = 0;
  // Committed, but the answer is lost with the owner.
  engines.interfere = (_engine, method, _args, after) => {
    if (method !== 'write' || !after) return undefined;
    reached++;
    return new Promise(() => undefined);
  };
  const pending = [
    write(client, schema, batchOf(Array.from({ length: 40 }, (_, n) => n))),
    write(client, schema, batchOf(Array.from({ length: 30 }, (_, n) => n))),
  ];
  await expect.poll(() => reached).toBe(4);
  client.caller.detach();
  engines.interfere = () => undefined;
  await first.close();
  const second = await open(engines);
  await client.attach(second);
  expect((await Promise.all(pending)).map(({ written }) => written)).toEqual([40, 30]);
  expect(await client.call('count', [schema.id])).toBe(70);
});

test('a collection that a crash left half created is completed, one half dropped is cleaned up', async () => {
  for (const cut of [1, 2, 3]) {
    const engines = new TestEngines(3);
    const first = await open(engines);
    const client = await testClient(first);
    await client.call('ensureCollection', ['Kept', CONFIG]);
    let puts = 0;
    engines.interfere = (_engine, method) => {
      if ((method === 'putShard' || method === 'dropShard') && ++puts >= cut) throw new HeddleError('Aborted', 'cut');
    };
    await expect(client.call('createCollection', ['Half', CONFIG])).rejects.toMatchObject({ code: 'Aborted' });
    engines.interfere = () => undefined;
    await first.close();

    const second = await open(engines);
    const again = await testClient(second);
    const half = second.catalog.find('Half');
    if (cut === 1) expect(half).toBeUndefined();
    else expect(await write(again, half!, batchOf(Array.from({ length: 30 }, (_, n) => n)))).toMatchObject({ written: 30, failures: [] });

    puts = 0;
    engines.interfere = (_engine, method) => {
      if (method === 'dropShard' && ++puts > cut) throw new HeddleError('Aborted', 'cut');
    };
    await again.call('dropCollection', ['Kept']).catch(() => undefined);
    engines.interfere = () => undefined;
    await second.close();
    const third = await open(engines);
    expect(third.catalog.find('Kept')).toBeUndefined();
    const shards = await Promise.all(third.engines.map((engine) => engine.run((host) => host.shards())));
    expect(shards.flat().filter(({ schema }) => schema.name === 'Kept')).toEqual([]);
  }
});

test('two clients that ensure the same collection at once get one', async () => {
  const coordinator = await open(new TestEngines(2));
  const clients = await Promise.all([testClient(coordinator), testClient(coordinator), testClient(coordinator)]);
  const schemas = await Promise.all(
    clients.map((client, i) => client.call('ensureCollection', ['Item', { properties: { n: 'int', [`p${i}`]: 'text?' } }])),
  );
  expect(new Set(schemas.map(({ id }) => id)).size).toBe(1);
  const final = coordinator.catalog.byName('Item');
  expect(final.properties.map(({ name }) => name).sort()).toEqual(['n', 'p0', 'p1', 'p2']);
  expect(new Set(final.properties.map(({ ordinal }) => ordinal)).size).toBe(4);
});

test('a write for an older schema is refused, so that it is encoded again', async () => {
  const client = await testClient(await open(new TestEngines(1)));
  const schema = await client.call('ensureCollection', ['Item', CONFIG]);
  await client.call('changeCollection', [schema.id, { kind: 'addProperty', name: 'more', config: 'text?' }]);
  await expect(write(client, schema, batchOf([1]))).rejects.toMatchObject({ code: 'SchemaConflict', details: { stale: true, version: 2 } });
});

test('another protocol version is asked to reload', async () => {
  const coordinator = await open(new TestEngines(1));
  const client = await testClient(coordinator);
  await expect(client.caller.call('hello', [client.id, 999])).rejects.toMatchObject({ code: 'ReloadRequired' });
});

test('waiting objects are lent to one client at a time, and come free when it leaves', async () => {
  const coordinator = await open(new TestEngines(2));
  const [one, other] = await Promise.all([testClient(coordinator), testClient(coordinator)]);
  const config = {
    properties: { text: 'text' },
    vectors: { default: { vectorizer: { id: 'm', dimensions: 2 }, when: 'background' } },
  } as const;
  const schema = await one.call('ensureCollection', ['Note', config]);
  const writer = new ByteWriter();
  for (let n = 0; n < 40; n++)
    writeEntry(writer, {
      kind: WriteKind.insert,
      uuid: random.fill(new Uint8Array(16)),
      properties: utf8(`["text ${n}"]`),
      vectors: [],
      expectedDocID: 0,
    });
  await write(one, schema, writer.finish().slice());
  const { ordinal } = schema.vectors[0];
  const mine = await one.call('leasePending', [schema.id, ordinal, 25]);
  const theirs = await other.call('leasePending', [schema.id, ordinal, 25]);
  expect(mine).toHaveLength(25);
  expect(theirs).toHaveLength(15);
  const all = [...mine, ...theirs].map(({ uuid }) => uuid.join());
  expect(new Set(all).size).toBe(40);
  expect(await other.call('leasePending', [schema.id, ordinal, 25])).toHaveLength(0);
  await one.call('goodbye', []);
  await expect.poll(async () => (await other.call('leasePending', [schema.id, ordinal, 100])).length).toBe(25);
  expect(await other.call('vectorizing', [schema.id, ordinal])).toEqual({ rows: 0, pending: 40, paused: false });
});
