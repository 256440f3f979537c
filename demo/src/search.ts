/**
 * Asks the database, and turns its answers into what the page shows. The only place that knows both.
 */
import type { Facet } from 'heddle';
import type { DemoDatabase } from './database.ts';
import type { Mode } from './state.ts';

export const RESULTS_MAX = 20;
const SHOWN = ['words', 'gloss', 'examples', 'pos', 'domain'] as const;
const FACETS = [
  { property: 'pos', limit: 5 },
  { property: 'domain', limit: 45 },
] as const;
const BY_WORDS = { queryProperties: ['words^3', 'gloss', 'examples^0.3'], prefix: true, typos: 'auto' } as const;
/** Passages farther than this have nothing to do with the question. */
const UNLIKE = 0.85;
/** Weight of meaning in a search by both. */
const ALPHA = 0.6;

export interface Hit {
  readonly uuid: string;
  /** 0 to 1, null where meaning was not asked. */
  readonly nearness: number | null;
  /** Score by words or fused, relative to the best hit. */
  readonly strength: number;
}
export interface WordHit extends Hit {
  readonly words: readonly string[];
  readonly gloss: string;
  readonly examples: readonly string[];
  readonly pos: string;
  readonly domain: string;
}
export interface PassageHit extends Hit {
  readonly file: string;
  readonly title: string;
  readonly body: string;
  readonly part: number;
}
export type FacetCounts = readonly (readonly [value: string, count: number])[];

export interface Counts {
  readonly pos: FacetCounts;
  readonly domain: FacetCounts;
}

export interface Answer<H extends Hit> {
  readonly query: string;
  /** What was asked in fact: words, while meaning is not ready. */
  readonly mode: Mode;
  readonly hits: readonly H[];
  /** Among all that match; null where the question doesn't narrow the whole. */
  readonly facets: Counts | null;
  readonly tookMs: number;
}

export interface WordFilter {
  readonly pos: string | null;
  readonly domains: readonly string[];
}

/**
 * Searches the dictionary. Counts come with a search by words only: every sense is near to a meaning, more or less, so there the
 * counts are those of the whole dictionary (`wholeCounts`).
 */
export async function searchWords({ words }: DemoDatabase, query: string, mode: Mode, filter: WordFilter): Promise<Answer<WordHit>> {
  const options = { limit: RESULTS_MAX, filters: wordFilters(filter), returnProperties: SHOWN };
  return timed(query, mode, async () => {
    const reply = await (mode === 'meaning'
      ? words.query.nearText(query, options)
      : mode === 'words'
        ? words.query.bm25(query, { ...options, ...BY_WORDS, facets: FACETS })
        : words.query.hybrid(query, { ...options, ...BY_WORDS, alpha: ALPHA }));
    return { hits: hitsOf(reply.objects), facets: mode === 'words' ? countsOf(reply.facets) : null };
  });
}

/** How many senses of each kind the dictionary has. */
export async function wholeCounts({ words }: DemoDatabase): Promise<Counts> {
  return countsOf((await words.query.fetchObjects({ limit: 1, facets: FACETS })).facets);
}

/** Words that mean nearly the same as one that is already found. */
export function searchNear({ words }: DemoDatabase, hit: WordHit): Promise<Answer<WordHit>> {
  return timed(hit.words[0], 'meaning', async () => {
    const reply = await words.query.nearObject(hit.uuid, { limit: RESULTS_MAX + 1, returnProperties: SHOWN });
    return { hits: hitsOf(reply.objects).filter(({ uuid }) => uuid !== hit.uuid), facets: null };
  });
}

export function searchPassages({ passages }: DemoDatabase, query: string, mode: Mode): Promise<Answer<PassageHit>> {
  const options = { limit: RESULTS_MAX };
  const keyword = { ...options, queryProperties: ['title^2', 'body'], prefix: true, typos: 'auto' } as const;
  return timed(query, mode, async () => {
    const reply = await (mode === 'meaning'
      ? passages.query.nearText(query, { ...options, distance: UNLIKE })
      : mode === 'words'
        ? passages.query.bm25(query, keyword)
        : passages.query.hybrid(query, { ...keyword, alpha: ALPHA }));
    return { hits: hitsOf(reply.objects), facets: null };
  });
}

async function timed<H extends Hit>(query: string, mode: Mode, ask: () => Promise<Pick<Answer<H>, 'hits' | 'facets'>>): Promise<Answer<H>> {
  const started = performance.now();
  const found = await ask();
  return { query, mode, ...found, tookMs: performance.now() - started };
}

interface Found<P> {
  readonly uuid: string;
  readonly properties: P;
  readonly metadata: { readonly score: number; readonly distance?: number };
}

function hitsOf<P>(objects: readonly Found<P>[]): (Hit & P)[] {
  const best = objects[0]?.metadata.score ?? 1;
  return objects.map(({ uuid, properties, metadata: { distance, score } }) => ({
    uuid,
    ...properties,
    nearness: nearnessOf(distance),
    strength: strengthOf(score, best),
  }));
}

function wordFilters({ pos, domains }: WordFilter) {
  if (pos === null && domains.length === 0) return undefined;
  return {
    ...(pos === null ? {} : { pos: { equal: pos } }),
    ...(domains.length === 0 ? {} : { domain: { containsAny: domains } }),
  };
}

const countsOf = (facets: readonly Facet[] | undefined): Counts => ({ pos: facetOf(facets, 'pos'), domain: facetOf(facets, 'domain') });

const facetOf = (facets: readonly Facet[] | undefined, property: string): FacetCounts =>
  facets?.find((facet) => facet.property === property)?.values.map(({ value, count }) => [String(value), count] as const) ?? [];

/** Cosine distance → similarity; what is unlike counts as not near. */
const nearnessOf = (distance: number | undefined): number | null =>
  distance === undefined || Number.isNaN(distance) ? null : Math.max(0, 1 - distance);

const strengthOf = (score: number, best: number): number => (best > 0 ? score / best : 0);
