import { expect, test } from 'vitest';
import { compareBytes } from '../core/bytes.ts';
import { SeededRandom } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import { readObjectPage } from '../protocol/object-page.ts';
import { WriteKind } from '../protocol/write-batch.ts';
import { MemoryDirectory } from '../vfs/memory.ts';
import { batchOf, entry, openInMemory, testSchema } from './testing.ts';

const SHARD = 1;

async function hostWith(random: SeededRandom) {
  const host = await openInMemory(new MemoryDirectory(), { random, limits: { memtableBytesMax: 4_000 } });
  await host.putShard(SHARD, testSchema());
  let request = 0;
  const write = async (kind: WriteKind, uuids: readonly Uint8Array[], values: unknown[] = ['alpha', null, 1]) => {
    const client = new Uint8Array(16).fill(1);
    const batch = batchOf(uuids.map((uuid) => entry(kind, uuid, values)));
    await host.write({ shard: SHARD, request: { client, sequence: ++request }, batch, atomic: true });
  };
  return { host, write };
}

test('a scan meets what stays exactly once in UUID order, whatever is written, flushed and merged between its pages', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const random = new SeededRandom(seed);
    const { host, write } = await hostWith(random);
    // Few objects are sorted, many are merged from their virtual shards; of some there are now few, now many.
    const uuids = Array.from({ length: [700, 2_060, 2_500][seed % 3] }, () => random.fill(new Uint8Array(16)));
    for (let from = 0; from < uuids.length; from += 70) {
      await write(WriteKind.upsert, uuids.slice(from, from + 70));
      if (random.int(uuids.length / 350) === 0) await host.maintain(1);
    }
    const stays = new Set(uuids.map((uuid) => uuidText(uuid)));
    const deleted = new Set<string>();
    const met: string[] = [];
    let previous: Uint8Array | null = null;
    for (let after: Uint8Array | null = null, page = 0; ; page++) {
      const got = await host.scan(SHARD, after, 40, { properties: null, vectors: [] });
      for (const { record } of readObjectPage(got.bytes)) {
        const text = uuidText(record.uuid);
        if (previous !== null) expect(compareBytes(previous, record.uuid)).toBeLessThan(0);
        expect(deleted.has(text)).toBe(false);
        previous = record.uuid.slice();
        met.push(text);
      }
      after = got.last;
      if (after === null) break;
      if (page % 3 === 0) continue;
      const changed = uuids[random.int(uuids.length)];
      if (random.int(2) === 0) {
        await write(WriteKind.upsert, [changed], ['beta', null, page]);
        deleted.delete(uuidText(changed));
      } else {
        await write(WriteKind.delete, [changed]);
        deleted.add(uuidText(changed));
        stays.delete(uuidText(changed));
      }
      if (random.int(3) === 0) await host.maintain(2);
      if (random.int(5) === 0) await host.flush();
    }
    expect(new Set(met).size).toBe(met.length);
    for (const text of stays) expect(met).toContain(text);
    await host.close();
  }
});

test('a scan that stopped at a full page goes on from it, or anew, with the same answer', async () => {
  const random = new SeededRandom(9);
  const { host, write } = await hostWith(random);
  const uuids = Array.from({ length: 90 }, () => random.fill(new Uint8Array(16)));
  await write(WriteKind.upsert, uuids);
  const page = async (after: Uint8Array | null) => host.scan(SHARD, after, 30, { properties: null, vectors: [] });
  const first = await page(null);
  const second = await page(first.last);
  expect((await page(first.last)).bytes).toEqual(second.bytes);
  const third = await page(second.last);
  expect(third.count).toBe(30);
  expect(await page(third.last)).toMatchObject({ count: 0, last: null });
});
