/** When writes are committed, and with which others. */
import { expect, test } from 'vitest';
import type { WriteRequest } from './host-api.ts';
import { WriteQueue } from './write-queue.ts';

const write = (bytes = 1): WriteRequest => ({ batch: new Uint8Array(bytes) }) as WriteRequest;

/** A queue, the sizes of its commits, and `messagesRead`, which runs what was deferred. */
function queue(roundBytesMax = 100) {
  const rounds: number[] = [];
  const deferred: (() => void)[] = [];
  const writes = new WriteQueue(
    (run) => deferred.push(run),
    roundBytesMax,
    (round) => {
      rounds.push(round.length);
      for (const { resolve } of round) resolve({ sequence: 1, written: 1, failures: [], repeated: false, durability: 'power' });
    },
  );
  const messagesRead = (): void => {
    for (const run of deferred.splice(0)) run();
  };
  return { writes, rounds, messagesRead };
}

test('a write that comes alone is committed without waiting for messages', async () => {
  const { writes, rounds, messagesRead } = queue();
  await writes.add(write());
  expect(rounds).toEqual([1]);
  messagesRead();
  await writes.add(write());
  expect(rounds).toEqual([1, 1]);
});

test('writes of one turn share a commit', async () => {
  const { writes, rounds } = queue();
  await Promise.all([writes.add(write()), writes.add(write()), writes.add(write())]);
  expect(rounds).toEqual([3]);
});

test('writes that arrive before the waiting messages are read share the next commit', async () => {
  const { writes, rounds, messagesRead } = queue();
  await writes.add(write());
  const later = [writes.add(write())];
  await Promise.resolve();
  later.push(writes.add(write()));
  await Promise.resolve();
  expect(rounds).toEqual([1]);
  messagesRead();
  await Promise.all(later);
  expect(rounds).toEqual([1, 2]);
  // What came during that commit shares the one after it.
  const last = [writes.add(write()), writes.add(write())];
  messagesRead();
  await Promise.all(last);
  expect(rounds).toEqual([1, 2, 2]);
});

test('a commit takes no more bytes than its limit, but at least one write', async () => {
  const { writes, rounds } = queue(100);
  await Promise.all([writes.add(write(60)), writes.add(write(60)), writes.add(write(300)), writes.add(write(10)), writes.add(write(10))]);
  expect(rounds).toEqual([1, 1, 1, 2]);
});
