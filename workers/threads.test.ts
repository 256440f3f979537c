import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { bundleForNode } from '../scripts/lib/bundle-node.mjs';
import { connectOver } from '../src/client/connect-over.ts';
import { type EngineThread, openInThreads } from '../src/coordinator/open-in-threads.ts';
import { localChannel } from '../src/protocol/local-port.ts';
import { nodeVfs } from '../src/vfs/node.ts';
import type { Database } from './node.ts';

// A worker thread needs a file that Node runs as it is, so the doorways are bundled, as they are for the package.
const folders: string[] = [];
async function bundled<Module>(name: string): Promise<Module> {
  const { folder, file } = await bundleForNode(join(import.meta.dirname, name));
  folders.push(folder);
  return (await import(/* @vite-ignore */ file)) as Module;
}
let connect: (typeof import('./node.ts'))['connect'];
let startEngineThread: (typeof import('./node-threads.ts'))['startEngineThread'];
beforeAll(async () => {
  ({ connect } = await bundled<typeof import('./node.ts')>('node.ts'));
  ({ startEngineThread } = await bundled<typeof import('./node-threads.ts')>('node-threads.ts'));
});
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

let path: string;
const opened: Database[] = [];
beforeEach(() => (path = mkdtempSync(join(tmpdir(), 'heddle-threads-'))));
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
  rmSync(path, { recursive: true });
});

async function open(options: Parameters<typeof connect>[1] = {}): Promise<Database> {
  const db = await connect('test', { storage: { path }, threads: true, engines: 2, ...options });
  opened.push(db);
  return db;
}

const CONFIG = {
  properties: { n: 'int', word: 'text' },
  vectors: { default: { dimensions: 2, distance: 'l2-squared' } },
  shards: 2,
} as const;
const row = (n: number) => ({ properties: { n, word: `word${n % 7}` }, vectors: [n, 1] });

test('engines in threads hold what was written, and a later opening without threads finds it', async () => {
  const first = await open();
  const items = await first.collections.ensure('Item', CONFIG);
  await items.data.insertMany(Array.from({ length: 2_500 }, (_, n) => row(n)));
  const near = await items.query.nearVector([1_700, 1], { limit: 1 });
  expect(near.objects[0].properties.n).toBe(1_700);
  expect((await items.query.bm25('word3', { totalCount: true, limit: 1 })).total).toBe(357);
  await expect(items.data.insert({ n: 1.5, word: 'x' }, { vectors: [1, 1] })).rejects.toMatchObject({ code: 'InvalidInput' });
  await first.close();

  const alone = await open({ threads: false });
  expect(await alone.collections.use<typeof CONFIG>('Item').length()).toBe(2_500);
  await alone.close();
  const again = (await open()).collections.use<typeof CONFIG>('Item');
  expect((await again.query.fetchObjects({ filters: { n: { greaterOrEqual: 2_490 } } })).objects).toHaveLength(10);
});

test('a database opens once in a process, with threads or without', async () => {
  await open();
  for (const threads of [true, false]) await expect(open({ threads })).rejects.toMatchObject({ code: 'StorageUnavailable' });
});

test('has every acknowledged object, once, when a thread is ended in mid-import', async () => {
  const threads: EngineThread[] = [];
  const coordinator = await openInThreads({
    vfs: nodeVfs(path),
    engines: 2,
    startThread: (index, options) => (threads[index] = startEngineThread(path, index, options)),
  });
  const [here, there] = localChannel();
  coordinator.connect(there);
  const db = await connectOver('test', {}, (attach) => {
    attach(here);
    return () => coordinator.close();
  });
  opened.push(db);
  const items = await db.collections.ensure('Item', CONFIG);
  for (let batch = 0; batch < 20; batch++) {
    if (batch === 5 || batch === 12) void threads[batch % 2].terminate();
    await items.data.insertMany(Array.from({ length: 50 }, (_, n) => row(batch * 50 + n)));
  }
  expect(coordinator.engines.map(({ restarts }) => restarts)).toEqual([1, 1]);
  const seen: number[] = [];
  for await (const { properties } of items.iterator()) seen.push(properties.n);
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
});
