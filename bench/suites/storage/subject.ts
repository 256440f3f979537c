/** What every engine under test offers inside its worker. Objects are numbered from 0; `textOf` makes their JSON. */
import { SeededRandom } from '../../../src/core/clock.ts';

export interface Subject {
  /** Opens the database, making it when it is not there. */
  open(): Promise<void>;
  /** Durable when it resolves: one transaction. */
  put(from: number, count: number): Promise<void>;
  /** As many puts of one object at a time as `count`, `inFlight` of them waiting together; absent: no better than one by one. */
  putInFlight?(from: number, count: number, inFlight: number): Promise<void>;
  /** The JSON text of one object. */
  get(n: number): string | Promise<string>;
  /** Calls back with the JSON text of every object in key order; resolves with how many there were. */
  scan(): Promise<number>;
  /** Resolves once the background work of the puts is done: reads are rated by processor time, which is to be theirs alone. */
  rest?(): Promise<void>;
  close(): Promise<void>;
  /** Things worth a row: flushes, bytes. */
  facts?(): Promise<Readonly<Record<string, number>>>;
}

const random = new SeededRandom(7);
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz      ';
/** 64 KiB of letters to cut texts from, so that making an object costs little. */
const SOUP = Array.from({ length: 65_536 }, () => LETTERS[Math.floor(random.next() ** 2 * LETTERS.length)]).join('');

/** The properties of object `n`, about 1,000 bytes as JSON. */
export function valuesOf(n: number): [string, string, number] {
  const at = (Math.imul(n, 2654435761) >>> 0) % (SOUP.length - 1000);
  return [`note ${n}`, SOUP.slice(at, at + 900), n % 1000];
}

export function textOf(n: number): string {
  const [title, body, stars] = valuesOf(n);
  return JSON.stringify({ id: n, title, body, tag: `tag ${n % 17}`, stars });
}
