/** The link heuristic of `kernels/gpu/prune-links.ts` in plain code. */
import { EMPTY } from '../gpu/ordered-key.ts';

export interface Candidate {
  readonly row: number;
  readonly distance: number;
}

/** At most `keep` of the candidates, nearest first, each nearer to the row than to every link kept before it. */
export function pruneLinks(candidates: readonly Candidate[], keep: number, distanceBetween: (a: number, b: number) => number): number[] {
  const sorted = candidates.filter((c) => c.row !== EMPTY).toSorted((a, b) => a.distance - b.distance || a.row - b.row);
  const kept: number[] = [];
  for (const candidate of sorted) {
    if (kept.length === keep) break;
    if (kept.includes(candidate.row)) continue;
    if (kept.every((other) => distanceBetween(candidate.row, other) >= candidate.distance)) kept.push(candidate.row);
  }
  return kept;
}
