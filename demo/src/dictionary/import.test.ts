import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeText } from '../../../scripts/lib/wordnet-payload.mjs';
import type { Words } from '../database.ts';
import { importDictionary } from './import.ts';
import type { Manifest } from './payload.ts';

const ROWS = 3000;
const ROWS_PER_CHUNK = 1100;

let manifest: Manifest;

beforeEach(() => {
  const synsets = Array.from({ length: ROWS }, (_, i) => ({
    words: [`w${i}`],
    gloss: `g${i}`,
    examples: [],
    pos: 'noun',
    domain: 'act',
    uses: 0,
  }));
  const files = new Map<string, Uint8Array>();
  const text: { file: string; bytes: number; sha256: string }[] = [];
  for (let from = 0; from < ROWS; from += ROWS_PER_CHUNK) {
    const file = `text-${text.length}.bin`;
    const bytes = gzipSync(encodeText(synsets.slice(from, from + ROWS_PER_CHUNK)));
    files.set(file, bytes);
    text.push({ file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  manifest = {
    version: 1,
    synsets: ROWS,
    rowsPerChunk: ROWS_PER_CHUNK,
    dimensions: 2,
    model: 'm',
    text,
    vectors: [],
    levels: [],
    mean: [],
    scale: [],
  };
  vi.stubGlobal('fetch', async (url: string) => new Response(files.get(url.split('/').at(-1)!) as Uint8Array<ArrayBuffer>));
  vi.stubGlobal('navigator', { locks: { request: (_name: string, _options: object, work: () => Promise<void>) => work() } });
});
afterEach(() => vi.unstubAllGlobals());

/** A collection that keeps what it is given, and dies when it holds `dieAt` objects, in the middle of a call. */
function collection(kept: Map<string, unknown>, dieAt = Infinity) {
  let written = 0;
  const words = {
    length: async () => kept.size,
    data: {
      upsertMany: async (rows: { sense: string }[]) => {
        for (const row of rows) {
          if (kept.size >= dieAt) throw new Error('killed');
          kept.set(row.sense, row);
          written++;
        }
      },
    },
  } as unknown as Words;
  return { words, written: () => written };
}

const run = (words: Words, seen: number[] = []) => importDictionary(words, async () => manifest, { onProgress: (done) => seen.push(done) });

test('everything is stored once, in order, and progress only rises', async () => {
  const kept = new Map<string, unknown>();
  const seen: number[] = [];
  const { words, written } = collection(kept);
  await run(words, seen);
  expect([...kept.keys()]).toEqual(Array.from({ length: ROWS }, (_, i) => String(i)));
  expect(written()).toBe(ROWS);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.at(-1)).toBe(ROWS);
});

test('after a kill anywhere, the import goes on near where it stopped and ends whole', async () => {
  for (const dieAt of [0, 1, 511, 512, 513, 1099, 1100, 1101, 1500, 2999]) {
    const kept = new Map<string, unknown>();
    await expect(run(collection(kept, dieAt).words)).rejects.toThrow('killed');
    const { words, written } = collection(kept);
    await run(words);
    expect(kept.size, `killed at ${dieAt}`).toBe(ROWS);
    expect(written(), `killed at ${dieAt}`).toBeLessThanOrEqual(ROWS - dieAt + 1100);
  }
});

test('a dictionary that is whole is not fetched again', async () => {
  const kept = new Map<string, unknown>(Array.from({ length: ROWS }, (_, i) => [String(i), null]));
  const { words, written } = collection(kept);
  await run(words);
  expect(written()).toBe(0);
});
