import { expect, test } from 'vitest';
import { WriteKind } from '../protocol/write-batch.ts';
import { MemoryDirectory } from '../vfs/memory.ts';
import type { ShardHost } from './engine-host.ts';
import { batchOf, contentOf, entry, openInMemory, testSchema, uuidOf } from './testing.ts';

const graphBytes = async (host: ShardHost): Promise<number> => (await host.stats()).shards[0].vectors[0].memoryBytes;
const write = (host: ShardHost, sequence: number, entries: Parameters<typeof batchOf>[0]): Promise<unknown> =>
  host.write({ shard: 1, request: { client: new Uint8Array(16).fill(7), sequence }, batch: batchOf(entries), atomic: true });

async function filled(): Promise<MemoryDirectory> {
  const directory = new MemoryDirectory();
  const host = await openInMemory(directory);
  await host.putShard(1, testSchema());
  await write(
    host,
    1,
    Array.from({ length: 50 }, (_, n) => entry(WriteKind.insert, uuidOf(n), [`row ${n}`], [n, 0, 0, 0])),
  );
  await host.close();
  return directory;
}

test('a reopened shard answers without its vector index, which background work opens', async () => {
  const host = await openInMemory(await filled());
  expect((await contentOf(host, 1)).size).toBe(50);
  expect(await graphBytes(host)).toBe(0);
  while (await host.maintain(5));
  expect(await graphBytes(host)).toBeGreaterThan(0);
  await host.close();
});

test('a change opens the index first, so that it never takes the change for something it had lost', async () => {
  const host = await openInMemory(await filled());
  await write(host, 2, [
    entry(WriteKind.delete, uuidOf(3)),
    entry(WriteKind.upsert, uuidOf(4), ['moved'], [100, 0, 0, 0]),
    entry(WriteKind.insert, uuidOf(60), ['new'], [60, 0, 0, 0]),
  ]);
  expect(await host.verify()).toEqual([]);
  expect(await graphBytes(host)).toBeGreaterThan(0);
  await host.close();
});
