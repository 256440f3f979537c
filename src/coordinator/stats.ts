/** Puts the engines' numbers together into those of the database and of each collection. */
import type { CollectionStats, DatabaseStats } from '../protocol/coordinator-api.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { indexNames } from '../schema/reindex.ts';
import type { HostStats, ShardStats } from '../shard/host-api.ts';

export function databaseStats(
  hosts: readonly HostStats[],
  schemas: readonly CollectionSchema[],
): Omit<DatabaseStats, 'engineRestarts' | 'clients'> {
  const sum = (of: (host: HostStats) => number): number => hosts.reduce((total, host) => total + of(host), 0);
  const shards = hosts.flatMap((host) => host.shards);
  return {
    diskBytes: sum((host) => host.diskBytes),
    logBytes: sum((host) => host.logBytes),
    freeBytes: sum((host) => host.freeBytes),
    settled: hosts.every((host) => host.settled),
    engines: hosts.length,
    gpu: hosts.find(({ gpu }) => gpu)?.gpu ?? null,
    quarantined: hosts.flatMap((host) => host.quarantined),
    collections: schemas.map((schema) =>
      collectionStats(
        schema,
        shards.filter(({ shard }) => schema.shards.includes(shard)),
      ),
    ),
  };
}

function collectionStats(schema: CollectionSchema, shards: readonly ShardStats[]): CollectionStats {
  const sum = (of: (shard: ShardStats) => number): number => shards.reduce((total, shard) => total + of(shard), 0);
  return {
    name: schema.name,
    damagedIndexes: indexNames(schema, new Set(shards.flatMap(({ damagedIndexes }) => damagedIndexes))),
    objects: sum((shard) => shard.objects),
    segments: sum((shard) => shard.segments),
    segmentBytes: sum((shard) => shard.segmentBytes),
    memtableBytes: sum((shard) => shard.memtableBytes),
    vectors: schema.vectors.map(({ name, ordinal }) => {
      const total = (key: 'rows' | 'pending' | 'backlog' | 'memoryBytes' | 'diskBytes'): number =>
        sum((shard) => shard.vectors.find((vector) => vector.ordinal === ordinal)?.[key] ?? 0);
      return {
        name,
        rows: total('rows'),
        pending: total('pending'),
        backlog: total('backlog'),
        memoryBytes: total('memoryBytes'),
        diskBytes: total('diskBytes'),
      };
    }),
  };
}
