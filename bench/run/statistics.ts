/** Medians, percentiles and fair turns. Every figure of the benchmarks goes through these. */

/** The `share` (0…1) quantile of `values` by linear interpolation; NaN for none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

/**
 * Runs each variant once a round, in turns, the order reversed every other round, so that a machine that slows down or speeds
 * up favours none. Returns each variant's measurements in the order of the rounds.
 */
export async function inTurns<Name extends string, Value>(
  rounds: number,
  variants: Readonly<Record<Name, () => Value | Promise<Value>>>,
): Promise<Record<Name, Value[]>> {
  const names = Object.keys(variants) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as Value[]])) as Record<Name, Value[]>;
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) taken[name].push(await variants[name]());
  return taken;
}

/** The median over rounds of ours ÷ theirs, each round's pair taken next to each other in time. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) throw new Error(`ratio of ${ours.length} against ${theirs.length} rounds`);
  return median(ours.map((value, round) => value / theirs[round]));
}

/** `value` to `digits` significant digits, so that reports don't pretend to more than was measured. */
export const rounded = (value: number, digits = 4): number => Number(value.toPrecision(digits));
