/**
 * Hybrid search: a vector list and a keyword list made one.
 *
 * - `relativeScore` (default): each list's scores are stretched to 0…1 (all equal: 1), weighted and added.
 * - `ranked`: weight / (60 + rank), ranks from 0, added.
 * `alpha` is the weight of the vector list, 1 − alpha that of the keyword list. Source: reference/weaviate.md 1.6.
 */

export interface FusionInput {
  /** Identity of the object. */
  readonly key: string;
  /** Higher is better. */
  readonly score: number;
}

export interface Fused {
  readonly key: string;
  readonly score: number;
  readonly vectorPart: number;
  readonly keywordPart: number;
}

const RANK_OFFSET = 60;

function parts(list: readonly FusionInput[], weight: number, type: 'relativeScore' | 'ranked'): Map<string, number> {
  if (type === 'ranked') return new Map(list.map(({ key }, rank) => [key, weight / (RANK_OFFSET + rank)]));
  let low = Infinity;
  let high = -Infinity;
  for (const { score } of list) {
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  return new Map(list.map(({ key, score }) => [key, weight * (high === low ? 1 : (score - low) / (high - low))]));
}

/** Both lists best first; the result is in no order. */
export function fuse(
  vector: readonly FusionInput[],
  keyword: readonly FusionInput[],
  type: 'relativeScore' | 'ranked',
  alpha: number,
): Fused[] {
  const vectorParts = parts(vector, alpha, type);
  const keywordParts = parts(keyword, 1 - alpha, type);
  return [...new Set([...vectorParts.keys(), ...keywordParts.keys()])].map((key) => {
    const vectorPart = vectorParts.get(key) ?? 0;
    const keywordPart = keywordParts.get(key) ?? 0;
    return { key, score: vectorPart + keywordPart, vectorPart, keywordPart };
  });
}
