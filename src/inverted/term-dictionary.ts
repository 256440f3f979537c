/**
 * The terms of one searchable field in order, with how many objects have each, in memory, for prefixes and typos: read from
 * the segments when first needed, then kept up by what each flush adds. Terms no object has any more stay, with a count of
 * zero, until the shard is opened again.
 * Called by keyword queries; the field's index tells it of flushes.
 */
import { fromUtf8 } from '../core/bytes.ts';
import { readHeader } from './postings-codec.ts';
import type { TermBucket } from './term-bucket.ts';
import type { TermMemtable } from './term-memtable.ts';
import { compareTerms } from './value-key.ts';

export class TermDictionary {
  private readonly bucket: TermBucket;
  private loaded = false;
  /** Terms of the segments in UTF-8 order, and adds minus removes of each. */
  private terms: string[] = [];
  private counts: number[] = [];

  constructor(bucket: TermBucket) {
    this.bucket = bucket;
  }

  /** Takes over the terms of a memtable that has become a segment. */
  absorb(memtable: TermMemtable): void {
    if (!this.loaded || memtable.size === 0) return;
    const { terms, counts } = this;
    this.terms = [];
    this.counts = [];
    let i = 0;
    for (const term of ([...memtable.keys()] as string[]).sort(compareTerms)) {
      while (i < terms.length && compareTerms(terms[i], term) < 0) this.push(terms[i], counts[i++]);
      const before = terms[i] === term ? counts[i++] : 0;
      this.push(term, before + memtable.net(term));
    }
    while (i < terms.length) this.push(terms[i], counts[i++]);
  }

  private push(term: string, count: number): void {
    this.terms.push(term);
    this.counts.push(count);
  }

  private load(): void {
    this.loaded = true;
    const cursor = this.bucket.reader.scan(null, null);
    try {
      for (let entry = cursor.next(); entry !== null; entry = cursor.next())
        if (entry.value !== null) this.push(fromUtf8(entry.key), readHeader(entry.value, true).net);
    } finally {
      cursor.close();
    }
  }

  /** Calls back with every term that begins with `prefix` and its count; a term that is also in a memtable comes again, with the memtable's count. */
  forEach(prefix: string, each: (term: string, count: number) => void): void {
    if (!this.loaded) this.load();
    const { terms, counts } = this;
    for (let i = lowerBound(terms, prefix); i < terms.length && terms[i].startsWith(prefix); i++) each(terms[i], counts[i]);
    for (const memtable of this.bucket.memtables)
      for (const term of memtable.keys()) if ((term as string).startsWith(prefix)) each(term as string, memtable.net(term));
  }
}

/** Index of the first term that is not before `wanted`. */
function lowerBound(terms: readonly string[], wanted: string): number {
  let low = 0;
  let high = terms.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareTerms(terms[middle], wanted) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
