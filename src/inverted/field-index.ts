/**
 * The buckets of one field and what an object's values become in them. Called by the inverted index only.
 *
 * `add` and `remove` see the same values, so that the net counts of a term and the totals of a field stay exact.
 */
import type { DocSet } from '../core/doc-set.ts';
import type { BucketOptions, BucketReader } from '../lsm/bucket.ts';
import type { InvertedIndexConfig } from '../schema/collection-schema.ts';
import { BucketKind, bucketOf, sizeOf, valuesOf, type Field } from './fields.ts';
import { geoTerm, placeOf } from './geo.ts';
import type { IndexPart, Section } from './index-part.ts';
import { LENGTH_MAX, LengthColumn, lengthMerge } from './length-column.ts';
import { RangePlanes, planesMerge } from './range-planes.ts';
import type { Statistics } from './statistics.ts';
import { TermBucket, type KeyType } from './term-bucket.ts';
import { TermDictionary } from './term-dictionary.ts';
import { addAsciiWords } from './tokenize.ts';
import { termKeyOf } from './value-key.ts';

/** The one key of a `present` bucket. */
export const PRESENT_KEY = 1;

interface FieldIndexOptions {
  readonly field: Field;
  readonly config: InvertedIndexConfig;
  readonly live: DocSet;
  /** docIDs that merges must keep. */
  readonly kept: DocSet;
  readonly statistics: Statistics;
  readonly open: (options: BucketOptions) => BucketReader;
}

export class FieldIndex implements IndexPart {
  field: Field;
  /** Values, or a text's terms when they are not shared. */
  readonly terms: TermBucket | null;
  readonly searchable: TermBucket | null;
  readonly dictionary: TermDictionary | null;
  readonly planes: RangePlanes | null;
  readonly lengths: LengthColumn | null;
  /** docIDs that have a value, under `PRESENT_KEY`; when null states are indexed. */
  readonly present: TermBucket | null;
  /** docIDs by `len()`, zero left out; when lengths are indexed. */
  readonly size: TermBucket | null;
  private readonly planesOptions: BucketOptions;
  private readonly lengthsOptions: BucketOptions;
  private readonly live: DocSet;
  private readonly statistics: Statistics;
  private readonly found: unknown[] = [];
  private readonly words: string[] = [];

  constructor({ field, config, live, kept, statistics, open }: FieldIndexOptions) {
    this.field = field;
    this.live = live;
    this.statistics = statistics;
    const bucket = (kind: BucketKind, keyType: KeyType, scored = false): TermBucket =>
      new TermBucket({
        id: bucketOf(field.ordinal, kind),
        keyType,
        scored,
        live,
        kept,
        open,
        lengths: scored ? () => this.lengths!.lengths : null,
      });
    this.lengthsOptions = { id: bucketOf(field.ordinal, BucketKind.lengths), bloom: false, operator: lengthMerge() };
    this.planesOptions = { id: bucketOf(field.ordinal, BucketKind.planes), bloom: false, operator: planesMerge(kept) };
    this.lengths = field.searchable ? new LengthColumn(open(this.lengthsOptions)) : null;
    this.terms = field.terms ? bucket(BucketKind.terms, field.type) : null;
    this.searchable = field.searchable ? bucket(BucketKind.searchable, 'text', true) : null;
    this.dictionary = this.searchable && new TermDictionary(this.searchable);
    this.planes = field.planes ? new RangePlanes(open(this.planesOptions)) : null;
    this.present = config.indexNullState ? bucket(BucketKind.present, 'boolean') : null;
    this.size = config.indexPropertyLength ? bucket(BucketKind.size, 'number') : null;
  }

  /** The bucket whose terms filters on this field read; null when the field is not filterable. */
  get filterTerms(): TermBucket | null {
    return this.terms ?? (this.field.shared ? this.searchable : null);
  }

