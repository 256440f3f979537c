import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { connect, HeddleError } from './node.ts';

const folder = mkdtempSync(join(tmpdir(), 'heddle-salvage-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NOTE = { properties: { title: 'text', n: 'int' }, vectors: { default: { dimensions: 4, distance: 'l2-squared' } } } as const;
const COUNT = 400;
const titleOf = (n: number): string => `note number ${n} ${'with many more words that take up room '.repeat(4)}`;

/** Flips one bit inside the only place of `text` in any file below the folder; whether it was found. */
function damage(text: string): boolean {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\bd\d+$/.test(name)) continue;
    const bytes = readFileSync(join(folder, name));
    const at = bytes.indexOf(text);
    if (at === -1) continue;
    bytes[at] ^= 4;
    writeFileSync(join(folder, name), bytes);
    return true;
  }
  return false;
}

test('what a damaged database still has is salvaged with counts, and restores with every index', async () => {
  let db = await connect('test', { storage: { path: folder } });
  const notes = await db.collections.ensure('Note', NOTE);
  await notes.data.insertMany(
    Array.from({ length: COUNT }, (_, n) => ({ properties: { title: titleOf(n), n }, vectors: { default: [n, 1, 0, 0] } })),
  );
  await db.close();
  expect(damage('note number 17 ')).toBe(true);

  db = await connect('test', { storage: { path: folder } });
  expect(await db.verify()).toEqual(expect.arrayContaining([expect.stringMatching(/\d+ objects are damaged/)]));
  await expect(new Response(db.backup()).arrayBuffer()).rejects.toThrow(HeddleError);
  let counts = [0, 0];
  const saved = await new Response(db.salvage({ onProgress: (...seen) => (counts = seen) })).blob();
  await db.close();
  const [objects, lost] = counts;
  expect(lost).toBeGreaterThan(0);
  expect(objects).toBeGreaterThan(COUNT / 2);
  expect(objects + lost).toBe(COUNT);

  await using fresh = await connect('fresh', { storage: 'memory' });
  expect(await fresh.restore(saved)).toEqual({ collections: ['Note'], objects });
  expect(await fresh.verify()).toEqual([]);
  const restored = fresh.collections.use<typeof NOTE>('Note');
  const seen = new Set<number>();
  for await (const { properties, vectors } of restored.iterator({ includeVector: true })) {
    expect(properties.title).toBe(titleOf(properties.n));
    expect([...vectors.default!]).toEqual([properties.n, 1, 0, 0]);
    seen.add(properties.n);
  }
  expect(seen.size).toBe(objects);
  expect(seen.has(17)).toBe(false);
  const [first] = seen;
  expect((await restored.query.bm25(`number ${first}`, { limit: 1 })).objects[0].properties.n).toBe(first);
  expect((await restored.query.fetchObjects({ filters: { n: { equal: first } } })).objects).toHaveLength(1);
});
