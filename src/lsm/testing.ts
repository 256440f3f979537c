/** Small helpers that the tests of this folder share: a storage on a vfs that can be opened again, entries from a Map. */
import { type Clock, SeededRandom, silentLogger } from '../core/clock.ts';
import { compareBytes } from '../core/bytes.ts';
import type { Mirror, Vfs } from '../vfs/vfs.ts';
import type { BucketOptions, SortedEntries } from './bucket.ts';
import { writeExtents } from './extent-io.ts';
import { HostStorage } from './host-storage.ts';
import type { HostStorageOptions } from './opened-host.ts';
import type { StorageLimits } from './storage-limits.ts';

/** Limits small enough that a few kilobytes cross every boundary. */
export const SMALL_LIMITS: Partial<StorageLimits> = {
  logFileBytes: 16 << 10,
  logFileBytesMax: 1 << 20,
  extentBytes: 1 << 10,
  reserveBytes: 4 << 10,
  manifestBytes: 4 << 10,
  blockCacheBytes: 64 << 10,
  writeBufferBytes: 4 << 10,
  syncBytes: 16 << 10,
  blockBytes: 512,
  inlineValueBytesMax: 256,
  shrinkBytesMin: 8 << 10,
};

export class ManualClock implements Clock {
  ms = 0;
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
}

export function openStorage(vfs: Vfs, more: Partial<HostStorageOptions> & { readonly mirror?: Mirror | null } = {}): Promise<HostStorage> {
  return HostStorage.open({
    vfs,
    mirror: null,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    logger: silentLogger,
    limits: SMALL_LIMITS,
    ...more,
  });
}

export const replaceBucket = (id: number, bloom = true): BucketOptions => ({ id, bloom, operator: { kind: 'replace' } });

/** Sorted entries of pairs; later pairs of one key win. */
export function entriesOf(pairs: Iterable<readonly [Uint8Array, Uint8Array | null]>): SortedEntries {
  const sorted = [...pairs].sort(([a], [b]) => compareBytes(a, b));
  const unique = sorted.filter(([key], i) => i + 1 === sorted.length || compareBytes(key, sorted[i + 1][0]) !== 0);
  let at = 0;
  return {
    next: () => {
      const pair = unique[at++];
      return pair === undefined ? null : { key: pair[0], value: pair[1] };
    },
  };
}

/** Flips a bit of the index, or of the filter, of a bucket in the shard's newest segment that has it, on the disk. */
export function damageSection(storage: HostStorage, shard: number, bucket: number, part: 'indexAt' | 'bloomAt' = 'indexAt'): void {
  for (const segment of storage.store(shard).version.segments) {
    const section = segment.sections().get(bucket);
    if (section === undefined) continue;
    const { ref, context } = segment.container;
    const byte = segment.container.read(section.info[part], 1);
    byte[0] ^= 4;
    writeExtents(context.space, ref.extents, byte, section.info[part]);
    return;
  }
  throw new Error(`no segment of shard ${shard} has bucket ${bucket}`);
}

export const noMeta = new Uint8Array(0);
