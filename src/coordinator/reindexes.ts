/**
 * Puts indexes to use once they are whole on every shard of their collection, and says how far they are.
 *
 * The shards build by themselves, in their background work. Nothing here is kept: after a crash the schema says what is being
 * built, and whoever opens the database looks again when its engines are idle.
 */
import type { CallContext } from '../protocol/server.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { isReindexing } from '../schema/reindex.ts';
import type { HostStats, ReindexStats } from '../shard/host-api.ts';
import type { Catalog } from './catalog.ts';

/** Between two looks while somebody waits. */
const LOOK_MS = 50;

export class Reindexes {
  private readonly catalog: Catalog;
  private readonly hostStats: () => Promise<HostStats[]>;

  constructor(catalog: Catalog, hostStats: () => Promise<HostStats[]>) {
    this.catalog = catalog;
    this.hostStats = hostStats;
  }

  /** An engine has nothing left to do: what it was building may be whole. */
  async look(): Promise<void> {
    for (const schema of this.catalog.all) {
      if (!isReindexing(schema)) continue;
      const shards = await this.shardsOf(schema);
      if (shards.length === schema.shards.length && shards.every(({ ready }) => ready)) await this.catalog.finishReindex(schema);
    }
  }

  async finished(collection: number, { signal, progress }: CallContext): Promise<CollectionSchema> {
    for (;;) {
      const schema = this.catalog.get(collection);
      if (!isReindexing(schema) || signal.aborted) return schema;
      const shards = await this.shardsOf(schema);
      const sum = (of: 'done' | 'total'): number => shards.reduce((total, shard) => total + shard[of], 0);
      if (shards.length === schema.shards.length) progress({ done: sum('done'), total: sum('total') });
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** What each shard says; one that has not heard of it yet, or is through with it, says nothing. */
  private async shardsOf({ shards }: CollectionSchema): Promise<ReindexStats[]> {
    const hosts = await this.hostStats();
    return hosts.flatMap((host) => host.shards.flatMap(({ shard, reindex }) => (reindex && shards.includes(shard) ? [reindex] : [])));
  }
}
