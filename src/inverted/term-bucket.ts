/**
 * One inverted bucket: its segments, the frozen memtable of a flush under way and the active memtable, read as one.
 *
 * `scored` buckets (searchable) keep frequencies and net counts; the others are sets of docIDs. What is read may hold dead
 * docIDs: the reader intersects with the live set.
 */
import { ByteWriter, compareBytes, utf8 } from '../core/bytes.ts';
import type { DocSet } from '../core/doc-set.ts';
import type { BucketOptions, BucketReader, SortedEntries } from '../lsm/bucket.ts';
import { DocBits } from './doc-bits.ts';
import { geoKeyBytes, geoOfKey } from './geo.ts';
import { PostingList } from './posting-list.ts';
import { keepLive, postingMerge } from './posting-merge.ts';
import { readHeader, writePostings, type Lengths } from './postings-codec.ts';
import { TermMemtable } from './term-memtable.ts';
import { compareTerms, keyBytes, keyOfBytes, type TermKey } from './value-key.ts';
import type { ScalarType } from '../schema/collection-schema.ts';

export type KeyType = ScalarType | 'geoCoordinates';

export interface TermBucketOptions {
  readonly id: number;
  readonly keyType: KeyType;
  readonly scored: boolean;
  readonly live: DocSet;
  /** docIDs that merges must keep. */
  readonly kept: DocSet;
  /** Field lengths for block bounds; null for plain buckets. */
  readonly lengths: (() => Lengths) | null;
  readonly open: (options: BucketOptions) => BucketReader;
}

export class TermBucket {
  readonly options: BucketOptions;
  readonly keyType: KeyType;
  readonly scored: boolean;
  readonly reader: BucketReader;
  private readonly live: DocSet;
  private readonly lengths: (() => Lengths) | null;
  private active = new TermMemtable();
  /** The memtable of a flush under way. */
  frozen: TermMemtable | null = null;

  constructor({ id, keyType, scored, live, kept, lengths, open }: TermBucketOptions) {
    this.keyType = keyType;
    this.scored = scored;
    this.live = live;
    this.lengths = lengths;
    this.options = { id, bloom: keyType !== 'boolean', operator: postingMerge(scored, kept, () => lengths?.() ?? null) };
    this.reader = open(this.options);
  }

  get bytes(): number {
    return this.active.bytes;
  }
  get memtables(): readonly TermMemtable[] {
    return this.frozen ? [this.frozen, this.active] : [this.active];
  }

  add(key: TermKey, docID: number): void {
    this.active.add(key, docID);
  }
  /** `TermMemtable.addWithin`. */
  addWithin(text: string, start: number, end: number, hash: number, docID: number): void {
    this.active.addWithin(text, start, end, hash, docID);
  }
  subtract(key: TermKey): void {
    this.active.subtract(key);
  }

  keyBytes(key: TermKey): Uint8Array {
    return this.keyType === 'geoCoordinates' ? geoKeyBytes(key as string) : keyBytes(this.keyType, key);
  }
  keyOfBytes(bytes: Uint8Array): TermKey {
    return this.keyType === 'geoCoordinates' ? geoOfKey(bytes) : keyOfBytes(this.keyType, bytes);
  }

  /** Live objects with the term: exact, without reading postings. Scored buckets only. */
  net(key: TermKey): number {
    let net = 0;
    for (const value of this.reader.getAll(this.keyBytes(key))) net += readHeader(value, true).net;
    for (const memtable of this.memtables) net += memtable.net(key);
    return net;
  }

  /** Objects with the term, those that died since their postings were last merged counted too. */
  count(key: TermKey): number {
    let count = 0;
    for (const value of this.reader.getAll(this.keyBytes(key))) count += readHeader(value, this.scored).count;
    for (const memtable of this.memtables) count += memtable.count(key);
    return count;
  }

  /** Postings of a term for scoring. Scored buckets only. */
  list(key: TermKey): PostingList {
    const list = new PostingList();
    const values = this.reader.getAll(this.keyBytes(key));
    for (let i = values.length - 1; i >= 0; i--) list.addSegment(values[i]);
    for (const memtable of this.memtables) if (memtable.has(key)) list.addMemtable(memtable.read(key), memtable.net(key));
    return list;
  }

  /** Adds the docIDs of a term. */
  bits(key: TermKey, into: DocBits): void {
    for (const value of this.reader.getAll(this.keyBytes(key))) into.addPostings(value, this.scored);
    for (const memtable of this.memtables) {
      const { docs } = memtable.read(key);
      into.addAll(docs, docs.length);
    }
  }

  /** Calls back with every segment entry in `[from, to)`, in key order, then with every memtable term that `wants` takes. */
  scan(
    from: Uint8Array | null,
    to: Uint8Array | null,
    segment: (key: Uint8Array, value: Uint8Array) => void,
    memtable: (key: TermKey, docs: () => Uint32Array) => void,
  ): void {
    const cursor = this.reader.scan(from, to);
    try {
      for (let entry = cursor.next(); entry !== null; entry = cursor.next()) if (entry.value !== null) segment(entry.key, entry.value);
    } finally {
      cursor.close();
    }
    for (const table of this.memtables) for (const key of table.keys()) if (table.count(key) > 0) memtable(key, () => table.read(key).docs);
  }

