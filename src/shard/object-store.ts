/**
 * Objects of one shard: UUID → docID, docID → record, and which docIDs are live.
 *
 * Invariants:
 * - A docID is given out once. Every new version of an object has a new one, so `objects` is append-only and in write order,
 *   and whatever refers to an old version can never match a newer one.
 * - `live` holds exactly the docIDs of current versions; it is shared with the inverted index, mutated only here.
 * - `freeze` hands out the memtables as sorted entries; they stay readable until `flushed`, and no write comes between.
 * Single-threaded. Buckets: `docs/format/shard-buckets.md`.
 */
import { keyOfU32, u32OfKey } from '../core/bytes.ts';
import { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import { virtualShardOf } from '../core/ids.ts';
import type { BucketCursor, BucketOptions, BucketReader, Entry, SortedEntries } from '../lsm/bucket.ts';
import { ReplaceMemtable } from '../lsm/replace-memtable.ts';
import { MergeCursor } from '../lsm/merge-cursor.ts';
import { addDeaths, deathEntries, deathsBucket } from './deaths.ts';

export const KEY_BYTES = 18;

export interface Section {
  readonly bucket: BucketOptions;
  readonly entries: SortedEntries;
}

/** Virtual shard and UUID: the order in which objects are iterated and moved. */
export function objectKey(uuid: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = new Uint8Array(KEY_BYTES);
  const virtualShard = virtualShardOf(uuid);
  key[0] = virtualShard >>> 8;
  key[1] = virtualShard & 0xff;
  key.set(uuid, 2);
  return key;
}

const KEYS: BucketOptions = { id: 1, bloom: true, operator: { kind: 'replace' } };
const DEATHS = deathsBucket(3);

export class ObjectStore {
  readonly live: DocSet;
  /** Objects alive now. */
  count: number;
  nextDocID: number;
  private readonly objectsBucket: BucketOptions;
  private readonly keys: BucketReader;
  private readonly objects: BucketReader;
  private keyTable = new ReplaceMemtable();
  private records = new Map<number, Uint8Array>();
  private recordBytes = 0;
  private deaths: number[] = [];

  constructor(open: (options: BucketOptions) => BucketReader, nextDocID: number) {
    this.live = DocSet.below(nextDocID);
    this.nextDocID = nextDocID;
    this.objectsBucket = { id: 2, bloom: false, operator: { kind: 'replace', keep: (key) => this.live.has(u32OfKey(key)) }, liveEntries: () => this.count };
    this.keys = open(KEYS);
    this.objects = open(this.objectsBucket);
    const dead = new DocSet(nextDocID);
    const cursor = open(DEATHS).scan(null, null);
    for (let entry = cursor.next(); entry; entry = cursor.next()) addDeaths(dead, entry);
    cursor.close();
    this.live.andNot(dead);
    this.count = this.live.count();
  }

  get memtableBytes(): number {
    return this.keyTable.bytes + this.recordBytes + this.deaths.length * 4;
  }

  /** docID of an object's current version, or null. */
  find(uuid: Uint8Array): number | null {
    const key = objectKey(uuid);
    const inTable = this.keyTable.get(key);
    const value = inTable === undefined ? this.keys.get(key) : inTable;
    return value ? readDocID(value) : null;
  }

  /** The record of a live docID; borrowed, valid in this turn. */
  record(docID: number): Uint8Array {
    const record = this.records.get(docID) ?? this.objects.get(keyOfU32(docID));
    if (!record)
      throw new HeddleError('Corruption', `object record of docID ${docID} is missing`, {
        hint: 'Run db.verify(); the segment that held it may be quarantined.',
        details: { docID },
      });
    return record;
  }

  /** Takes a new version; `record` is kept, not copied. */
  put(uuid: Uint8Array, docID: number, record: Uint8Array): void {
    this.keyTable.put(objectKey(uuid), docIDValue(docID));
    this.records.set(docID, record);
    this.recordBytes += record.length + 64;
    this.live.add(docID);
    this.count++;
    if (docID >= this.nextDocID) this.nextDocID = docID + 1;
  }

  /** The version `docID` dies; the key stays, for `put` to point it to the next version. */
  kill(docID: number): void {
    if (!this.live.has(docID)) return;
    this.live.delete(docID);
    this.count--;
    const unflushed = this.records.get(docID);
    if (unflushed) {
      this.records.delete(docID);
      this.recordBytes -= unflushed.length + 64;
    }
    this.deaths.push(docID);
  }

  delete(uuid: Uint8Array, docID: number): void {
    this.kill(docID);
    this.keyTable.delete(objectKey(uuid));
  }

  /** `[key, docID]` of live objects in key order, `from` included; pins the segments until closed. */
  scan(from: Uint8Array | null): BucketCursor {
    const segments = this.keys.scan(from, null);
    const merged = new MergeCursor([this.keyTable.scan(from, null), segments], KEYS.operator, { mayBeOlder: null, dropsUnwanted: false });
    return { next: () => merged.next(), close: () => segments.close() };
  }

  freeze(): Section[] {
    const records = this.records.entries();
    const recordEntries: SortedEntries = {
      next: (): Entry | null => {
        const step = records.next();
        return step.done ? null : { key: keyOfU32(step.value[0]), value: step.value[1] };
      },
    };
    return [
      { bucket: KEYS, entries: this.keyTable.entries() },
      { bucket: this.objectsBucket, entries: recordEntries },
      { bucket: DEATHS, entries: deathEntries(this.deaths) },
    ];
  }

  /** The frozen memtables are in the manifest now. */
  flushed(): void {
    this.keyTable = new ReplaceMemtable();
    this.records = new Map();
    this.recordBytes = 0;
    this.deaths = [];
  }
}

function docIDValue(docID: number): Uint8Array {
  return new Uint8Array([docID, docID >>> 8, docID >>> 16, docID >>> 24]);
}

export function readDocID(value: Uint8Array): number {
  return (value[0] | (value[1] << 8) | (value[2] << 16) | (value[3] << 24)) >>> 0;
}
