/**
 * Walking under a filter (ACORN-1, Patel et al. 2024): only allowed slots enter the pool; where a node's own links hold too
 * few of them, the links of its refused neighbours are looked through too, so that the walk never leaves the allowed part
 * for lack of a path. Random allowed seeds help where the query is far from everything allowed.
 */
import * as arena from './arena';
import * as codec from './codec';
import * as pool from './pool';
import * as walk from './walk';
import { NONE, linksMax, linksMax0 } from './config';
import { IN_BACKLOG, placeOf } from './docmap';
import { allowWord, allowWordCount, allowsSlot } from './allow';
import { distances, ids } from './scratch';

/** Refused neighbours of the node in hand. */
const refused: usize = memory.data(1024 * 4, 16);
let seedState: u32 = 0x12345;

/** Allowed slots from random places of the allow-list into `ids`; returns how many. */
function seeds(wanted: i32, mark: u32): i32 {
  const words = allowWordCount();
  let n = 0;
  for (let tries = 0; tries < wanted * 4 && n < wanted && words > 0; tries++) {
    seedState = seedState * 1664525 + 1013904223;
    let w = <u32>((<u64>seedState * <u64>words) >> 32);
    let steps: u32 = 0;
    while (steps < 64 && allowWord(w) == 0) {
      w = w + 1 == words ? 0 : w + 1;
      steps++;
    }
    const bits = allowWord(w);
    if (bits == 0) continue;
    const place = placeOf((w << 5) + ((ctz<u32>(rotr<u32>(bits, seedState & 31)) + (seedState & 31)) & 31));
    const slot = place == NONE || place & IN_BACKLOG ? placeOf((w << 5) + ctz<u32>(bits)) : place;
    if (slot == NONE || slot & IN_BACKLOG || !allowsSlot(slot)) continue;
    if (load<u8>(arena.visitedAt(slot)) == <u8>mark) continue;
    store<u8>(arena.visitedAt(slot), <u8>mark);
    store<u32>(ids + (<usize>n << 2), slot);
    n++;
  }
  return n;
}

/**
 * Looks through the links at `slot`; allowed ones go to `ids` from index n. Refused ones are marked `known`, so that the
 * filter is asked about each node once; on the first hop they go to `refused`, to be looked through themselves, each once.
 * Returns the new n.
 */
function gather(slot: u32, n: i32, mark: u32, known: u32, firstHop: bool): i32 {
  const links = arena.linksOf(slot);
  for (let l = 0; l < linksMax0; l++) {
    const to = load<u32>(links + (<usize>l << 2));
    if (to == NONE) break;
    const seen = arena.visitedAt(to);
    const was = load<u8>(seen);
    if (was == <u8>mark) continue;
    if (was != <u8>known && allowsSlot(to)) {
      store<u8>(seen, <u8>mark);
      store<u32>(ids + (<usize>n << 2), to);
      n++;
    } else if (firstHop) {
      store<u8>(seen, <u8>mark);
      store<u32>(refused + (<usize>refusedCount << 2), to);
      refusedCount++;
    } else store<u8>(seen, <u8>known);
  }
  return n;
}
let refusedCount: i32 = 0;

/** Refused neighbours looked through for one node, at most. */
let hopsMax: i32 = 0;

function expand(slot: u32, mark: u32, known: u32): void {
  refusedCount = 0;
  let n = gather(slot, 0, mark, known, true);
  const enough = linksMax;
  const most = min(refusedCount, hopsMax);
  for (let r = 0; r < most && n < enough; r++)
    n = gather(load<u32>(refused + (<usize>r << 2)), n, mark, known, false);
  offerAll(n);
}

function offerAll(n: i32): void {
  codec.measure(n);
  walk.countMeasured(n);
  for (let i = 0; i < n; i++) pool.offer(load<f32>(distances + (<usize>i << 2)), load<u32>(ids + (<usize>i << 2)));
}

/** Best-first search over allowed slots; the pool holds allowed slots only. False when memory is full. */
export function walkFiltered(ef: i32, seedCount: i32, refusedMax: i32): bool {
  hopsMax = refusedMax;
  const from = walk.descend(0);
  if (!pool.start(ef)) return false;
  // Two marks, of which the second must not be one of a search long ago.
  let known = arena.nextEpoch();
  let mark = arena.nextEpoch();
  if (mark < known) {
    known = mark;
    mark = arena.nextEpoch();
  }
  store<u8>(arena.visitedAt(from), <u8>mark);
  if (allowsSlot(from)) {
    store<u32>(ids, from);
    offerAll(1);
  } else expand(from, mark, known);
  offerAll(seeds(seedCount, mark));
  for (let i = pool.next(); i >= 0; i = pool.next()) {
    walk.countHop();
    expand(pool.idAt(i), mark, known);
  }
  return true;
}