  /** Calls back with every segment term in `[from, to)` and its net count over all segments, in key order. Scored buckets only. */
  nets(from: Uint8Array | null, to: Uint8Array | null, each: (key: Uint8Array, net: number) => void): void {
    const writer = new ByteWriter(16);
    const cursor = this.reader.scan(from, to, { kind: 'merge', merge: (_, values) => netOnly(writer, values) });
    try {
      for (let entry = cursor.next(); entry !== null; entry = cursor.next()) each(entry.key, readHeader(entry.value!, true).net);
    } finally {
      cursor.close();
    }
  }

  /** Adds the docIDs of every term in `[from, to)` that `accepts` takes; `accepts` sees the key's bytes. */
  bitsOfRange(from: Uint8Array | null, to: Uint8Array | null, accepts: ((key: TermKey) => boolean) | null, into: DocBits): void {
    this.scan(
      from,
      to,
      (key, value) => {
        if (accepts === null || accepts(this.keyOfBytes(key))) into.addPostings(value, this.scored);
      },
      (key, docs) => {
        const bytes = this.keyBytes(key);
        if (from !== null && compareBytes(bytes, from) < 0) return;
        if (to !== null && compareBytes(bytes, to) >= 0) return;
        if (accepts !== null && !accepts(key)) return;
        const found = docs();
        into.addAll(found, found.length);
      },
    );
  }

  /** Freezes the active memtable, together with one whose flush has failed; its entries, or null when there are none. */
  freeze(): SortedEntries | null {
    if (this.frozen) this.frozen.absorb(this.active);
    const memtable = this.frozen ?? this.active;
    this.frozen = memtable;
    this.active = new TermMemtable();
    if (memtable.size === 0) return null;
    const keys = sortedKeys(memtable, this.keyType, (key) => this.keyBytes(key));
    const writer = new ByteWriter();
    const keyWriter = new KeyWriter();
    let buffer = { docs: new Uint32Array(1024), frequencies: new Uint32Array(1024) };
    let at = 0;
    return {
      next: () => {
        while (at < keys.length) {
          const { key, bytes } = keys[at++];
          const postings = memtable.count(key);
          if (postings > buffer.docs.length) buffer = { docs: new Uint32Array(postings * 2), frequencies: new Uint32Array(postings * 2) };
          const { docs, frequencies } = buffer;
          const count = keepLive(docs, frequencies, memtable.readInto(key, buffer), this.live);
          const net = memtable.net(key);
          if (count === 0 && (!this.scored || net === 0)) continue;
          writer.clear();
          writePostings(writer, { docs, frequencies: this.scored ? frequencies : null, count, net }, this.lengths?.() ?? null);
          return { key: bytes ?? keyWriter.utf8(key as string), value: writer.finish() };
        }
        return null;
      },
    };
  }

  flushed(): void {
    this.frozen = null;
  }
}

/** UTF-8 of one term after the other in one buffer; most terms are short and ASCII. */
class KeyWriter {
  private buffer = new Uint8Array(256);

  utf8(term: string): Uint8Array {
    if (term.length > this.buffer.length) this.buffer = new Uint8Array(term.length * 2);
    for (let i = 0; i < term.length; i++) {
      const unit = term.charCodeAt(i);
      if (unit > 127) return utf8(term);
      this.buffer[i] = unit;
    }
    return this.buffer.subarray(0, term.length);
  }
}

const NO_DOCS = new Uint32Array(0);

/** The values of one term in several segments as one without postings. */
function netOnly(writer: ByteWriter, values: readonly Uint8Array[]): Uint8Array {
  if (values.length === 1) return values[0];
  let net = 0;
  for (const value of values) net += readHeader(value, true).net;
  writer.clear();
  writePostings(writer, { docs: NO_DOCS, frequencies: NO_DOCS, count: 0, net }, null);
  return writer.finish();
}

const SURROGATES_AND_ABOVE = /[\ud800-\uffff]/;

/** By UTF-8 bytes, which is the order of UTF-16 units as long as no term has one above the surrogates' range. */
function sortTexts(keys: string[]): string[] {
  return keys.some((key) => SURROGATES_AND_ABOVE.test(key)) ? keys.sort(compareTerms) : keys.sort();
}

function sortedKeys(
  memtable: TermMemtable,
  type: KeyType,
  bytesOf: (key: TermKey) => Uint8Array,
): { key: TermKey; bytes: Uint8Array | null }[] {
  const keys = [...memtable.keys()];
  if (type === 'text') return sortTexts(keys as string[]).map((key) => ({ key, bytes: null }));
  if (type === 'int' || type === 'number' || type === 'date' || type === 'boolean')
    return (keys as number[]).sort((a, b) => a - b).map((key) => ({ key, bytes: bytesOf(key) }));
  return keys.map((key) => ({ key, bytes: bytesOf(key) })).sort((a, b) => compareBytes(a.bytes, b.bytes));
}
