import { afterEach, expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import { Caller } from './caller.ts';
import type { Frame, FramePort } from './frames.ts';
import { localChannel } from './local-port.ts';
import { Server, type Handler } from './server.ts';
import { prepareTransfer } from './transfer.ts';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

/** A caller and a server on a real message channel, whose messages are counted. */
function joined(handler: Handler): { caller: Caller; server: Server; messages: Frame[][] } {
  const { port1, port2 } = new MessageChannel();
  opened.push(port1, port2);
  const messages: Frame[][] = [];
  const counted: FramePort = {
    postMessage: (message, transfer) => {
      messages.push(message as Frame[]);
      port1.postMessage(message, transfer);
    },
    set onmessage(listener: FramePort['onmessage']) {
      port1.onmessage = listener;
    },
    get onmessage() {
      return port1.onmessage as FramePort['onmessage'];
    },
  };
  const caller = new Caller();
  const server = new Server(port2 as FramePort, handler);
  void caller.attach(counted);
  return { caller, server, messages };
}

test('a result and a typed error come back as what they were', async () => {
  const { caller } = joined((method) => {
    if (method === 'fail') throw new HeddleError('Conflict', 'there already', { details: { uuid: 'x' }, hint: 'upsert' });
    return Promise.resolve({ bytes: new Uint8Array([1, 2]) });
  });
  expect(await caller.call('read', [])).toEqual({ bytes: new Uint8Array([1, 2]) });
  const error = await caller.call('fail', []).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeddleError);
  expect(error).toMatchObject({ code: 'Conflict', hint: 'upsert', details: { uuid: 'x' } });
});

test('calls made in one turn leave as one message', async () => {
  const { caller, messages } = joined((_, [n]) => n);
  const answers = await Promise.all(Array.from({ length: 32 }, (_, n) => caller.call('echo', [n])));
  expect(answers).toEqual(Array.from({ length: 32 }, (_, n) => n));
  expect(messages).toHaveLength(1);
});

test('answers that are ready leave while later calls of their message are worked on, and no call overtakes another', async () => {
  const worked: number[] = [];
  const sent: Frame[][] = [];
  let sentBeforeTheLast = 0;
  const port: FramePort = { onmessage: null, postMessage: (frames) => void sent.push(frames as Frame[]) };
  const work: Handler = (_, [n]) => {
    worked.push(n as number);
    if (n === 31) sentBeforeTheLast = sent.flat().length;
    for (const end = performance.now() + 0.2; performance.now() < end;);
    return Promise.resolve(n);
  };
  const server = new Server(port, work, () => true);
  const receive = (from: number, to: number): void => {
    const frames = Array.from({ length: to - from }, (_, i): Frame => ({ kind: 'call', id: from + i, method: 'work', args: [from + i] }));
    port.onmessage?.({ data: frames } as MessageEvent);
  };
  receive(0, 32);
  receive(32, 40);
  await new Promise((resolve) => setTimeout(resolve));
  server.close();
  expect(sentBeforeTheLast).toBeGreaterThan(0);
  expect(worked).toEqual(Array.from({ length: 40 }, (_, n) => n));
  expect(sent.flat().map((frame) => 'id' in frame && frame.id)).toEqual(worked);
});

test('an aborted call rejects at once and the other end is told', async () => {
  let seen: AbortSignal | null = null;
  const { caller } = joined((_, __, context) => {
    seen = context.signal;
    return new Promise(() => undefined);
  });
  const controller = new AbortController();
  const call = caller.call('wait', [], { signal: controller.signal });
  await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: 'Aborted' });
  await expect.poll(() => seen?.aborted).toBe(true);
  await expect(caller.call('wait', [], { signal: controller.signal })).rejects.toMatchObject({ code: 'Aborted' });
});

test('a call that is never answered settles at its deadline, and nothing stays pending', async () => {
  const { caller } = joined(() => new Promise(() => undefined));
  await expect(caller.call('wait', [], { timeoutMs: 1 })).rejects.toMatchObject({ code: 'Timeout', retryable: true });
  expect(caller.pendingCount).toBe(0);
});

test('after a change of owner everything unanswered is sent again, in order, marked as resent', async () => {
  const [first, dead] = localChannel();
  dead.onmessage = () => undefined;
  const caller = new Caller();
  void caller.attach(first);
  const calls = [1, 2, 3].map((n) => caller.call('write', [n]));
  await Promise.resolve();
  const seen: unknown[] = [];
  const [second, living] = localChannel();
  const server = new Server(living, (_, [n], { resent }) => {
    seen.push([n, resent]);
    return n;
  });
  void caller.attach(second);
  expect(await Promise.all(calls)).toEqual([1, 2, 3]);
  expect(seen).toEqual([
    [1, true],
    [2, true],
    [3, true],
  ]);
  server.close();
});

test('LeaderChanged is answered by sending again, other errors reach the caller', async () => {
  let attempts = 0;
  const { caller } = joined(() => {
    if (++attempts < 3) throw new HeddleError('LeaderChanged', 'engine worker restarted');
    return attempts;
  });
  expect(await caller.call('write', [])).toBe(3);
});

test('bytes in flight stay within the credit and all calls are answered in order', async () => {
  const order: unknown[] = [];
  let running = 0;
  let most = 0;
  const { caller } = joined(async (_, [n]) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    order.push(n);
    return n;
  });
  const bytes = 5 * 1024 * 1024;
  await Promise.all(Array.from({ length: 12 }, (_, n) => caller.call('write', [n], { bytes })));
  expect(order).toEqual(Array.from({ length: 12 }, (_, n) => n));
  expect(most).toBe(3);
});

test('close settles what is pending and refuses what comes later', async () => {
  const { caller } = joined(() => new Promise(() => undefined));
  const call = caller.call('wait', []);
  caller.close(new HeddleError('Closed', 'the database is closed'));
  await expect(call).rejects.toMatchObject({ code: 'Closed' });
  await expect(caller.call('wait', [])).rejects.toMatchObject({ code: 'Closed' });
});

test('an argument or a result that cannot be cloned is an error of its own call only', async () => {
  const { caller } = joined((method) => (method === 'odd' ? { fn: () => 1 } : 'fine'));
  const calls = [caller.call('one', []), caller.call('two', [() => 1]), caller.call('odd', []), caller.call('four', [])];
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'InvalidInput' });
});

test('progress and events arrive', async () => {
  const { caller, server } = joined(async (_, __, context) => {
    context.progress(1);
    context.progress(2);
    return 'done';
  });
  const progress: number[] = [];
  const events: unknown[] = [];
  caller.onEvent = (name, value) => events.push([name, value]);
  server.emit('changed', 7);
  expect(await caller.call('work', [], { onProgress: (value: number) => progress.push(value) })).toBe('done');
  expect(progress).toEqual([1, 2]);
  expect(events).toEqual([['changed', 7]]);
});

test('a view of a larger buffer is cut to size, a large buffer moves, a small one is copied', () => {
  const whole = new Uint8Array(100_000);
  const transfer: Transferable[] = [];
  const prepared = prepareTransfer({ page: whole.subarray(10, 20), rows: [{ big: whole }], n: 1, when: new Date(0) }, transfer) as {
    page: Uint8Array;
    rows: { big: Uint8Array }[];
  };
  expect(prepared.page.buffer.byteLength).toBe(10);
  expect(prepared.rows[0].big).toBe(whole);
  expect(transfer).toEqual([whole.buffer]);
});
