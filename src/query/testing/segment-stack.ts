/** A stack of segments in plain maps for tests of the layers above the LSM store: same contract, nothing on disk. */
import { compareBytes } from '../../core/bytes.ts';
import type { BucketOptions, BucketReader, Entry, SortedEntries } from '../../lsm/bucket.ts';

type Segment = Map<number, Entry[]>;

/** What a test shard needs of a store. */
export interface Stack {
  /** Segments. */
  readonly count: number;
  bucket(options: BucketOptions): BucketReader;
  /** Merges leave the bucket out from now on. */
  drop(bucket: number): void;
  flush(sections: readonly { bucket: BucketOptions; entries: SortedEntries }[]): void;
  /** Merges segment `at` with the next newer one. */
  merge(at: number): void;
}

export class SegmentStack implements Stack {
  /** Oldest first. */
  private segments: Segment[] = [];
  private readonly options = new Map<number, BucketOptions>();
  private readonly dropped = new Set<number>();

  get count(): number {
    return this.segments.length;
  }

  bucket(options: BucketOptions): BucketReader {
    this.options.set(options.id, options);
    const entriesOf = (): Entry[][] => this.segments.map((segment) => segment.get(options.id) ?? []);
    const getAll = (key: Uint8Array): Uint8Array[] => {
      const found: Uint8Array[] = [];
      for (const entries of entriesOf().reverse()) {
        const entry = entries[lowerBound(entries, key)];
        if (entry && compareBytes(entry.key, key) === 0 && entry.value) found.push(entry.value);
      }
      return found;
    };
    return {
      get: (key) => getAll(key)[0],
      getAll,
      scan: (from, to, operator = this.options.get(options.id)!.operator) => {
        const merged = mergeEntries(entriesOf(), { operator }).filter(
          ({ key }) => (from === null || compareBytes(key, from) >= 0) && (to === null || compareBytes(key, to) < 0),
        );
        let at = 0;
        return { next: () => merged[at++] ?? null, close: () => undefined };
      },
    };
  }

  drop(bucket: number): void {
    this.dropped.add(bucket);
  }

  flush(sections: readonly { bucket: BucketOptions; entries: SortedEntries }[]): void {
    const segment: Segment = new Map();
    for (const { bucket, entries } of sections) {
      const list: Entry[] = [];
      for (let entry = entries.next(); entry !== null; entry = entries.next()) {
        const before = list.at(-1);
        if (before && compareBytes(before.key, entry.key) >= 0) throw new Error(`bucket ${bucket.id}: keys do not rise`);
        list.push({ key: entry.key.slice(), value: entry.value && entry.value.slice() });
      }
      segment.set(bucket.id, list);
    }
    this.segments.push(segment);
  }

  merge(at: number): void {
    const [older, newer] = this.segments.slice(at, at + 2);
    const merged: Segment = new Map();
    for (const id of new Set([...older.keys(), ...newer.keys()]))
      if (!this.dropped.has(id)) merged.set(id, mergeEntries([older.get(id) ?? [], newer.get(id) ?? []], this.options.get(id)!));
    this.segments.splice(at, 2, merged);
  }
}

function lowerBound(entries: readonly Entry[], key: Uint8Array): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(entries[middle].key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mergeEntries(oldestFirst: readonly (readonly Entry[])[], { operator }: Pick<BucketOptions, 'operator'>): Entry[] {
  const byKey = new Map<string, { key: Uint8Array; newestFirst: Uint8Array[] }>();
  for (const entries of [...oldestFirst].reverse())
    for (const { key, value } of entries) {
      const known = byKey.get(key.join()) ?? { key, newestFirst: [] };
      byKey.set(key.join(), known);
      if (value) known.newestFirst.push(value);
    }
  const merged: Entry[] = [];
  for (const { key, newestFirst } of byKey.values()) {
    const value = operator.kind === 'merge' ? operator.merge(key, newestFirst, true) : newestFirst[0];
    if (value) merged.push({ key, value: value.slice() });
  }
  return merged.sort((a, b) => compareBytes(a.key, b.key));
}
