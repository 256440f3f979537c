import { expect, test } from 'vitest';
import { createEmbedQueue } from './embed-queue.ts';

/** A queue over a model that gives a text's length, and the order in which it read and settled. */
function harness(embed = async (text: string) => Float32Array.of(text.length)) {
  const read: string[] = [];
  const settled: { id: number; outcome: { vectors: Float32Array } | { thrown: unknown } }[] = [];
  const queue = createEmbedQueue(
    1,
    (text) => {
      read.push(text);
      return embed(text);
    },
    (id, outcome) => settled.push({ id, outcome }),
  );
  return { queue, read, settled, until: (count: number) => expect.poll(() => settled.length).toBe(count) };
}

test('a query that comes while documents are read goes before the rest of them', async () => {
  const { queue, read, settled, until } = harness();
  queue.add({ id: 1, texts: ['doc a', 'doc b', 'doc c'], urgent: false });
  queue.add({ id: 2, texts: ['query'], urgent: true });
  await until(2);
  expect(read).toEqual(['doc a', 'query', 'doc b', 'doc c']);
  expect(settled.map(({ id }) => id)).toEqual([2, 1]);
});

test('vectors come back in the order of the texts', async () => {
  const { queue, settled, until } = harness();
  queue.add({ id: 1, texts: ['a', 'bbb', 'cc'], urgent: false });
  await until(1);
  expect(settled[0].outcome).toEqual({ vectors: Float32Array.of(1, 3, 2) });
});

test('a cancelled job is neither settled nor read on, and those behind it go on', async () => {
  const { queue, read, settled, until } = harness();
  queue.add({ id: 1, texts: ['a', 'b', 'c'], urgent: false });
  queue.add({ id: 2, texts: ['d'], urgent: false });
  queue.cancel(1);
  queue.cancel(77);
  await until(1);
  expect(settled[0].id).toBe(2);
  expect(read).not.toContain('c');
});

test('a text that fails rejects its own job only', async () => {
  const failure = new Error('no');
  const { queue, settled, until } = harness(async (text) => {
    if (text === 'bad') throw failure;
    return Float32Array.of(1);
  });
  queue.add({ id: 1, texts: ['good', 'bad', 'never read'], urgent: false });
  queue.add({ id: 2, texts: ['good'], urgent: false });
  await until(2);
  expect(settled).toEqual([
    { id: 1, outcome: { thrown: failure } },
    { id: 2, outcome: { vectors: Float32Array.of(1) } },
  ]);
});
