/**
 * Which of many candidates become a node's links: the heuristic of the HNSW paper (algorithm 4, without keeping pruned
 * ones): nearest first, a candidate stays unless it is nearer to one already chosen than to the node.
 *
 * Candidates are compared in windows: those chosen before are queries against the window's codes, so that every call of the
 * kernel has several rows, and nothing is computed beyond the window in which the last link is chosen.
 */
import * as codec from './codec';
import { NONE } from './config';
import { distances, ids } from './scratch';
import { allocScratch as alloc, release } from './memory';

const WINDOW: i32 = 32;

/** Candidates: slots (or records, with their slots apart) and distances, nearest first. Filled by the caller. */
export let candidateIds: usize = 0;
export let candidateSlots: usize = 0;
export let candidateDistances: usize = 0;
let capacity: i32 = 0;
/** The choice: indexes into the candidates. */
export let chosen: usize = 0;
export let chosenCount: i32 = 0;
let queries: usize = 0;
const alive: usize = memory.data(32 * 4, 16);

export function setUpNeighbours(linksMax0: i32): bool {
  queries = alloc(codec.queryBytes() * <usize>linksMax0);
  chosen = alloc(<usize>linksMax0 << 2);
  return queries != 0 && chosen != 0;
}

export function tearDownNeighbours(linksMax0: i32): void {
  release(queries, codec.queryBytes() * <usize>linksMax0);
  release(chosen, <usize>linksMax0 << 2);
  queries = 0;
  chosen = 0;
}

/** Room for `n` candidates; false when memory is full. */
export function reserveCandidates(n: i32): bool {
  if (n <= capacity) return true;
  let bigger = capacity == 0 ? 512 : capacity;
  while (bigger < n) bigger <<= 1;
  const bytes = <usize>capacity << 2;
  const a = alloc(<usize>bigger << 2);
  const b = alloc(<usize>bigger << 2);
  const c = alloc(<usize>bigger << 2);
  if (a == 0 || b == 0 || c == 0) {
    release(a, <usize>bigger << 2);
    release(b, <usize>bigger << 2);
    release(c, <usize>bigger << 2);
    return false;
  }
  if (capacity > 0) {
    release(candidateIds, bytes);
    release(candidateSlots, bytes);
    release(candidateDistances, bytes);
  }
  candidateIds = a;
  candidateSlots = b;
  candidateDistances = c;
  capacity = bigger;
  return true;
}

/** Puts a candidate at index i. */
// @ts-ignore: decorator
@inline
export function putCandidate(i: i32, id: u32, slot: u32, distance: f32): void {
  store<u32>(candidateIds + (<usize>i << 2), id);
  store<u32>(candidateSlots + (<usize>i << 2), slot);
  store<f32>(candidateDistances + (<usize>i << 2), distance);
}

/** Sorts the candidates by distance: insertion sort, for the few dozen that overflowing links make. */
export function sortCandidates(n: i32): void {
  for (let i = 1; i < n; i++) {
    const id = load<u32>(candidateIds + (<usize>i << 2));
    const slot = load<u32>(candidateSlots + (<usize>i << 2));
    const distance = load<f32>(candidateDistances + (<usize>i << 2));
    let j = i;
    while (j > 0 && load<f32>(candidateDistances + (<usize>(j - 1) << 2)) > distance) {
      const from = <usize>(j - 1) << 2;
      putCandidate(j, load<u32>(candidateIds + from), load<u32>(candidateSlots + from), load<f32>(candidateDistances + from));
      j--;
    }
    putCandidate(j, id, slot, distance);
  }
}

/** Drops from the window's `alive` those nearer to the query in hand than to the node; returns how many stay. */
function sift(from: i32, n: i32, query: usize): i32 {
  codec.select(query);
  for (let i = from; i < n; i++) {
    const c = load<u32>(alive + (<usize>i << 2));
    store<u32>(ids + (<usize>(i - from) << 2), load<u32>(candidateSlots + (<usize>c << 2)));
  }
  codec.measure(n - from);
  let kept = from;
  for (let i = from; i < n; i++) {
    const c = load<u32>(alive + (<usize>i << 2));
    if (load<f32>(distances + (<usize>(i - from) << 2)) < load<f32>(candidateDistances + (<usize>c << 2))) continue;
    store<u32>(alive + (<usize>kept << 2), c);
    kept++;
  }
  return kept;
}

/** Chooses at most `most` of the first n candidates. */
export function choose(n: i32, most: i32): void {
  chosenCount = 0;
  const bytes = codec.queryBytes();
  for (let start = 0; start < n && chosenCount < most; start += WINDOW) {
    let left = min(WINDOW, n - start);
    for (let i = 0; i < left; i++) store<u32>(alive + (<usize>i << 2), start + i);
    for (let c = 0; c < chosenCount && left > 0; c++) left = sift(0, left, queries + bytes * <usize>c);
    for (let i = 0; i < left && chosenCount < most; i++) {
      const c = load<u32>(alive + (<usize>i << 2));
      store<u32>(chosen + (<usize>chosenCount << 2), c);
      const query = queries + bytes * <usize>chosenCount;
      chosenCount++;
      if (chosenCount == most) break;
      codec.queryOfSlot(load<u32>(candidateSlots + (<usize>c << 2)), query);
      if (i + 1 < left) left = sift(i + 1, left, query);
    }
  }
}

// @ts-ignore: decorator
@inline
export function chosenAt(i: i32): i32 {
  return load<i32>(chosen + (<usize>i << 2));
}

/** Number of links in a list that ends at its length or at NONE. */
export function linkCount(links: usize, most: i32): i32 {
  let n = 0;
  while (n < most && load<u32>(links + (<usize>n << 2)) != NONE) n++;
  return n;
}
