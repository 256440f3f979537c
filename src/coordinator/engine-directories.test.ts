import { expect, test } from 'vitest';
import { silentLogger, systemClock, systemRandom } from '../core/clock.ts';
import { ShardHost } from '../shard/engine-host.ts';
import { testSchema } from '../shard/testing.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import { engineDirectory, ENGINES_MAX } from './engine-directories.ts';

const SHARDS = 30;

test('thirty shards on as many engines as a database may have take at most 64 handles and 64 MiB of fixed disk', async () => {
  const directory = new MemoryDirectory();
  const hosts = await Promise.all(
    Array.from({ length: ENGINES_MAX }, (_, engine) =>
      ShardHost.open({
        vfs: memoryVfs(directory).directory(engineDirectory(engine)),
        mirror: null,
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        durability: 'strict',
        defer: queueMicrotask,
      }),
    ),
  );
  const stats = await Promise.all(hosts.map((host) => host.stats()));
  expect(stats.reduce((sum, { diskBytes }) => sum + diskBytes, 0)).toBeLessThanOrEqual(64 << 20);
  for (let shard = 0; shard < SHARDS; shard++) await hosts[shard % ENGINES_MAX].putShard(shard, testSchema());
  const names = await Promise.all(hosts.map((_, engine) => memoryVfs(directory).directory(engineDirectory(engine)).list()));
  expect(names.flat().length).toBeLessThanOrEqual(64);
  for (const host of hosts) await host.close();
});
