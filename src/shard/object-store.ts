/**
 * Objects of one shard: UUID → docID, docID → record, and which docIDs are live.
 *
 * Invariants:
 * - A docID is given out once. Every new version of an object has a new one, so `objects` is append-only and in write order,
 *   and whatever refers to an old version can never match a newer one.
 * - `live` holds exactly the docIDs of current versions; it is shared with the inverted index, mutated only here.
 * - `freeze` hands out the memtable as sorted entries and begins a new one; the frozen one stays readable until `flushed`.
 * Single-threaded. Buckets: `docs/format/shard-buckets.md`.
 */
import { compareBytes, keyOfU32, putU32Key, u32OfKey } from '../core/bytes.ts';
import { DocSet } from '../core/doc-set.ts';
import { assert, HeddleError } from '../core/errors.ts';
import { virtualShardOf } from '../core/ids.ts';
import { Arena } from '../lsm/arena.ts';
import type { BucketCursor, BucketOptions, BucketReader, Entry, SortedEntries } from '../lsm/bucket.ts';
import { ReplaceMemtable } from '../lsm/replace-memtable.ts';
import { MergeCursor } from '../lsm/merge-cursor.ts';
import { addDeaths, deathEntries, deathsBucket } from './deaths.ts';
import { UUID_AT, UuidCursor } from './uuid-cursor.ts';

const KEY_BYTES = 18;
/** What is looked up or handed to a memtable, which copies it: one at a time. */
const docIDKey = new Uint8Array(4);
const docIDValue = new Uint8Array(4);
const lookupKey = new Uint8Array(KEY_BYTES);
const RECORD_OVERHEAD_BYTES = 64;
/** A shard with so few objects is scanned by reading all its keys: a cursor for each virtual shard would cost more. */
const FEW_OBJECTS = 2_048;

export interface Section {
  readonly bucket: BucketOptions;
  readonly entries: SortedEntries;
}

/** Virtual shard and UUID: the order in which objects are moved. Borrowed until the next call. */
function keyOf(uuid: Uint8Array): Uint8Array {
  putVirtualShard(lookupKey, virtualShardOf(uuid));
  lookupKey.set(uuid, UUID_AT);
  return lookupKey;
}

function putVirtualShard(key: Uint8Array, virtualShard: number): void {
  key[0] = virtualShard >>> 8;
  key[1] = virtualShard;
}

const KEYS: BucketOptions = { id: 1, bloom: true, operator: { kind: 'replace' } };
const DEATHS = deathsBucket(3);

export class ObjectStore {
  readonly live: DocSet;
  /** `live` and what died since the last finished flush: what merges must keep, for replay may have to kill it again. */
  readonly kept: DocSet;
  /** Objects alive now. */
  count: number;
  nextDocID: number;
  private readonly objectsBucket: BucketOptions;
  private readonly keys: BucketReader;
  private readonly objects: BucketReader;
  private active = new ObjectMemtable();
  /** The memtable of a flush under way; readable until `flushed`. */
  private frozen: ObjectMemtable | null = null;

  constructor(open: (options: BucketOptions) => BucketReader, nextDocID: number) {
    this.live = DocSet.below(nextDocID);
    this.nextDocID = nextDocID;
    this.objectsBucket = {
      id: 2,
      bloom: false,
      operator: { kind: 'replace', keep: (key) => this.kept.has(u32OfKey(key)) },
      keptEntries: () => this.count + this.active.deaths.length + (this.frozen?.deaths.length ?? 0),
    };
    this.keys = open(KEYS);
    this.objects = open(this.objectsBucket);
    const dead = new DocSet(nextDocID);
    const cursor = open(DEATHS).scan(null, null);
    for (let entry = cursor.next(); entry; entry = cursor.next()) addDeaths(dead, entry);
    cursor.close();
    this.live.andNot(dead);
    this.kept = this.live.clone();
    this.count = this.live.count();
  }

  /** Bytes written since the last flush began. */
  get memtableBytes(): number {
    return this.active.bytes;
  }

  /** More has died than was written since the last flush began: when the device is full, flushing that makes room. */
  get shrinks(): boolean {
    return this.active.deaths.length > this.active.records.size;
  }

  /** docID of an object's current version, or null. */
  find(uuid: Uint8Array): number | null {
    const key = keyOf(uuid);
    let value = this.active.keys.get(key);
    if (value === undefined) value = this.frozen?.keys.get(key);
    if (value === undefined) value = this.keys.get(key);
    return value ? readDocID(value) : null;
  }

  /** The record of a live docID; borrowed, valid in this turn. */
  record(docID: number): Uint8Array {
    const record = this.active.records.get(docID) ?? this.frozen?.records.get(docID) ?? this.objects.get(putU32Key(docIDKey, docID));
    if (!record)
      throw new HeddleError('Corruption', `object record of docID ${docID} is missing`, {
        hint: 'Run db.verify(); the segment that held it may be quarantined.',
        details: { docID },
      });
    return record;
  }

  /** Memory for a record that `put` will take; it lives until the memtable is flushed. */
  readonly allocate = (bytes: number): Uint8Array<ArrayBuffer> => this.active.arena.allocate(bytes);

  /** Takes a new version; `record` is kept, not copied. */
  put(uuid: Uint8Array, docID: number, record: Uint8Array): void {
    this.active.put(keyOf(uuid), docID, record);
    this.live.add(docID);
    this.kept.add(docID);
    this.count++;
    if (docID >= this.nextDocID) this.nextDocID = docID + 1;
  }

  /** The version `docID` dies; the key stays, for `put` to point it to the next version. */
  kill(docID: number): void {
    if (!this.live.has(docID)) return;
    this.live.delete(docID);
    this.count--;
    this.active.kill(docID);
  }

