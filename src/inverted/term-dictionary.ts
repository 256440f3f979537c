/**
 * The terms of one searchable field in order, with how many objects have each, in memory, for prefixes and typos: a page for each
 * beginning, read from the segments when first asked for, then kept up by what each flush adds. Terms no object has any more
 * stay, with a count of zero, until the shard is opened again.
 *
 * A page holds the terms whose UTF-8 begins with the same byte, so that the first question after opening reads the terms that it
 * can be about and no others.
 * Called by keyword queries; the field's index tells it of flushes.
 */
import { fromUtf8 } from '../core/bytes.ts';
import type { TermBucket } from './term-bucket.ts';
import type { TermMemtable } from './term-memtable.ts';
import { compareTerms } from './value-key.ts';

export interface CountedTerm {
  readonly term: string;
  /** Live objects that have it. */
  readonly count: number;
}

/** Terms beyond the basic plane share one page: of those a typed text may hold half a letter. */
const ASTRAL = 0xf0;

/** The first byte of a term's UTF-8. */
function pageOf(term: string): number {
  const unit = term.charCodeAt(0);
  if (unit < 0x80) return unit;
  if (unit < 0x800) return 0xc0 | (unit >> 6);
  return unit >= 0xd800 && unit < 0xe000 ? ASTRAL : 0xe0 | (unit >> 12);
}

/** Terms of the segments in UTF-8 order, and adds minus removes of each. */
class Page {
  readonly terms: string[] = [];
  readonly counts: number[] = [];

  push(term: string, count: number): void {
    this.terms.push(term);
    this.counts.push(count);
  }

  countOf(term: string): number {
    const at = partition(this.terms, 0, (other) => compareTerms(other, term) < 0);
    return this.terms[at] === term ? this.counts[at] : 0;
  }

  /** This page and, in their order, the terms of a memtable that has become a segment. */
  with(sorted: readonly string[], memtable: TermMemtable): Page {
    const { terms, counts } = this;
    const page = new Page();
    let i = 0;
    for (const term of sorted) {
      while (i < terms.length && compareTerms(terms[i], term) < 0) page.push(terms[i], counts[i++]);
      const before = terms[i] === term ? counts[i++] : 0;
      page.push(term, before + memtable.net(term));
    }
    while (i < terms.length) page.push(terms[i], counts[i++]);
    return page;
  }

  /** The most frequent terms from `from` to `to`. */
  mostFrequent(from: number, to: number, max: number): CountedTerm[] {
    const { terms, counts } = this;
    const found: CountedTerm[] = [];
    const least = to - from <= max ? 1 : Math.max(1, Int32Array.from(counts.slice(from, to)).sort()[to - from - max]);
    for (let i = from; i < to; i++) if (counts[i] > least) found.push({ term: terms[i], count: counts[i] });
    for (let i = from; i < to && found.length < max; i++) if (counts[i] === least) found.push({ term: terms[i], count: counts[i] });
    return found;
  }
}

export class TermDictionary {
  private readonly bucket: TermBucket;
  private readonly pages = new Map<number, Page>();

  constructor(bucket: TermBucket) {
    this.bucket = bucket;
  }

  /** Takes over the terms of a memtable that has become a segment. */
  absorb(memtable: TermMemtable): void {
    if (this.pages.size === 0) return;
    const added = new Map<number, string[]>();
    for (const key of memtable.keys()) {
      const number = pageOf(key as string);
      if (!this.pages.has(number)) continue;
      const terms = added.get(number) ?? [];
      if (terms.push(key as string) === 1) added.set(number, terms);
    }
    for (const [number, terms] of added) this.pages.set(number, this.pages.get(number)!.with(terms.sort(compareTerms), memtable));
  }

  private page(prefix: string): Page {
    const number = pageOf(prefix);
    let page = this.pages.get(number);
    if (page === undefined) {
      const read = new Page();
      const to = number === ASTRAL ? null : Uint8Array.of(number + 1);
      this.bucket.nets(Uint8Array.of(number), to, (key, net) => read.push(textOf(key), net));
      page = read;
      this.pages.set(number, page);
    }
    return page;
  }

  /** Terms that begin with `prefix` (not empty) and that `accepts` takes, at most `max`, the most frequent, ties by term. */
  find(prefix: string, max: number, accepts: ((term: string) => boolean) | null = null): CountedTerm[] {
    const page = this.page(prefix);
    const { terms, counts } = page;
    const from = partition(terms, 0, (term) => compareTerms(term, prefix) < 0);
    const to = partition(terms, from, (term) => term.startsWith(prefix));
    const found: CountedTerm[] = accepts === null ? page.mostFrequent(from, to, max) : [];
    if (accepts !== null)
      for (let i = from; i < to; i++) if (counts[i] > 0 && accepts(terms[i])) found.push({ term: terms[i], count: counts[i] });
    const all = this.withMemtables(page, found, prefix, accepts);
    if (all.length <= max) return all;
    return all.sort((a, b) => b.count - a.count || compareTerms(a.term, b.term)).slice(0, max);
  }

  /** What the memtables add to and take from the counts. */
  private withMemtables(page: Page, found: CountedTerm[], prefix: string, accepts: ((term: string) => boolean) | null): CountedTerm[] {
    let byTerm: Map<string, CountedTerm> | null = null;
    for (const memtable of this.bucket.memtables) {
      for (const key of memtable.keys()) {
        const term = key as string;
        if (!term.startsWith(prefix) || (accepts !== null && !accepts(term))) continue;
        byTerm ??= new Map(found.map((counted) => [counted.term, counted]));
        byTerm.set(term, { term, count: (byTerm.get(term)?.count ?? page.countOf(term)) + memtable.net(term) });
      }
    }
    return byTerm === null ? found : [...byTerm.values()].filter(({ count }) => count > 0);
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
