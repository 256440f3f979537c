/**
 * Builds the shard's next indexes (`schema/reindex.ts`) from its objects, in docID order and in slices.
 *
 * Invariants:
 * - An index holds the live docIDs below its position. Writes above it are left to the builder until it has caught up; from
 *   then on they go to the index as they come, also when the log is replayed.
 * - Positions enter the manifest with the segments they speak of. After a crash the building goes on from there, and what died
 *   since is taken back by the log's records: so the same index comes out, whenever the crash was.
 * - `ready` is said of an index that is whole in the segments: it stays whole through any crash.
 * Called by the shard, single-threaded.
 */
import { fromUtf8 } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { fieldsOf } from '../inverted/fields.ts';
import type { InvertedIndex, Positions } from '../inverted/inverted-index.ts';
import { decodeObject } from '../protocol/object-record.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { isReindexing } from '../schema/reindex.ts';
import type { ReindexStats } from './host-api.ts';
import type { ObjectStore } from './object-store.ts';
import type { ShardMeta } from './shard-meta.ts';

const OBJECTS_PER_LOOK = 16;

export class Reindexer {
  private readonly inverted: InvertedIndex;
  private readonly objects: ObjectStore;

  constructor(inverted: InvertedIndex, objects: ObjectStore) {
    this.inverted = inverted;
    this.objects = objects;
  }

  /** docIDs below this are in every next index; `nextDocID` when all are, or when nothing is being built. */
  private get position(): number {
    return Math.min(this.objects.nextDocID, ...Object.values(this.inverted.positions));
  }

  /** Works until about `deadlineMs` (monotonic); true while objects are left to index. */
  step(clock: Clock, deadlineMs: number): boolean {
    const { live, nextDocID } = this.objects;
    for (let count = 1, at = this.position; at < nextDocID; count++, at = this.position) {
      let docID = at;
      while (docID < nextDocID && !live.has(docID)) docID++;
      this.inverted.growPast(at, docID);
      if (docID < nextDocID) this.index(docID);
      if (count % OBJECTS_PER_LOOK === 0 && clock.monotonic() >= deadlineMs) break;
    }
    return this.position < nextDocID;
  }

  /** Before `schema` puts an index to use: it is whole by now, unless a crash came where none can; then it is made so at once. */
  finishFor(schema: CollectionSchema, clock: Clock): void {
    const used = new Set([...fieldsOf(schema).map(({ ordinal }) => ordinal), schema.timesIndex]);
    if (Object.keys(this.inverted.positions).some((ordinal) => used.has(Number(ordinal)))) while (this.step(clock, Infinity));
  }

  /** An object whose record is lost can't be found by anything; it does not hold up the others. */
  private index(docID: number): void {
    let record;
    try {
      record = this.objects.record(docID);
    } catch (thrown) {
      if (HeddleError.from(thrown).code !== 'Corruption') throw thrown;
      return this.inverted.growPast(docID, docID + 1);
    }
    const { createdMs, updatedMs, properties } = decodeObject(record);
    this.inverted.grow(docID, JSON.parse(fromUtf8(properties)) as unknown[], createdMs, updatedMs);
  }

  /** Null when nothing is being built. `flushed`: what the manifest says. */
  stats(flushed: ShardMeta): ReindexStats | null {
    if (!isReindexing(this.inverted.schema)) return null;
    const total = this.objects.nextDocID;
    return { done: this.position, total, ready: this.position === total && isWhole(this.inverted.positions, flushed, total) };
  }
}

/** Every next index had caught up when the shard was last flushed, or there is nothing to index. */
function isWhole(positions: Positions, flushed: ShardMeta, nextDocID: number): boolean {
  return nextDocID === 0 || Object.keys(positions).every((ordinal) => flushed.reindex?.[Number(ordinal)] === flushed.nextDocID);
}