  delete(uuid: Uint8Array, docID: number): void {
    this.kill(docID);
    this.active.keys.delete(keyOf(uuid));
  }

  /** `[key, docID]` of live objects in key order; pins the segments until closed. */
  scan(): BucketCursor {
    const segments = this.keys.scan(null, null);
    const memtables = [this.active, this.frozen].flatMap((memtable) => (memtable ? [memtable.keys.entries()] : []));
    const merged = new MergeCursor([...memtables, segments], KEYS.operator, { mayBeOlder: null, dropsUnwanted: false });
    return { next: () => merged.next(), close: () => segments.close() };
  }

  /** `[key, docID]` of live objects in UUID order, those after the UUID `after`; pins the segments until closed. */
  scanByUuid(after: Uint8Array | null): BucketCursor {
    return this.count <= FEW_OBJECTS ? this.sortedScan(after) : this.mergedScan(after);
  }

  private sortedScan(after: Uint8Array | null): BucketCursor {
    const found: Entry[] = [];
    const cursor = this.scan();
    for (let entry = cursor.next(); entry; entry = cursor.next())
      if (entry.value && (after === null || compareBytes(entry.key.subarray(UUID_AT), after) > 0))
        found.push({ key: entry.key.slice(), value: entry.value.slice() });
    cursor.close();
    found.sort((a, b) => compareBytes(a.key.subarray(UUID_AT), b.key.subarray(UUID_AT)));
    let at = 0;
    return { next: () => found[at++] ?? null, close: () => {} };
  }

  private mergedScan(after: Uint8Array | null): BucketCursor {
    const from = new Uint8Array(KEY_BYTES + (after === null ? 0 : 1));
    if (after !== null) from.set(after, UUID_AT);
    const to = new Uint8Array(UUID_AT);
    const closing: BucketCursor[] = [];
    const memtables = [this.active.keys, ...(this.frozen === null ? [] : [this.frozen.keys])];
    const rangeOf = (virtualShard: number): SortedEntries => {
      putVirtualShard(from, virtualShard);
      putVirtualShard(to, virtualShard + 1);
      // A cursor keeps its bounds.
      const bounds = [from.slice(), to.slice()] as const;
      const segments = this.keys.scan(...bounds, undefined, true);
      closing.push(segments);
      const written = memtables.filter((memtable) => memtable.hasBetween(...bounds)).map((memtable) => memtable.scan(...bounds));
      if (written.length === 0) return segments;
      return new MergeCursor([...written, segments], KEYS.operator, { mayBeOlder: null, dropsUnwanted: false });
    };
    const cursor = new UuidCursor(rangeOf);
    return { next: () => cursor.next(), close: () => closing.forEach((range) => range.close()) };
  }

  /** What was written since the last freeze, as sorted sections; stays readable until `flushed`. One at a time. */
  freeze(): Section[] {
    assert(this.frozen === null, 'no flush is under way');
    const frozen = this.active;
    this.frozen = frozen;
    this.active = new ObjectMemtable();
    return [
      { bucket: KEYS, entries: frozen.keys.entries() },
      { bucket: this.objectsBucket, entries: frozen.recordEntries() },
      { bucket: DEATHS, entries: deathEntries(frozen.deaths) },
    ];
  }

  /** The frozen memtable is in the manifest now. */
  flushed(): void {
    for (const docID of this.frozen?.deaths ?? []) this.kept.delete(docID);
    this.frozen = null;
  }

  /** The flush failed: what was frozen and what came since are one memtable again. */
  thaw(): void {
    if (!this.frozen) return;
    this.frozen.absorb(this.active);
    this.active = this.frozen;
    this.frozen = null;
  }
}

/** Writes since a freeze: keys, records by rising docID, deaths. */
class ObjectMemtable {
  readonly keys = new ReplaceMemtable();
  readonly records = new Map<number, Uint8Array>();
  readonly deaths: number[] = [];
  /** Where the records lie; one that died leaves its bytes behind. */
  readonly arena = new Arena();
  private recordBytes = 0;

  get bytes(): number {
    return this.keys.bytes + this.recordBytes + this.deaths.length * 4;
  }

  put(key: Uint8Array, docID: number, record: Uint8Array): void {
    putDocID(docIDValue, docID);
    this.keys.put(key, docIDValue);
    this.records.set(docID, record);
    this.recordBytes += record.length + RECORD_OVERHEAD_BYTES;
  }

  kill(docID: number): void {
    this.deaths.push(docID);
    this.records.delete(docID);
  }

  /** Takes what came later. */
  absorb(newer: ObjectMemtable): void {
    const keys = newer.keys.entries();
    for (let entry = keys.next(); entry; entry = keys.next()) {
      if (entry.value) this.keys.put(entry.key, entry.value);
      else this.keys.delete(entry.key);
    }
    for (const [docID, record] of newer.records) {
      this.records.set(docID, record);
      this.recordBytes += record.length + RECORD_OVERHEAD_BYTES;
    }
    for (const docID of newer.deaths) this.kill(docID);
  }

  recordEntries(): SortedEntries {
    const records = this.records.entries();
    return {
      next: (): Entry | null => {
        const step = records.next();
        return step.done ? null : { key: keyOfU32(step.value[0]), value: step.value[1] };
      },
    };
  }
}

function putDocID(into: Uint8Array, docID: number): void {
  into[0] = docID;
  into[1] = docID >>> 8;
  into[2] = docID >>> 16;
  into[3] = docID >>> 24;
}

export function readDocID(value: Uint8Array): number {
  return (value[0] | (value[1] << 8) | (value[2] << 16) | (value[3] << 24)) >>> 0;
}
