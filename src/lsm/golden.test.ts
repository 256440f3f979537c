/**
 * A database of format 1 as it was written when the format was fixed. Every build must open it. When a format changes, add a
 * fixture beside the old ones; `HEDDLE_WRITE_GOLDEN=1` writes the one of the current format anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fromUtf8, keyOfU32, utf8 } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { entriesOf, openStorage, replaceBucket } from './testing.ts';

const FIXTURE = new URL('./fixtures/format-1.json', import.meta.url);
const bucket = replaceBucket(1);
const valueOf = (i: number): Uint8Array => new SeededRandom(i).fill(new Uint8Array(i % 9 === 0 ? 700 : 40));

async function write(vfs: Vfs): Promise<void> {
  const storage = await openStorage(vfs);
  const store = storage.createShard(4, utf8('first'));
  for (let sequence = 1; sequence <= 3; sequence++) {
    storage.append(4, sequence, 1, [utf8(`record ${sequence}`)]);
    await storage.commit();
  }
  const all = Array.from({ length: 60 }, (_, i) => i);
  store.flush({
    sections: [{ bucket, entries: entriesOf(all.map((i) => [keyOfU32(i), valueOf(i)])) }],
    uptoSequence: 1,
    meta: utf8('second'),
  });
  const column = { ordinal: 2, dimensions: 3, docIDs: Uint32Array.of(1, 5, 6), rows: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]) };
  store.flush({
    sections: [
      {
        bucket,
        entries: entriesOf([
          [keyOfU32(7), null],
          [keyOfU32(8), utf8('newer')],
        ]),
      },
    ],
    columns: [column],
    uptoSequence: 2,
    meta: utf8('third'),
  });
  const stream = storage.streams.create();
  stream.append(utf8('graph log'));
  stream.flush();
  storage.edit({ blob: utf8('requests') });
  await storage.close();
}

async function save(directory: MemoryDirectory): Promise<void> {
  const vfs = memoryVfs(directory);
  const files: Record<string, string> = {};
  for (const name of (await vfs.list()).sort()) {
    const file = await vfs.open(name, { create: false });
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0);
    file.close();
    files[name] = Buffer.from(gzipSync(bytes, { level: 9 })).toString('base64');
  }
  writeFileSync(FIXTURE, `${JSON.stringify(files, null, 2)}\n`);
}

async function load(): Promise<MemoryDirectory> {
  const directory = new MemoryDirectory();
  const files = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Record<string, string>;
  for (const [name, text] of Object.entries(files)) {
    const file = await memoryVfs(directory).open(name, { create: true });
    file.write(new Uint8Array(gunzipSync(Buffer.from(text, 'base64'))), 0);
    file.close();
  }
  return directory;
}

test('a database of format 1 opens and has everything that was put into it', async () => {
  if (process.env.HEDDLE_WRITE_GOLDEN === '1') {
    const made = new MemoryDirectory();
    await write(memoryVfs(made));
    await save(made);
  }
  const storage = await openStorage(memoryVfs(await load()));
  expect(storage.verify()).toEqual([]);
  expect(storage.stats.quarantined).toEqual([]);
  expect([...storage.recovered].map(({ shard, sequence, payload }) => [shard, sequence, fromUtf8(payload)])).toEqual([[4, 3, 'record 3']]);
  expect(storage.shards().map(({ id, flushedSequence, meta }) => [id, flushedSequence, fromUtf8(meta)])).toEqual([[4, 2, 'third']]);
  expect(fromUtf8(storage.blob)).toBe('requests');
  const store = storage.store(4);
  const reader = store.bucket(bucket);
  for (let i = 0; i < 60; i++)
    if (i === 7) expect(reader.get(keyOfU32(i))).toBeNull();
    else expect(reader.get(keyOfU32(i))).toEqual(i === 8 ? utf8('newer') : valueOf(i));
  const row = new Float32Array(3);
  expect(store.columns.read(2, 5, row)).toBe(true);
  expect([...row]).toEqual([4, 5, 6]);
  const text = new Uint8Array(9);
  storage.streams.open(storage.streams.ids()[0]).read(text, 0);
  expect(fromUtf8(text)).toBe('graph log');
  store.compact();
  expect(reader.get(keyOfU32(7))).toBeUndefined();
  expect(reader.get(keyOfU32(9))).toEqual(valueOf(9));
});
