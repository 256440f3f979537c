/**
 * Puts indexes to use once they are whole on every shard of their collection, says how far they are, and has damaged ones built anew.
 *
 * The shards build by themselves, in their background work. Nothing here is kept: after a crash the schema says what is being
 * built, and whoever opens the database looks again when its engines are idle.
 */
import type { Clock, Logger } from '../core/clock.ts';
import type { CallContext } from '../protocol/server.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { isReindexing } from '../schema/reindex.ts';
import type { HostStats, ReindexStats } from '../shard/host-api.ts';
import type { Catalog } from './catalog.ts';

/** Between two looks while somebody waits. */
const LOOK_MS = 50;
/** Between two looks for damage, unless some was met. */
const DAMAGE_LOOK_MS = 10_000;

export class Reindexes {
  private readonly catalog: Catalog;
  private readonly hostStats: () => Promise<HostStats[]>;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private damageLookMs = -Infinity;

  constructor(catalog: Catalog, hostStats: () => Promise<HostStats[]>, clock: Clock, logger: Logger) {
    this.catalog = catalog;
    this.hostStats = hostStats;
    this.clock = clock;
    this.logger = logger;
  }

  /** An engine has nothing left to do: what it was building may be whole. `metDamage`: it found out what is damaged. */
  async look(metDamage: boolean): Promise<void> {
    if (metDamage || this.clock.monotonic() >= this.damageLookMs + DAMAGE_LOOK_MS) await this.rebuildDamaged();
    for (const schema of this.catalog.all) {
      if (!isReindexing(schema)) continue;
      const shards = await this.shardsOf(schema);
      if (shards.length === schema.shards.length && shards.every(({ ready }) => ready)) await this.catalog.finishReindex(schema);
    }
  }

  private async rebuildDamaged(): Promise<void> {
    this.damageLookMs = this.clock.monotonic();
    const shards = (await this.hostStats()).flatMap((host) => host.shards.filter(({ damagedIndexes }) => damagedIndexes.length > 0));
    if (shards.length === 0) return;
    for (const { id, name, version, shards: own } of [...this.catalog.all]) {
      const damaged = shards.flatMap(({ shard, damagedIndexes }) => (own.includes(shard) ? damagedIndexes : []));
      const next = await this.catalog.rebuild(id, new Set(damaged));
      if (next.version > version) this.logger.log('warn', `damaged indexes of collection "${name}" are built anew`, { damaged });
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