  private get buckets() {
    return [this.terms, this.searchable, this.planes, this.lengths, this.present, this.size];
  }

  get bytes(): number {
    return this.buckets.reduce((sum, bucket) => sum + (bucket?.bytes ?? 0), 0);
  }

  get readsValues(): boolean {
    return this.buckets.some((bucket) => bucket !== null);
  }

  add(docID: number, values: readonly unknown[]): void {
    const { field, found } = this;
    found.length = 0;
    valuesOf(field, values, found);
    if (found.length === 0) return;
    this.present?.add(PRESENT_KEY, docID);
    const size = this.size === null ? 0 : sizeOf(field, found);
    if (size > 0) this.size!.add(size, docID);
    if (field.type === 'text') this.addText(docID, found);
    else this.addValues(docID, found);
  }

  private addText(docID: number, found: readonly unknown[]): void {
    const { searchable } = this;
    if (searchable) {
      let length = 0;
      for (const value of found) if (typeof value === 'string') length += this.addTerms(searchable, value, docID);
      this.lengths!.set(docID, length);
      this.statistics.countField(this.field.ordinal, Math.min(length, LENGTH_MAX), 1);
    }
    if (this.terms) for (const word of this.analyse(found, false)) this.terms.add(word, docID);
  }

  /** Adds a text's terms; returns how many there were. */
  private addTerms(bucket: TermBucket, text: string, docID: number): number {
    const analyzer = this.field.analyzer!;
    const count = analyzer.isPlainWords ? addAsciiWords(text, bucket, docID) : -1;
    if (count >= 0) return count;
    this.words.length = 0;
    for (const word of analyzer.terms(text, this.words)) bucket.add(word, docID);
    return this.words.length;
  }

  private addValues(docID: number, found: readonly unknown[]): void {
    for (const value of found) {
      const key = this.keyOf(value);
      if (key === undefined) continue;
      this.terms?.add(key, docID);
      if (this.planes) this.planes.add(docID, key as number);
    }
  }

  /** Takes back what `add` counted; postings stay until a merge finds their docID dead. */
  remove(values: readonly unknown[]): void {
    if (!this.searchable) return;
    this.found.length = 0;
    valuesOf(this.field, values, this.found);
    if (this.found.length === 0) return;
    const words = this.analyse(this.found, true);
    this.statistics.countField(this.field.ordinal, Math.min(words.length, LENGTH_MAX), -1);
    for (const word of new Set(words)) this.searchable.subtract(word);
  }

  /** A value as a key of `terms`; undefined for one that is not of the field's type. */
  private keyOf(value: unknown): string | number | undefined {
    if (this.field.type !== 'geoCoordinates') return termKeyOf(this.field.type, value);
    const place = placeOf(value);
    return place === null ? undefined : geoTerm(place);
  }

  /** Terms of the texts; for filters they are not stemmed. */
  private analyse(found: readonly unknown[], stemmed: boolean): string[] {
    const words = this.words;
    words.length = 0;
    for (const value of found) {
      if (typeof value !== 'string') continue;
      if (stemmed) this.field.analyzer!.terms(value, words);
      else this.field.analyzer!.filterTerms(value, words);
    }
    return words;
  }

  freeze(into: Section[]): void {
    for (const bucket of [this.terms, this.searchable, this.present, this.size]) {
      const entries = bucket?.freeze();
      if (bucket && entries) into.push({ bucket: bucket.options, entries });
    }
    const planes = this.planes?.freeze(this.live);
    if (planes) into.push({ bucket: this.planesOptions, entries: planes });
    const lengths = this.lengths?.freeze();
    if (lengths) into.push({ bucket: this.lengthsOptions, entries: lengths });
  }

  flushed(): void {
    if (this.searchable?.frozen) this.dictionary!.absorb(this.searchable.frozen);
    for (const bucket of [this.terms, this.searchable, this.present, this.size, this.planes, this.lengths]) bucket?.flushed();
  }
}
