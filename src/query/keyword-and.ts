/**
 * Objects with every one of a query's terms: the rarest term's postings, narrowed by one term after the other, each looked
 * up only where the others still match. Scores are gathered on the way.
 */
import { roundScore } from './bm25.ts';
import type { ListCursor } from './list-cursor.ts';

export interface Matches {
  /** Rising. */
  readonly docIDs: Uint32Array;
  readonly scores: Float64Array;
}

/** `slots[i]` holds the lists any of which satisfies the i-th term; `allow` is a bitmap of docIDs that may be found. */
export function searchAnd(slots: readonly (readonly ListCursor[])[], allow: Uint32Array): Matches {
  const postings = (slot: readonly ListCursor[]): number => slot.reduce((sum, cursor) => sum + cursor.list.count, 0);
  const ordered = [...slots].sort((a, b) => postings(a) - postings(b));
  if (ordered.length === 0 || ordered[0].length === 0) return { docIDs: new Uint32Array(0), scores: new Float64Array(0) };
  let docs = allowedDocs(ordered[0], allow);
  let scores = new Float64Array(docs.length);
  for (const slot of ordered) {
    const hit = new Uint8Array(docs.length);
    for (const cursor of slot) addMatches(cursor, docs, scores, hit);
    let kept = 0;
    for (let i = 0; i < docs.length; i++) {
      if (hit[i] === 0) continue;
      docs[kept] = docs[i];
      scores[kept++] = scores[i];
    }
    docs = docs.subarray(0, kept);
    scores = scores.subarray(0, kept);
  }
  for (let i = 0; i < scores.length; i++) scores[i] = roundScore(scores[i]);
  return { docIDs: docs, scores };
}

/** Allowed docIDs in any of the lists, rising. */
function allowedDocs(lists: readonly ListCursor[], allow: Uint32Array): Uint32Array {
  const all = new Uint32Array(lists.reduce((sum, cursor) => sum + cursor.list.count, 0));
  let count = 0;
  for (const { list } of lists)
    list.forEach((doc) => {
      if ((allow[doc >>> 5] >>> (doc & 31)) & 1) all[count++] = doc;
    });
  if (lists.length === 1) return all.subarray(0, count);
  const sorted = all.subarray(0, count).sort();
  let kept = 0;
  for (let i = 0; i < count; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[kept++] = sorted[i];
  return sorted.subarray(0, kept);
}

function addMatches(cursor: ListCursor, docs: Uint32Array, scores: Float64Array, hit: Uint8Array): void {
  for (let i = 0; i < docs.length && !cursor.ended; i++) {
    const frequency = cursor.frequencyIn(docs[i]);
    if (frequency === 0) continue;
    scores[i] += cursor.scoreOf(docs[i], frequency);
    hit[i] = 1;
  }
}
