/** What owners say they need is what merges go by; where they keep more than they say, a merge that gains nothing is not repeated. */
import { expect, test } from 'vitest';
import { keyOfU32 } from '../core/bytes.ts';
import { memoryVfs } from '../vfs/memory.ts';
import { entriesOf, noMeta, openStorage } from './testing.ts';

/** "Nothing of it is kept": asked without end, it ends the test. */
function nothing(): () => number {
  let asked = 0;
  return () => {
    if (++asked > 100) throw new Error('merges go on without end');
    return 0;
  };
}

test('a merge that gives nothing back is not repeated before the next flush', async () => {
  const storage = await openStorage(memoryVfs());
  const store = storage.createShard(1, noMeta);
  const bucket = { id: 1, bloom: true, operator: { kind: 'replace' as const }, keptEntries: nothing() };
  store.columns.register(2, { keep: () => true, keptRows: nothing() });
  const flush = (sequence: number): void =>
    store.flush({
      sections: [{ bucket, entries: entriesOf([[keyOfU32(sequence), new Uint8Array(100)]]) }],
      columns: [{ ordinal: 2, dimensions: 4, docIDs: Uint32Array.of(sequence), rows: new Float32Array(4) }],
      uptoSequence: sequence,
      meta: noMeta,
    });
  for (const sequence of [1, 2]) {
    flush(sequence);
    while (storage.step(100));
    store.compact();
    expect(store.segments).toBe(1);
  }
  const { edits } = storage.stats;
  store.compact();
  while (storage.step(100));
  expect(storage.stats.edits).toBe(edits);
  await storage.close();
});
