/**
 * What BM25 needs of a whole shard: live objects, and for every searchable field the live objects that have it and their
 * total length. Kept as sums of differences, so that merging segments is adding.
 *
 *   key   := ordinal u32 big-endian, 0xffffffff for the shard's objects
 *   value := objects zigzag varint | total length zigzag varint
 */
import { ByteReader, ByteWriter, keyOfU32, u32OfKey } from '../core/bytes.ts';
import type { BucketReader, MergeOperator, SortedEntries } from '../lsm/bucket.ts';

const OBJECTS = 0xffffffff;

export interface FieldTotals {
  /** Objects that have the field. */
  count: number;
  /** Their lengths in terms, added up. */
  total: number;
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

export class Statistics {
  private readonly sums = new Map<number, FieldTotals>();
  private differences = new Map<number, FieldTotals>();
  private frozen = new Map<number, FieldTotals>();

  constructor(reader: BucketReader) {
    const cursor = reader.scan(null, null);
    try {
      for (let entry = cursor.next(); entry !== null; entry = cursor.next())
        if (entry.value !== null) this.sums.set(u32OfKey(entry.key), readTotals(entry.value));
    } finally {
      cursor.close();
    }
  }

  get objects(): number {
    return this.sums.get(OBJECTS)?.count ?? 0;
  }
  field(ordinal: number): Readonly<FieldTotals> {
    return this.sums.get(ordinal) ?? { count: 0, total: 0 };
  }

  /** `sign` is 1 for an object that came and -1 for one that went. */
  countObject(sign: 1 | -1): void {
    this.change(OBJECTS, sign, 0);
  }
  countField(ordinal: number, length: number, sign: 1 | -1): void {
    this.change(ordinal, sign, sign * length);
  }

  private change(key: number, count: number, total: number): void {
    for (const totals of [this.sums, this.differences]) {
      const entry = totals.get(key);
      if (entry === undefined) totals.set(key, { count, total });
      else {
        entry.count += count;
        entry.total += total;
      }
    }
  }

  freeze(): SortedEntries | null {
    for (const [key, { count, total }] of this.differences) {
      const before = this.frozen.get(key) ?? { count: 0, total: 0 };
      this.frozen.set(key, { count: before.count + count, total: before.total + total });
    }
    this.differences = new Map();
    const entries = [...this.frozen].filter(([, { count, total }]) => count !== 0 || total !== 0).sort(([a], [b]) => a - b);
    if (entries.length === 0) return null;
    const writer = new ByteWriter(32);
    let at = 0;
    return {
      next: () => {
        if (at >= entries.length) return null;
        const [key, totals] = entries[at++];
        return { key: keyOfU32(key), value: writeTotals(writer, totals) };
      },
    };
  }

  flushed(): void {
    this.frozen = new Map();
  }
}

function readTotals(value: Uint8Array): FieldTotals {
  const reader = new ByteReader(value);
  return { count: unzigzag(reader.varint()), total: unzigzag(reader.varint()) };
}

function writeTotals(writer: ByteWriter, { count, total }: FieldTotals): Uint8Array {
  writer.clear();
  return writer.varint(zigzag(count)).varint(zigzag(total)).finish();
}

/** Adds up; a key whose sums are all zero is dropped. */
export function statisticsMerge(): MergeOperator {
  const writer = new ByteWriter(32);
  return {
    kind: 'merge',
    merge(_key, newestFirst) {
      const sum = { count: 0, total: 0 };
      for (const value of newestFirst) {
        const { count, total } = readTotals(value);
        sum.count += count;
        sum.total += total;
      }
      return sum.count === 0 && sum.total === 0 ? null : writeTotals(writer, sum);
    },
  };
}
