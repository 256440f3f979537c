/**
 * Reading one shard: objects by UUID, docID and in UUID order, whole queries, what waits for a vector. Every call runs in one turn
 * and sees every record applied before. Called by the host only.
 */
import { equalBytes, keyOfU32, u32OfKey } from '../core/bytes.ts';
import type { BucketCursor } from '../lsm/bucket.ts';
import type { StoreVersion } from '../lsm/store-version.ts';
import { decodeObject, uuidOfRecord } from '../protocol/object-record.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { SearchRequest } from '../protocol/search-request.ts';
import { NO_VECTORS, type NamedVector } from '../protocol/write-batch.ts';
import { mergeResults } from '../query/merge.ts';
import { planShardSearch } from '../query/plan.ts';
import { replyOf } from '../query/reply.ts';
import type { FilterNode } from '../schema/filter.ts';
import type { GpuOffer } from '../query/vector-search.ts';
import type { VectorIndexHealth } from '../vector/vector-index.ts';
import type { ObjectPage, PendingVector, Projection } from './host-api.ts';
import { readDocID } from './object-store.ts';
import { PageBuilder } from './page-builder.ts';
import { Projector } from './projector.ts';
import { readable } from './readable.ts';
import type { Shard } from './shard.ts';
import { UUID_AT } from './uuid-cursor.ts';

/** A scan between two of its pages: opening the ranges of all virtual shards again would cost as much as a page. */
interface PausedScan {
  readonly cursor: BucketCursor;
  /** The last UUID of its last page. */
  readonly after: Uint8Array;
  /** What it reads; see `isCurrent`. */
  readonly sequence: number;
  readonly version: StoreVersion;
}

export class ShardReads {
  private readonly shard: Shard;
  private paused: PausedScan | null = null;

  constructor(shard: Shard) {
    this.shard = shard;
  }

  /** Adds one object to a page. */
  private addToPage(page: PageBuilder, docID: number, projector: Projector, projection: Projection): void {
    const record = projector.project(this.shard.objects.record(docID));
    if (projection.vectors.length === 0) return page.add(docID, record, NO_VECTORS);
    const vectors: NamedVector[] = [];
    for (const ordinal of projection.vectors) {
      const values = this.shard.fields.get(ordinal)?.row(docID);
      if (values) vectors.push({ ordinal, values });
    }
    page.add(docID, record, vectors);
  }

  get(uuids: Uint8Array, projection: Projection): ObjectPage {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    for (let at = 0; at < uuids.length; at += 16) {
      const docID = this.shard.find(uuids.subarray(at, at + 16));
      if (docID !== null) this.addToPage(page, docID, projector, projection);
    }
    return page.finish();
  }

  fetch(docIDs: Uint32Array, projection: Projection): ObjectPage {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    for (const docID of docIDs) if (this.shard.isLive(docID)) this.addToPage(page, docID, projector, projection);
    return page.finish();
  }

  /** A whole query on this shard alone: search, merge, fetch. `offer`: see `ShardQuery.search`. */
  answer(request: SearchRequest, projection: Projection, offer: GpuOffer | null = null): SearchReply {
    const results = [this.shard.query.search(planShardSearch(request), offer)];
    const merged = mergeResults(request, results);
    const docIDs = new Set(merged.hits.map(({ docID }) => docID));
    return replyOf(request, merged, results, docIDs.size === 0 ? [] : [this.fetch(Uint32Array.from(docIDs), projection).bytes]);
  }

  scan(after: Uint8Array | null, limit: number, projection: Projection): ObjectPage & { last: Uint8Array | null } {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    const cursor = this.takePaused(after) ?? this.shard.objects.scanByUuid(after);
    let last: Uint8Array | null = null;
    try {
      while (page.count < limit) {
        const entry = cursor.next();
        if (entry === null) break;
        this.addToPage(page, readDocID(entry.value!), projector, projection);
        if (page.count === limit) last = entry.key.slice(UUID_AT);
      }
    } catch (thrown) {
      cursor.close();
      throw thrown;
    }
    if (last === null) cursor.close();
    else this.paused = { cursor, after: last, sequence: this.shard.sequence, version: this.shard.store.version };
    return { ...page.finish(), last };
  }

  salvage(after: Uint8Array | null, limit: number, projection: Projection): ObjectPage & { last: Uint8Array | null; lost: number } {
    const page = new PageBuilder();
    const projector = new Projector(projection.properties);
    const { objects, fields } = this.shard;
    let last: Uint8Array | null = null;
    let lost = 0;
    for (let docID = after === null ? 0 : u32OfKey(after) + 1; docID < objects.nextDocID && page.count + lost < limit; docID++) {
      if (!objects.live.has(docID)) continue;
      last = keyOfU32(docID);
      const record = readable(() => projector.project(objects.record(docID)));
      if (record === null) {
        lost++;
        continue;
      }
      const vectors = projection.vectors.flatMap((ordinal): NamedVector[] => {
        const values = readable(() => fields.get(ordinal)?.row(docID) ?? null);
        return values === null ? [] : [{ ordinal, values }];
      });
      page.add(docID, record, vectors);
    }
    return { ...page.finish(), last, lost };
  }

  /** Lets a scan that stopped at a full page go, once what it reads is no longer what is current. */
  dropPaused(): void {
    if (this.paused === null || this.isCurrent(this.paused)) return;
    this.paused.cursor.close();
    this.paused = null;
  }

  /** The scan that stopped at `after`, if nothing was written, flushed or merged since. */
  private takePaused(after: Uint8Array | null): BucketCursor | null {
    const { paused } = this;
    if (paused === null) return null;
    this.paused = null;
    if (after !== null && equalBytes(after, paused.after) && this.isCurrent(paused)) return paused.cursor;
    paused.cursor.close();
    return null;
  }

  private isCurrent({ sequence, version }: PausedScan): boolean {
    return sequence === this.shard.sequence && version === this.shard.store.version;
  }

  pendingVectors(ordinal: number, limit: number): PendingVector[] {
    const field = this.shard.fields.get(ordinal);
    if (!field) return [];
    const out: PendingVector[] = [];
    for (const docID of field.pending()) {
      if (out.length === limit) break;
      const { uuid, properties } = decodeObject(this.shard.objects.record(docID));
      out.push({ uuid: uuid.slice(), docID, properties: properties.slice() });
    }
    return out;
  }

  /** UUIDs of live objects that match, in UUID order, 16 bytes each. */
  match(filter: FilterNode | null, limit: number): Uint8Array<ArrayBuffer> {
    const docIDs = this.shard.query.match(filter, limit);
    const uuids = new Uint8Array(docIDs.length * 16);
    docIDs.forEach((docID, i) => uuids.set(uuidOfRecord(this.shard.objects.record(docID)), i * 16));
    return uuids;
  }

  vectorHealth(ordinal: number): VectorIndexHealth | null {
    return this.shard.fields.get(ordinal)?.index?.health() ?? null;
  }
}
