/** The page of the api suite: calls that cross page → coordinator → engine worker and back, and a few that do work there. */
import { connect, type Collection, type Database } from 'heddle';

const NOTE = { properties: { title: 'text', n: 'int' }, vectors: { default: { dimensions: 32 } } } as const;

let db: Database;
let notes: Collection<typeof NOTE>;
let uuids: string[] = [];

async function open(objects: number): Promise<void> {
  db = await connect('bench-api');
  notes = await db.collections.ensure('Note', NOTE);
  const rows = Array.from({ length: objects }, (_, n) => ({ properties: { title: `note ${n} of the bench`, n }, vectors: vectorOf(n) }));
  const written = await notes.data.insertMany(rows);
  uuids = written.uuids as string[];
}

const vectorOf = (n: number): number[] => Array.from({ length: 32 }, (_, i) => Math.sin(n * 31 + i * 7));

/** The floor: the same two threads and four messages with nothing of Heddle's in them. */
const outer = new Worker(new URL('./raw-outer.worker.ts', import.meta.url), { type: 'module' });
const echoes = new Map<number, () => void>();
let echo = 0;
outer.onmessage = ({ data: [{ id }] }: MessageEvent<{ id: number }[]>) => {
  echoes.get(id)?.();
  echoes.delete(id);
};
const raw = (): Promise<void> =>
  new Promise((resolve) => {
    echoes.set(++echo, resolve);
    outer.postMessage([{ kind: 'call', id: echo, method: 'ping', args: [] }]);
  });

const calls = {
  raw,
  ping: () => db.ping(),
  get: (n: number) => notes.query.fetchObjectById(uuids[n % uuids.length]),
  near: (n: number) => notes.query.nearVector(vectorOf(n), { limit: 10 }),
  insert: (n: number) => notes.data.insert({ title: `more ${n}`, n }, { vectors: vectorOf(n) }),
} as const;
export type CallName = keyof typeof calls;

/** Milliseconds of each of `count` calls, one after another. */
async function oneByOne(name: CallName, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await calls[name](n);
    times.push(performance.now() - began);
  }
  return times;
}

/** Calls a second with `inFlight` of them on their way at any time. */
async function inFlight(name: CallName, inFlightMax: number, count: number): Promise<number> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) await calls[name](started++);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlightMax }, lane));
  return (count / (performance.now() - began)) * 1_000;
}

const bench = { open, oneByOne, inFlight, close: () => db.close() };
declare global {
  var apiBench: typeof bench;
}
globalThis.apiBench = bench;
