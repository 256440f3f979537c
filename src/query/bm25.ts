/**
 * BM25 as Weaviate and Lucene compute it (without the constant factor k1 + 1):
 *
 *   idf(t, p)      = ln(1 + (N − n + 0.5) / (n + 0.5))            N objects, n of them with t in property p
 *   tf(f, |d|)     = f / (f + k1 · (1 − b + b · |d| / avg))         f times t in the property, |d| its length in terms
 *   score          = Σ over properties and terms: boost · idf · tf
 *
 * Source: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), 3; properties are scored apart and added, with
 * document frequencies of their own.
 */
import type { Lengths } from '../inverted/postings-codec.ts';

export interface Bm25Parameters {
  readonly k1: number;
  readonly b: number;
}

export function idf(documents: number, withTerm: number): number {
  return Math.log(1 + (documents - withTerm + 0.5) / (withTerm + 0.5));
}

/** Lengths whose normalisation is computed ahead of a query. */
const TABLE_LENGTHS = 512;

/** The length normalisation of one property in one query. */
export class LengthNorm {
  readonly lengths: Lengths;
  /** k1 · (1 − b + b · length / average), for lengths below `TABLE_LENGTHS`. */
  readonly table = new Float64Array(TABLE_LENGTHS);
  private readonly base: number;
  private readonly slope: number;

  constructor(lengths: Lengths, averageLength: number, { k1, b }: Bm25Parameters) {
    this.lengths = lengths;
    this.base = k1 * (1 - b);
    this.slope = averageLength > 0 ? (k1 * b) / averageLength : 0;
    for (let length = 0; length < TABLE_LENGTHS; length++) this.table[length] = this.base + this.slope * length;
  }

  /** The saturated frequency, below 1. */
  tf(frequency: number, length: number): number {
    return frequency / (frequency + (length < TABLE_LENGTHS ? this.table[length] : this.base + this.slope * length));
  }
}

/**
 * Scores are rounded to multiples of 2^-32: sums of the same parts in another order then agree, so that ties are ties on any
 * number of shards.
 */
export const roundScore = (score: number): number => Math.round(score * 0x1_0000_0000) / 0x1_0000_0000;
