/**
 * Asks the database, and turns its answers into what the page shows. The only place that knows both.
 */
import type { Facet } from 'heddle';
import type { DemoDatabase } from './database.ts';
import type { Mode } from './state.ts';

export const RESULTS_MAX = 20;
const POS_FACETS = 5;
const DOMAIN_FACETS = 45;

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

export interface Answer<H extends Hit> {
  readonly query: string;
  /** What was asked in fact: words, while meaning is not ready. */
  readonly mode: Mode;
  readonly hits: readonly H[];
  readonly facets: { readonly pos: FacetCounts; readonly domain: FacetCounts };
  readonly tookMs: number;
}

export interface WordFilter {
  readonly pos: string | null;
  readonly domains: readonly string[];
}

/** Searches the dictionary; an empty query lists nothing. */
export async function searchWords({ words }: DemoDatabase, query: string, mode: Mode, filter: WordFilter): Promise<Answer<WordHit>> {
  const started = performance.now();
  const options = {
    limit: RESULTS_MAX,
    filters: wordFilters(filter),
    facets: [
      { path: 'pos', limit: POS_FACETS },
      { path: 'domain', limit: DOMAIN_FACETS },
    ],
  };
  const keyword = { queryProperties: ['words^3', 'gloss', 'examples^0.3'], prefix: true, typos: 'auto' } as const;
  const reply = await (mode === 'meaning'
    ? words.query.nearText(query, options)
    : mode === 'words'
      ? words.query.bm25(query, { ...options, ...keyword })
      : words.query.hybrid(query, { ...options, ...keyword, alpha: 0.6 }));
  const best = reply.objects[0]?.metadata.score ?? 1;
  return {
    query,
    mode,
    hits: reply.objects.map(({ uuid, properties, metadata }) => ({
      uuid,
      ...properties,
      nearness: nearnessOf(metadata.distance),
      strength: strengthOf(metadata.score, best),
    })),
    facets: { pos: facetOf(reply.facets, 'pos'), domain: facetOf(reply.facets, 'domain') },
    tookMs: performance.now() - started,
  };
}

/** Words that mean nearly the same as one that is already found. */
export async function searchNear({ words }: DemoDatabase, hit: WordHit): Promise<Answer<WordHit>> {
  const started = performance.now();
  const reply = await words.query.nearObject(hit.uuid, { limit: RESULTS_MAX + 1 });
  return {
    query: hit.words[0],
    mode: 'meaning',
    hits: reply.objects
      .filter(({ uuid }) => uuid !== hit.uuid)
      .map(({ uuid, properties, metadata }) => ({
        uuid,
        ...properties,
        nearness: nearnessOf(metadata.distance),
        strength: metadata.score,
      })),
    facets: { pos: [], domain: [] },
    tookMs: performance.now() - started,
  };
}

export async function searchPassages({ passages }: DemoDatabase, query: string, mode: Mode): Promise<Answer<PassageHit>> {
  const started = performance.now();
  const options = { limit: RESULTS_MAX };
  const keyword = { queryProperties: ['title^2', 'body'], prefix: true, typos: 'auto' } as const;
  const reply = await (mode === 'meaning'
    ? passages.query.nearText(query, options)
    : mode === 'words'
      ? passages.query.bm25(query, { ...options, ...keyword })
      : passages.query.hybrid(query, { ...options, ...keyword, alpha: 0.6 }));
  const best = reply.objects[0]?.metadata.score ?? 1;
  return {
    query,
    mode,
    hits: reply.objects.map(({ uuid, properties, metadata }) => ({
      uuid,
      ...properties,
      nearness: nearnessOf(metadata.distance),
      strength: strengthOf(metadata.score, best),
    })),
    facets: { pos: [], domain: [] },
    tookMs: performance.now() - started,
  };
}

function wordFilters({ pos, domains }: WordFilter) {
  return {
    ...(pos === null ? {} : { pos: { equal: pos } }),
    ...(domains.length === 0 ? {} : { domain: { containsAny: domains } }),
  };
}

const facetOf = (facets: readonly Facet[] | undefined, property: string): FacetCounts =>
  facets?.find((facet) => facet.property === property)?.values.map(({ value, count }) => [String(value), count] as const) ?? [];

/** Cosine distance → similarity; what is unlike counts as not near. */
const nearnessOf = (distance: number | undefined): number | null =>
  distance === undefined || Number.isNaN(distance) ? null : Math.max(0, 1 - distance);

const strengthOf = (score: number, best: number): number => (best > 0 ? score / best : 0);
