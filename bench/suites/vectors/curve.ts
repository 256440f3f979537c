/** Recall against rate: what one engine does at several widths, and reading it at a given recall. */
export interface Point {
  readonly ef: number;
  readonly recall: number;
  readonly qps: number;
}

/** Queries per second at `recall`, interpolated between its neighbours (log rate over recall); null where the curve does not reach it, the first point's where it starts above. */
export function rateAt(curve: readonly Point[], recall: number): number | null {
  const sorted = [...curve].sort((a, b) => a.ef - b.ef);
  if (sorted.length === 0) return null;
  if (sorted[0].recall >= recall) return sorted[0].qps;
  for (let i = 1; i < sorted.length; i++) {
    const [below, above] = [sorted[i - 1], sorted[i]];
    if (above.recall < recall || above.recall <= below.recall) continue;
    const share = (recall - below.recall) / (above.recall - below.recall);
    return Math.exp(Math.log(below.qps) + share * (Math.log(above.qps) - Math.log(below.qps)));
  }
  return null;
}

/** Recall at `ef`. */
export const recallAt = (curve: readonly Point[], ef: number): number | null => curve.find((point) => point.ef === ef)?.recall ?? null;
