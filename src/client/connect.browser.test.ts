import { afterEach, expect, test } from 'vitest';
import { connect, HeddleError, type Database } from './index.ts';

const open: Database[] = [];
afterEach(async () => {
  for (const db of open.splice(0)) await db.close();
});

let count = 0;
const freshName = (): string => `test-${Date.now()}-${count++}`;

async function database(name = freshName(), options: Parameters<typeof connect>[1] = {}): Promise<Database> {
  const db = await connect(name, options);
  open.push(db);
  return db;
}

const NOTE = { properties: { title: 'text', n: 'int' }, vectors: { default: { dimensions: 2 } } } as const;

test('objects written on OPFS through the workers are there after closing and opening', async () => {
  const name = freshName();
  const db = await database(name);
  const notes = await db.collections.ensure('Note', NOTE);
  const { durability, written } = await notes.data.insertMany(
    Array.from({ length: 500 }, (_, n) => ({ properties: { title: `note ${n}`, n }, vectors: [n, 1] })),
  );
  expect({ durability, written }).toEqual({ durability: 'power', written: 500 });
  expect((await notes.query.nearVector([1, 250], { limit: 3 })).objects[0].properties.n).toBe(0);
  await db.close();

  const again = await database(name);
  const back = again.collections.use<typeof NOTE>('Note');
  expect(await back.length()).toBe(500);
  const { objects } = await back.query.bm25('499', { includeVector: true });
  expect(objects[0].properties).toEqual({ title: 'note 499', n: 499 });
  expect([...objects[0].vectors.default!]).toEqual([499, 1]);
  const storage = await again.storage();
  expect(storage.collections[0].objects).toBe(500);
  expect(storage.usageBytes).toBeGreaterThan(0);
});

test('a database in memory keeps nothing and must be asked for', async () => {
  const name = freshName();
  const db = await database(name, { storage: 'memory' });
  const notes = await db.collections.ensure('Note', NOTE);
  await notes.data.insert({ title: 'x', n: 1 });
  expect(await notes.length()).toBe(1);
  await db.close();
  const again = await database(name, { storage: 'memory' });
  expect(await again.collections.exists('Note')).toBe(false);
});

test('two connections of one page share the database', async () => {
  const name = freshName();
  const first = await database(name);
  const notes = await first.collections.ensure('Note', NOTE);
  const second = await database(name);
  const same = await second.collections.ensure('Note', NOTE);
  const changes: number[] = [];
  same.onChange(({ uuids }) => changes.push(uuids.length));
  // One connection's calls arrive in order: once this is answered, the owner knows of the watcher.
  await same.length();
  await notes.data.insertMany([
    { title: 'a', n: 1 },
    { title: 'b', n: 2 },
  ]);
  expect(await same.length()).toBe(2);
  await expect.poll(() => changes).toEqual([2]);
  await first.close();
  await same.data.insert({ title: 'c', n: 3 });
  expect(await same.length()).toBe(3);
});

test('typed errors cross the workers', async () => {
  const db = await database();
  const notes = await db.collections.ensure('Note', NOTE);
  const uuid = await notes.data.insert({ title: 'x', n: 1 });
  const error = await notes.data.insert({ title: 'x', n: 1 }, { uuid }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeddleError);
  expect(error).toMatchObject({ code: 'Conflict' });
  await expect(db.collections.ensure('Note', { properties: { title: 'int' } })).rejects.toMatchObject({ code: 'SchemaConflict' });
});

test('an aborted connect rejects', async () => {
  await expect(connect(freshName(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Aborted' });
});

test('an app can make the coordinator worker itself', async () => {
  let made = 0;
  const db = await database(freshName(), {
    worker: () => {
      made++;
      return new Worker(new URL('../../workers/coordinator.worker.ts', import.meta.url), { type: 'module' });
    },
  });
  const notes = await db.collections.ensure('Note', NOTE);
  await notes.data.insert({ title: 'one', n: 1 }, { vectors: [1, 0] });
  expect([made, await notes.length()]).toEqual([1, 1]);
});
