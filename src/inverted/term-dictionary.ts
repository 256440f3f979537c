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

export interface CountedTerm {
  readonly term: string;
  /** Live objects that have it. */
  readonly count: number;
}

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
        if (entry.value !== null) this.push(textOf(entry.key), readHeader(entry.value, true).net);
    } finally {
      cursor.close();
    }
  }

  /** Index range of the segments' terms that begin with `prefix`. */
  private range(prefix: string): [number, number] {
    if (!this.loaded) this.load();
    const { terms } = this;
    const from = partition(terms, 0, (term) => compareTerms(term, prefix) < 0);
    return [from, partition(terms, from, (term) => term.startsWith(prefix))];
  }

  /** Terms that begin with `prefix` and that `accepts` takes, at most `max`, the most frequent, ties by term. */
  find(prefix: string, max: number, accepts: ((term: string) => boolean) | null = null): CountedTerm[] {
    const [from, to] = this.range(prefix);
    const found: CountedTerm[] = accepts === null ? this.mostFrequent(from, to, max) : [];
    if (accepts !== null)
      for (let i = from; i < to; i++)
        if (this.counts[i] > 0 && accepts(this.terms[i])) found.push({ term: this.terms[i], count: this.counts[i] });
    const all = this.withMemtables(found, prefix, accepts);
    if (all.length <= max) return all;
    return all.sort((a, b) => b.count - a.count || compareTerms(a.term, b.term)).slice(0, max);
  }

  private mostFrequent(from: number, to: number, max: number): CountedTerm[] {
    const { terms, counts } = this;
    const found: CountedTerm[] = [];
    const least = to - from <= max ? 1 : Math.max(1, Int32Array.from(counts.slice(from, to)).sort()[to - from - max]);
    for (let i = from; i < to; i++) if (counts[i] > least) found.push({ term: terms[i], count: counts[i] });
    for (let i = from; i < to && found.length < max; i++) if (counts[i] === least) found.push({ term: terms[i], count: counts[i] });
    return found;
  }

  /** What the memtables add to and take from the counts. */
  private withMemtables(found: CountedTerm[], prefix: string, accepts: ((term: string) => boolean) | null): CountedTerm[] {
    let byTerm: Map<string, CountedTerm> | null = null;
    for (const memtable of this.bucket.memtables) {
      for (const key of memtable.keys()) {
        const term = key as string;
        if (!term.startsWith(prefix) || (accepts !== null && !accepts(term))) continue;
        byTerm ??= new Map(found.map((counted) => [counted.term, counted]));
        byTerm.set(term, { term, count: (byTerm.get(term)?.count ?? this.countOf(term)) + memtable.net(term) });
      }
    }
    return byTerm === null ? found : [...byTerm.values()].filter(({ count }) => count > 0);
  }

  private countOf(term: string): number {
    const at = partition(this.terms, 0, (other) => compareTerms(other, term) < 0);
    return this.terms[at] === term ? this.counts[at] : 0;
  }
}

/** The first index from `low` on whose term does not satisfy `before`, which holds for a beginning of the list. */
function partition(terms: readonly string[], low: number, before: (term: string) => boolean): number {
  let from = low;
  let to = terms.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (before(terms[middle])) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Decoding a short ASCII key by hand is several times faster than a TextDecoder's call. */
function textOf(key: Uint8Array): string {
  let text = '';
  for (let i = 0; i < key.length; i++) {
    if (key[i] > 127) return fromUtf8(key);
    text += String.fromCharCode(key[i]);
  }
  return text;
}
