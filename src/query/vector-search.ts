/**
 * The vector half of one shard's search, over one target or several.
 *
 * Several targets: the nearest of each target are candidates; for every candidate the exact distance to each target is taken
 * from that target's index, and the distances are combined. `relativeScore` needs every shard's distances, so it is finished
 * by the coordinator (`merge.ts`); here its candidates are ranked by their nearest target.
 */
import { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { VectorSearch, VectorTarget } from '../protocol/search-request.ts';
import type { GpuPlan } from '../gpu/gpu-backend.ts';
import type { VectorHits, VectorIndex, VectorSearchExplain } from '../vector/vector-index.ts';
import { BestOf } from './best-of.ts';

/** What a search needs of a vector index. */
export type SearchableVectors = Pick<VectorIndex, 'dimensions' | 'size' | 'search' | 'lastExplain'>;
/** Opens an index when it is asked for. */
export type VectorsByName = Pick<ReadonlyMap<string, SearchableVectors>, 'get'>;

export interface VectorCandidates {
  readonly docIDs: Uint32Array;
  /** Distances, nearest first. */
  readonly scores: Float64Array;
  readonly targetDistances?: Float64Array;
}

/** Hits that something else (the GPU) has found for a search by one target and under its filter, and how. */
export interface FoundVectors extends VectorHits {
  readonly explain: VectorSearchExplain;
}

/** What the GPU was asked for a search: its hits, if it had any, and what the planner said; null where it was not asked. */
export interface GpuOffer {
  readonly found: FoundVectors | null;
  readonly plan: GpuPlan | null;
}

/** Hits that were found elsewhere for a search by one target and under its filter; rows that died since are dropped. */
export function foundVectors(
  search: VectorSearch,
  k: number,
  found: FoundVectors,
  live: DocSet,
  facts: Record<string, unknown> | null,
): VectorCandidates {
  const best: number[] = [];
  for (let i = 0; i < found.docIDs.length && best.length < k; i++)
    if (live.has(found.docIDs[i]) && found.distances[i] <= (search.maxDistance ?? Infinity)) best.push(i);
  if (facts) facts.vector = { [search.targets[0].name]: { ...found.explain } };
  return { docIDs: Uint32Array.from(best, (i) => found.docIDs[i]), scores: Float64Array.from(best, (i) => found.distances[i]) };
}

/** Candidates taken from each of several targets, for each one wanted. */
const OVERSAMPLING = 4;

export function searchVectors(
  vectors: VectorsByName,
  search: VectorSearch,
  k: number,
  allow: DocSet | null,
  inverted: InvertedIndex,
  facts: Record<string, unknown> | null,
): VectorCandidates {
  const found = search.targets.length === 1 ? oneTarget(vectors, search, k, allow) : severalTargets(vectors, search, k, allow, inverted);
  if (facts) facts.vector = Object.fromEntries(search.targets.map(({ name }) => [name, { ...indexOf(vectors, name)?.lastExplain }]));
  return found;
}

/** Null while no object has such a vector. */
function indexOf(vectors: VectorsByName, name: string): SearchableVectors | null {
  const index = vectors.get(name);
  return index === undefined || index.size === 0 ? null : index;
}

function checked(vectors: VectorsByName, { name, query }: VectorTarget): SearchableVectors | null {
  const index = indexOf(vectors, name);
  if (index !== null && index.dimensions !== query.length)
    throw new HeddleError('InvalidInput', `the query vector has ${query.length} dimensions, those of "${name}" have ${index.dimensions}`, {
      hint: 'Embed the query with the model that made the vectors.',
      details: { vector: name, dimensions: query.length, expected: index.dimensions },
    });
  return index;
}

function oneTarget(vectors: VectorsByName, search: VectorSearch, k: number, allow: DocSet | null): VectorCandidates {
  const [target] = search.targets;
  const index = checked(vectors, target);
  if (index === null) return { docIDs: new Uint32Array(0), scores: new Float64Array(0) };
  const { docIDs, distances } = index.search(target.query, k, {
    ef: search.ef,
    allow: allow ?? undefined,
    maxDistance: search.maxDistance,
  });
  return { docIDs, scores: new Float64Array(distances) };
}

function severalTargets(
  vectors: VectorsByName,
  search: VectorSearch,
  k: number,
  allow: DocSet | null,
  inverted: InvertedIndex,
): VectorCandidates {
  const { targets } = search;
  const candidates = new DocSet();
  for (const target of targets) {
    const hits = checked(vectors, target)?.search(target.query, k * OVERSAMPLING, { ef: search.ef, allow: allow ?? undefined });
    if (hits) for (const docID of hits.docIDs) candidates.add(docID);
  }
  const docIDs = candidates.toArray();
  const row = new Map([...docIDs].map((docID, i) => [docID, i]));
  const distances = new Float64Array(docIDs.length * targets.length).fill(NaN);
  targets.forEach((target, t) => {
    const hits = docIDs.length === 0 ? undefined : checked(vectors, target)?.search(target.query, docIDs.length, { allow: candidates });
    if (hits) for (let i = 0; i < hits.docIDs.length; i++) distances[row.get(hits.docIDs[i])! * targets.length + t] = hits.distances[i];
  });
  const best = new BestOf<{ docID: number; distance: number }>(
    k,
    (a, b) => a.distance - b.distance || inverted.docs.compare(a.docID, b.docID),
  );
  docIDs.forEach((docID, i) => {
    const distance = combine(search, distances.subarray(i * targets.length, (i + 1) * targets.length));
    if (
      !Number.isNaN(distance) &&
      (search.maxDistance === null || search.combination === 'relativeScore' || distance <= search.maxDistance)
    )
      best.offer({ docID, distance });
  });
  const kept = best.take();
  return {
    docIDs: Uint32Array.from(kept, ({ docID }) => docID),
    scores: Float64Array.from(kept, ({ distance }) => distance),
    targetDistances: Float64Array.from(
      kept.flatMap(({ docID }) => [...distances.subarray(row.get(docID)! * targets.length, (row.get(docID)! + 1) * targets.length)]),
    ),
  };
}

/** NaN for an object without all the vectors that are needed. */
function combine({ targets, combination }: VectorSearch, distances: Float64Array): number {
  let sum = 0;
  let minimum = Infinity;
  for (let t = 0; t < targets.length; t++) {
    sum += distances[t] * (combination === 'manualWeights' ? targets[t].weight : 1);
    if (distances[t] < minimum) minimum = distances[t];
  }
  if (combination === 'minimum' || combination === 'relativeScore') return minimum === Infinity ? NaN : minimum;
  return combination === 'average' ? sum / targets.length : sum;
}
