/** The page of the API figures: a data set imported through the client on OPFS, then asked one by one, many at a time, and under writes. */
import { connect, type Collection, type Database } from 'heddle';

let db: Database;
let queries = new Float32Array(0);
let base = new Float32Array(0);
let truth = new Uint32Array(0);
let dimensions = 0;
const BATCH = 1_000;
const shape = (dims: number) => ({ properties: { title: 'text', n: 'int' }, vectors: { default: { dimensions: dims } } }) as const;
type Shape = ReturnType<typeof shape>;
let rows: Collection<Shape>;

const rowOf = (n: number): Float32Array => base.subarray(n * dimensions, (n + 1) * dimensions);
const queryOf = (n: number): Float32Array => {
  const at = n % (queries.length / dimensions);
  return queries.subarray(at * dimensions, (at + 1) * dimensions);
};
const objectOf = (n: number) => ({ properties: { title: `row ${n} of the bench`, n }, vectors: rowOf(n) });

/** Imports `count` rows and waits until background work is done; objects per second of the import itself. */
async function open(dims: number, count: number): Promise<number> {
  dimensions = dims;
  const fetched = async (path: string): Promise<ArrayBuffer> => (await fetch(path)).arrayBuffer();
  base = new Float32Array(await fetched('/data/base.f32'));
  queries = new Float32Array(await fetched('/data/queries.f32'));
  truth = new Uint32Array(await fetched('/data/truth.u32'));
  db = await connect('bench-vectors');
  rows = await db.collections.ensure('Row', shape(dims));
  const began = performance.now();
  for (let n = 0; n < count; n += BATCH)
    await rows.data.insertMany(Array.from({ length: Math.min(BATCH, count - n) }, (_, i) => objectOf(n + i)));
  const rate = (count / (performance.now() - began)) * 1_000;
  await db.compact();
  return rate;
}

/** `ef` 0: the collection's own width. */
const ask = (n: number, ef = 0) => rows.query.nearVector(queryOf(n), ef === 0 ? { limit: 10 } : { limit: 10, ef });

async function oneByOne(count: number, ef: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await ask(n, ef);
    times.push(performance.now() - began);
  }
  return times;
}

async function recall(count: number, ef: number): Promise<number> {
  const perQuery = truth.length / (queries.length / dimensions);
  let found = 0;
  for (let n = 0; n < count; n++) {
    const nearest = new Set(truth.subarray(n * perQuery, n * perQuery + 10));
    for (const object of (await ask(n, ef)).objects) if (nearest.has(object.properties.n)) found++;
  }
  return found / (count * 10);
}

async function inFlight(lanes: number, count: number, ef: number): Promise<number> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) await ask(started++, ef);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: lanes }, lane));
  return (count / (performance.now() - began)) * 1_000;
}

/** Milliseconds of searches while `perSecond` durable puts a second go on for `seconds`. */
async function underWrite(perSecond: number, seconds: number, first: number): Promise<{ times: number[]; puts: number }> {
  const end = performance.now() + seconds * 1_000;
  let puts = 0;
  const writer = async (): Promise<void> => {
    const began = performance.now();
    while (performance.now() < end) {
      const due = Math.floor(((performance.now() - began) / 1_000) * perSecond);
      const batch: Promise<unknown>[] = [];
      while (puts < due) {
        const { properties, vectors } = objectOf((first + puts++) % (base.length / dimensions));
        batch.push(rows.data.insert(properties, { vectors }));
      }
      await Promise.all(batch);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const writing = writer();
  const times: number[] = [];
  for (let n = 0; performance.now() < end; n++) {
    const began = performance.now();
    await ask(n);
    times.push(performance.now() - began);
  }
  await writing;
  return { times, puts };
}

const bench = { open, oneByOne, recall, inFlight, underWrite, close: () => db.close() };
declare global {
  var vectorsApi: typeof bench;
}
globalThis.vectorsApi = bench;
