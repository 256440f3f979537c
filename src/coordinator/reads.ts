/** Reads that need no ranking: by UUID, in key order, counts and matches, over all shards of a collection. */
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { FilterNode } from '../schema/filter.ts';
import type { ReadProjection, ScanCursor, ScanReply } from '../protocol/coordinator-api.ts';
import type { Catalog } from './catalog.ts';
import { shardOfUuid } from './routing.ts';

const NOTHING = new Uint8Array(0);

export class Reads {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  /** Object pages that hold the objects of these UUIDs, in no order, missing ones left out. */
  async get(collection: number, uuids: Uint8Array, projection: ReadProjection): Promise<Uint8Array[]> {
    const parts = byShard(this.catalog.get(collection), uuids);
    return Promise.all(
      parts.map(({ shard, uuids: some }) =>
        this.catalog.engine(shard).run(async (host) => (await host.get(shard, some, projection)).bytes),
      ),
    );
  }

  async exists(collection: number, uuids: Uint8Array): Promise<boolean[]> {
    const parts = byShard(this.catalog.get(collection), uuids);
    const known = new Array<boolean>(uuids.length / 16).fill(false);
    await Promise.all(
      parts.map(async ({ shard, uuids: some, indexes }) => {
        const there = await this.catalog.engine(shard).run((host) => host.exists(shard, some));
        for (let i = 0; i < indexes.length; i++) known[indexes[i]] = there[i];
      }),
    );
    return known;
  }

  /** The next objects in key order, shard after shard. `salvaging`: in the order of their docIDs, damaged ones left out and counted. */
  async scan(
    collection: number,
    cursor: ScanCursor | null,
    limit: number,
    projection: ReadProjection,
    salvaging = false,
  ): Promise<ScanReply & { readonly lost: number }> {
    const { shards } = this.catalog.get(collection);
    const { shard: at, after } = cursor ?? { shard: 0, after: null };
    if (at >= shards.length) return { bytes: NOTHING, count: 0, next: null, lost: 0 };
    const shard = shards[at];
    const page = await this.catalog
      .engine(shard)
      .run(async (host) =>
        salvaging ? host.salvage(shard, after, limit, projection) : { ...(await host.scan(shard, after, limit, projection)), lost: 0 },
      );
    const next = page.last !== null ? { shard: at, after: page.last } : at + 1 < shards.length ? { shard: at + 1, after: null } : null;
    return { bytes: page.bytes, count: page.count, next, lost: page.lost };
  }

  async count(collection: number): Promise<number> {
    const { shards } = this.catalog.get(collection);
    const counts = await Promise.all(shards.map((shard) => this.catalog.engine(shard).run((host) => host.count(shard))));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** UUIDs of matching objects, at most `limit`. */
  async match(collection: number, filter: FilterNode | null, limit: number): Promise<Uint8Array> {
    const found = await this.catalog.consistently(
      () => this.catalog.get(collection),
      ({ shards }) => Promise.all(shards.map((shard) => this.catalog.engine(shard).run((host) => host.match(shard, filter, limit)))),
    );
    const joined = new Uint8Array(found.reduce((sum, uuids) => sum + uuids.length, 0));
    let at = 0;
    for (const uuids of found) {
      joined.set(uuids, at);
      at += uuids.length;
    }
    return joined.subarray(0, limit * 16);
  }

  /** What each shard's index of a vector says of itself. */
  async health(collection: number, vector: number): Promise<readonly unknown[]> {
    const { shards } = this.catalog.get(collection);
    return Promise.all(shards.map((shard) => this.catalog.engine(shard).run((host) => host.vectorHealth(shard, vector))));
  }
}

function byShard(schema: CollectionSchema, uuids: Uint8Array): { shard: number; uuids: Uint8Array; indexes: number[] }[] {
  const parts = new Map<number, number[]>();
  for (let i = 0; i < uuids.length / 16; i++) {
    const shard = shardOfUuid(schema, uuids.subarray(i * 16, i * 16 + 16));
    const indexes = parts.get(shard);
    if (indexes === undefined) parts.set(shard, [i]);
    else indexes.push(i);
  }
  return [...parts].map(([shard, indexes]) => {
    const some = new Uint8Array(indexes.length * 16);
    indexes.forEach((index, i) => some.set(uuids.subarray(index * 16, index * 16 + 16), i * 16));
    return { shard, uuids: some, indexes };
  });
}
