import { createStore, set } from 'idb-keyval';
import { afterEach, expect, test, vi } from 'vitest';
import { connect, type Database } from './index.ts';

const open: Database[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  for (const db of open.splice(0)) await db.close();
});

let count = 0;
const freshName = (): string => `unavailable-${Date.now()}-${count++}`;

test('without OPFS there is a typed error with a hint, never a database in memory', async () => {
  vi.spyOn(navigator, 'storage', 'get').mockReturnValue({} as StorageManager);
  await expect(connect(freshName())).rejects.toMatchObject({
    code: 'StorageUnavailable',
    hint: expect.stringContaining('Private windows'),
  });
});

test('outside a secure context there is a typed error with a hint', async () => {
  vi.stubGlobal('isSecureContext', false);
  await expect(connect(freshName())).rejects.toMatchObject({ code: 'StorageUnavailable', hint: expect.stringContaining('HTTPS') });
});

test('a worker script that is not there is a typed error, not a hang', async () => {
  const worker = (): Worker => new Worker(new URL('/no-such-worker.js', location.href), { type: 'module' });
  await expect(connect(freshName(), { worker })).rejects.toMatchObject({ code: 'StorageUnavailable' });
});

test('a database that the browser deleted is Evicted, unless the app says what to do', async () => {
  const name = freshName();
  await set(name, { createdMs: 1, settled: true }, createStore('heddle', 'databases'));
  await expect(connect(name)).rejects.toMatchObject({ code: 'Evicted' });
  const onEvicted = vi.fn();
  const db = await connect(name, { onEvicted });
  open.push(db);
  expect(onEvicted).toHaveBeenCalledOnce();
  expect(await db.collections.listAll()).toEqual([]);
});

test('an owner that never answers ends in a Timeout, and the app hears that it is blocked', async () => {
  const name = freshName();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  void navigator.locks.request(`heddle:${name}:owner`, () => held);
  const onBlocked = vi.fn();
  await expect(connect(name, { onBlocked, timeoutMs: 6_000 })).rejects.toMatchObject({ code: 'Timeout' });
  expect(onBlocked).toHaveBeenCalled();
  release();
});

test('an import that is aborted says so, and what was written stays whole', async () => {
  const db = await connect(freshName());
  open.push(db);
  const items = await db.collections.ensure('Item', { properties: { n: 'int', text: 'text' } });
  const rows = Array.from({ length: 20_000 }, (_, n) => ({ n, text: `some text of number ${n} that takes a few bytes`.repeat(10) }));
  const controller = new AbortController();
  const importing = items.data.insertMany(rows, { signal: controller.signal, onProgress: () => controller.abort() });
  await expect(importing).rejects.toMatchObject({ code: 'Aborted' });
  const { total, objects } = await items.query.fetchObjects({ totalCount: true, limit: 1 });
  expect(total).toBe(await items.length());
  if (total! > 0) expect(objects[0].properties.text).toBe(rows[objects[0].properties.n].text);
});
