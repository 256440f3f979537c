import { expect, test } from 'vitest';
import { ByteWriter, utf8 } from '../core/bytes.ts';
import { WriteKind, writeEntry } from '../protocol/write-batch.ts';
import { keyword, request } from '../query/testing/collection.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import { engineDirectory } from './engine-directories.ts';
import { openInProcess } from './open-in-process.ts';
import { testClient } from './testing.ts';

function write(collection: number, sequence: number, title: string) {
  const writer = new ByteWriter();
  const uuid = new Uint8Array(16).fill(sequence);
  writeEntry(writer, {
    kind: WriteKind.insert,
    uuid,
    properties: utf8(JSON.stringify([title])),
    vectors: [],
    expectedDocID: 0,
  });
  return { collection, version: 1, sequence, batch: writer.finish().slice(), atomic: false };
}

/** Killed after three writes, of which the second is damaged in the log. */
async function damaged(): Promise<MemoryDirectory> {
  const root = new MemoryDirectory();
  const client = await testClient(await openInProcess({ vfs: memoryVfs(root) }));
  const { id } = await client.call('ensureCollection', ['Note', { properties: { title: 'text' } }]);
  for (const [index, title] of ['one', 'second', 'three'].entries()) await client.call('write', [write(id, index + 1, title)]);
  const engine = root.children.get(engineDirectory(0))!;
  engine.open.clear();
  const log = engine.files.get('l0')!;
  const bytes = new Uint8Array(log.sizeBytes);
  log.read(bytes, 0);
  log.write(Uint8Array.of(0xff), new TextDecoder('latin1').decode(bytes).indexOf('second'));
  return root;
}

test('a damaged log is refused, unless what is left is to be salvaged: it can be read, neither asked nor written', async () => {
  const root = await damaged();
  await expect(openInProcess({ vfs: memoryVfs(root) })).rejects.toMatchObject({ code: 'Corruption' });
  root.children.get(engineDirectory(0))!.open.clear();
  const coordinator = await openInProcess({ vfs: memoryVfs(root), salvage: true });
  const client = await testClient(coordinator);
  const { id } = await client.call('ensureCollection', ['Note', { properties: { title: 'text' } }]);
  expect((await coordinator.stats()).quarantined).toEqual([expect.stringContaining('groups')]);

  const uuids = new Uint8Array(48).map((_, i) => 1 + Math.floor(i / 16));
  const pages = await client.call('get', [id, uuids, { properties: null, vectors: [] }]);
  const text = pages.map((page) => new TextDecoder('latin1').decode(page)).join('');
  expect([text.includes('one'), text.includes('second'), text.includes('three')]).toEqual([true, false, false]);

  await expect(client.call('search', [request({ collection: 'Note', keyword: keyword('one'), limit: 5 })])).rejects.toMatchObject({
    code: 'Corruption',
  });
  await expect(client.call('write', [write(id, 4, 'four')])).rejects.toMatchObject({ code: 'StorageUnavailable' });
  await expect(client.call('ensureCollection', ['Other', { properties: { title: 'text' } }])).rejects.toMatchObject({
    code: 'StorageUnavailable',
  });
  await coordinator.close();
  await expect(openInProcess({ vfs: memoryVfs(root) })).rejects.toMatchObject({ code: 'Corruption' });
});
