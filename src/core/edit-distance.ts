/** Edit distance for typo tolerance: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */

let before = new Uint16Array(64);
let previous = new Uint16Array(64);
let current = new Uint16Array(64);

/** Typos allowed in a term of this many letters when `auto`, as Elasticsearch's AUTO: 0 up to 2, 1 up to 5, else 2. */
export const autoTypos = (letters: number): number => (letters < 3 ? 0 : letters < 6 ? 1 : 2);

/** The distance, or `max + 1` when it is greater than `max`. */
export function editDistance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1;
  if (b.length + 1 > current.length) {
    before = new Uint16Array(b.length * 2);
    previous = new Uint16Array(b.length * 2);
    current = new Uint16Array(b.length * 2);
  }
  for (let j = 0; j <= b.length; j++) previous[j] = j;
  for (let i = 1; i <= a.length; i++) {
    current[0] = i;
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cost = Math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1))
        cost = Math.min(cost, before[j - 2] + 1);
      current[j] = cost;
      if (cost < best) best = cost;
    }
    if (best > max) return max + 1;
    [before, previous, current] = [previous, current, before];
  }
  return Math.min(previous[b.length], max + 1);
}
