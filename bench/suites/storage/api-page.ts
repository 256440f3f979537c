/** The page of the storage suite's rows through the client API: the same objects, from the page through its workers to the disk. */
import { connect, type Collection, type Database } from 'heddle';
import { SeededRandom } from '../../../src/core/clock.ts';
import { valuesOf } from './subject.ts';

const PLAIN = { indexFilterable: false, indexSearchable: false } as const;
const NOTE = {
  properties: { title: { type: 'text', ...PLAIN }, body: { type: 'text', ...PLAIN }, stars: { type: 'int', indexFilterable: false } },
} as const;

let db: Database;
let notes: Collection<typeof NOTE>;
const uuids: string[] = [];

const rowOf = (n: number) => {
  const [title, body, stars] = valuesOf(n);
  return { title, body, stars };
};

async function open(): Promise<void> {
  db = await connect('bench-storage');
  notes = await db.collections.ensure('Note', NOTE);
}

/** Milliseconds of each of `times` calls of `batch` objects, `inFlight` of them on their way at any time; and of all. */
async function put(batch: number, times: number, inFlight: number): Promise<{ calls: number[]; ms: number }> {
  const calls: number[] = [];
  let left = times;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const rows = Array.from({ length: batch }, (_, i) => rowOf(uuids.length + i));
      const began = performance.now();
      const written = batch === 1 ? [await notes.data.insert(rows[0])] : (await notes.data.insertMany(rows)).uuids;
      calls.push(performance.now() - began);
      uuids.push(...(written as string[]));
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { calls, ms: performance.now() - began };
}

async function get(times: number, inFlight: number): Promise<{ calls: number[]; ms: number }> {
  const random = new SeededRandom(times);
  const calls: number[] = [];
  let left = times;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const began = performance.now();
      const found = await notes.query.fetchObjectById(uuids[random.int(uuids.length)]);
      if (found === null) throw new Error('an object is missing');
      calls.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { calls, ms: performance.now() - began };
}

async function scan(): Promise<{ count: number; ms: number }> {
  const began = performance.now();
  let count = 0;
  for await (const { properties } of notes.iterator()) if (properties.body.length > 0) count++;
  return { count, ms: performance.now() - began };
}

const bench = {
  open,
  /** The files' names are safe from a power cut: a minute after the database was made. */
  settled: () => db.settled(),
  put,
  get,
  scan,
  uuids: () => uuids,
  /** Opens, gets one object, closes; milliseconds until it is there. */
  async reopen(uuid: string): Promise<number> {
    const began = performance.now();
    await open();
    if ((await notes.query.fetchObjectById(uuid)) === null) throw new Error(`${uuid} is missing`);
    return performance.now() - began;
  },
  close: () => db.close(),
};
declare global {
  var storageApiBench: typeof bench;
}
globalThis.storageApiBench = bench;
