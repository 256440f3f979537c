/**
 * Which docIDs have died, as entries of a bucket: key = docID >>> 16 (u32, big-endian), value = the dead low halves.
 * A docID dies once and is never given out again, so values only ever grow by union. Layout: `docs/format/shard-buckets.md`.
 *
 *   value := kind u8 | body      kind 0: u16 × count, rising · kind 1: bitmap of 8,192 bytes · kind 2: all 65,536
 */
import { DocSet } from '../core/doc-set.ts';
import { keyOfU32, u32OfKey } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { BucketOptions, Entry, SortedEntries } from '../lsm/bucket.ts';

const CHUNK = 65_536;
const BITMAP_WORDS = CHUNK / 32;
/** Above this many the bitmap is smaller than the list. */
const LIST_MAX = 4_096;
const KIND = { list: 0, bitmap: 1, all: 2 } as const;

export const deathsBucket = (id: number): BucketOptions => ({
  id,
  bloom: false,
  operator: {
    kind: 'merge',
    merge: (_key, values) => {
      const chunk = new DocSet(CHUNK);
      for (const value of values) addChunk(chunk, 0, value);
      return encodeChunk(chunk);
    },
  },
});

/** The deaths of a memtable as sorted entries. */
export function deathEntries(dead: Iterable<number>): SortedEntries {
  const chunks = new Map<number, DocSet>();
  for (const docID of dead) {
    const high = docID >>> 16;
    let chunk = chunks.get(high);
    if (!chunk) chunks.set(high, (chunk = new DocSet(CHUNK)));
    chunk.add(docID & 0xffff);
  }
  const sorted = [...chunks].sort(([a], [b]) => a - b);
  let at = 0;
  return {
    next: (): Entry | null => {
      if (at === sorted.length) return null;
      const [high, chunk] = sorted[at++];
      return { key: keyOfU32(high), value: encodeChunk(chunk) };
    },
  };
}

/** Adds the deaths of one stored entry to `into`. */
export function addDeaths(into: DocSet, entry: Entry): void {
  if (entry.value) addChunk(into, u32OfKey(entry.key) * CHUNK, entry.value);
}

function addChunk(into: DocSet, base: number, value: Uint8Array): void {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (value[0]) {
    case KIND.list:
      for (let at = 1; at < value.length; at += 2) into.add(base + view.getUint16(at, true));
      return;
    case KIND.bitmap: {
      const words = new Uint32Array(BITMAP_WORDS + (base >>> 5));
      for (let i = 0; i < BITMAP_WORDS; i++) words[(base >>> 5) + i] = view.getUint32(1 + i * 4, true);
      into.or(DocSet.adopt(words));
      return;
    }
    case KIND.all:
      for (let low = 0; low < CHUNK; low++) into.add(base + low);
      return;
    default:
      throw new HeddleError('Corruption', `deaths of docIDs from ${base} have unknown kind ${value[0]}`);
  }
}

function encodeChunk(chunk: DocSet): Uint8Array {
  const count = chunk.count();
  if (count === CHUNK) return new Uint8Array([KIND.all]);
  const bytes = new Uint8Array(1 + (count <= LIST_MAX ? count * 2 : BITMAP_WORDS * 4));
  const view = new DataView(bytes.buffer);
  if (count <= LIST_MAX) {
    let at = 1;
    for (const low of chunk.toArray()) {
      view.setUint16(at, low, true);
      at += 2;
    }
    return bytes;
  }
  bytes[0] = KIND.bitmap;
  for (let i = 0; i < BITMAP_WORDS; i++) view.setUint32(1 + i * 4, chunk.words[i] ?? 0, true);
  return bytes;
}
