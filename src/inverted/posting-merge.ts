/**
 * How the postings of one key in several segments become one: laid end to end, oldest first, without the docIDs that died;
 * net counts are added. A key with no posting and no net count is dropped. Called by the LSM store during merges and scans.
 */
import { ByteWriter } from '../core/bytes.ts';
import type { DocSet } from '../core/doc-set.ts';
import type { MergeOperator } from '../lsm/bucket.ts';
import { readHeader, readPostings, writePostings, type Lengths } from './postings-codec.ts';

/** The merged value is borrowed: valid until the next merge through the same operator. */
export function postingMerge(scored: boolean, live: DocSet, lengths: () => Lengths | null): MergeOperator {
  const writer = new ByteWriter();
  return {
    kind: 'merge',
    merge(_key, newestFirst) {
      let count = 0;
      let net = 0;
      for (const value of newestFirst) {
        const header = readHeader(value, scored);
        count += header.count;
        net += header.net;
      }
      const docs = new Uint32Array(count);
      const frequencies = scored ? new Uint32Array(count) : null;
      let read = 0;
      for (let i = newestFirst.length - 1; i >= 0; i--) read = readPostings(newestFirst[i], scored, docs, frequencies, read);
      const kept = keepLive(docs, frequencies, count, live);
      if (kept === 0 && net === 0) return null;
      writer.clear();
      writePostings(writer, { docs, frequencies, count: kept, net }, lengths());
      return writer.finish();
    },
  };
}

/** Moves the live postings to the front; returns how many. */
export function keepLive(docs: Uint32Array, frequencies: Uint32Array | null, count: number, live: DocSet): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    if (!live.has(docs[i])) continue;
    docs[kept] = docs[i];
    if (frequencies) frequencies[kept] = frequencies[i];
    kept++;
  }
  return kept;
}
