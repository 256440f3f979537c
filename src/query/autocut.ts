/**
 * Autocut: how many results to keep so that the cut falls after the n-th jump in score. The scores, normalised to 0…1 in the
 * order of the results, are compared with a straight ramp; a jump ends where the difference has a local maximum.
 * Source: Weaviate's autocut (reference/weaviate.md 1.6).
 */

/** `values` rise or fall monotonically, best first. */
export function autocut(values: readonly number[], jumps: number): number {
  const count = values.length;
  if (count <= 1 || jumps < 1) return count;
  const span = values[count - 1] - values[0];
  if (span === 0) return count;
  const above = values.map((value, i) => (value - values[0]) / span - i / (count - 1));
  let seen = 0;
  for (let i = 1; i < count; i++) {
    const isPeak = above[i] > above[i - 1] && (i === count - 1 || above[i] > above[i + 1]);
    if (isPeak && ++seen === jumps) return i;
  }
  return count;
}
