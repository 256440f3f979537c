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

/** The lists of `count` rows that come in one batch: each chooses at most `keep` among the rows before it, then takes in who chose it. */
export function linkBatch(
  count: number,
  keep: number,
  degree: number,
  offered: number,
  distanceBetween: (a: number, b: number) => number,
): number[][] {
  const forward = Array.from({ length: count }, (_, row) => {
    const earlier = Array.from({ length: row }, (_, other) => ({ row: other, distance: distanceBetween(row, other) }));
    const nearest = earlier.toSorted((a, b) => a.distance - b.distance || a.row - b.row).slice(0, offered);
    return pruneLinks(nearest, keep, distanceBetween);
  });
  return forward.map((list, row) => {
    const incoming = forward.flatMap((other, source) => (other.includes(row) ? [source] : []));
    if (incoming.length === 0) return list;
    const both = [...list, ...incoming].map((other) => ({ row: other, distance: distanceBetween(row, other) }));
    if (both.length > degree) return pruneLinks(both, degree, distanceBetween);
    return both.toSorted((a, b) => a.distance - b.distance || a.row - b.row).map((c) => c.row);
  });
}
