/** Reads whatever still can be read of damaged segments, block by block, and says what could not. */
import { lossIn } from './section-reader.ts';
import type { Segment } from './segment.ts';

export type SalvagedEntry =
  | {
      readonly shard: number;
      readonly bucket: number;
      readonly key: Uint8Array;
      /** Null: a tombstone. */ readonly value: Uint8Array | null;
    }
  | { readonly shard: number; readonly bucket: number | null; readonly lost: string };

/** Newest segment first; within one, buckets and keys rise. Entries are copies. */
export function* salvageShards(
  shards: Iterable<{ readonly shard: number; readonly segments: readonly Segment[] }>,
): IterableIterator<SalvagedEntry> {
  for (const { shard, segments } of shards)
    for (const segment of segments) {
      const lost = lossIn(() => segment.sections());
      if (lost !== null) {
        yield { shard, bucket: null, lost };
        continue;
      }
      for (const [bucket, section] of segment.sections()) {
        for (const next of section.salvage()) yield { shard, bucket, ...next };
      }
    }
}
