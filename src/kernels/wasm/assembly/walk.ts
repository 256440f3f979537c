/**
 * Walking the graph towards the active query: greedily down the upper levels, then a best-first search with a pool.
 *
 * `pool` holds slots after `walkBase` and records after `walkUpper`. Tombstones are walked through; callers leave them out
 * of answers. Counters say what the last search cost.
 */
import * as arena from './arena';
import * as codec from './codec';
import * as pool from './pool';
import * as upper from './upper';
import { allowsSlot, filtering } from './allow';
import { NONE, linksMax, linksMax0 } from './config';
import { codedSlack } from './rescore';
import { distances, ids } from './scratch';

const records: usize = memory.data(2048 * 4, 16);

export let hops: i32 = 0;
export let measured: i32 = 0;

export function resetCounters(): void {
  hops = 0;
  measured = 0;
}
export function countHop(): void {
  hops++;
}
export function countMeasured(n: i32): void {
  measured += n;
}

function distanceTo(slot: u32): f32 {
  store<u32>(ids, slot);
  codec.measure(1);
  measured++;
  return load<f32>(distances);
}

/** The nearest record on `level` by greedy descent from the entry, or for level 0 the nearest slot. */
export function descend(level: u32): u32 {
  let at = upper.entry;
  let from = upper.entryLevel;
  if (from == 0 || from < level) return at;
  // A slot measured before was not nearer, or is where the walk has come to.
  const mark = arena.nextEpoch();
  store<u8>(arena.visitedAt(upper.slotOf(at)), <u8>mark);
  let best = distanceTo(upper.slotOf(at));
  for (; from > level; from--) {
    let moved = true;
    while (moved) {
      moved = false;
      hops++;
      const links = upper.upperLinksOf(at);
      let n = 0;
      for (let l = 0; l < linksMax; l++) {
        const to = load<u32>(links + (<usize>l << 2));
        if (to == NONE) break;
        const slot = upper.slotOf(to);
        const seen = arena.visitedAt(slot);
        store<u32>(records + (<usize>n << 2), to);
        store<u32>(ids + (<usize>n << 2), slot);
        n += load<u8>(seen) != <u8>mark ? 1 : 0;
        store<u8>(seen, <u8>mark);
      }
      codec.measure(n);
      measured += n;
      for (let i = 0; i < n; i++) {
        const d = load<f32>(distances + (<usize>i << 2));
        if (d < best) {
          best = d;
          at = load<u32>(records + (<usize>i << 2));
          moved = true;
        }
      }
    }
    at = upper.downOf(at);
  }
  return at;
}

/** Best-first search on an upper level from record `from`; the pool holds records. False when memory is full. */
export function walkUpper(from: u32, ef: i32): bool {
  if (!pool.start(ef)) return false;
  const mark = upper.nextUpperEpoch();
  upper.visitUpper(from, mark);
  pool.offer(distanceTo(upper.slotOf(from)), from);
  for (let i = pool.next(); i >= 0; i = pool.next()) {
    const links = upper.upperLinksOf(pool.idAt(i));
    let n = 0;
    for (let l = 0; l < linksMax; l++) {
      const to = load<u32>(links + (<usize>l << 2));
      if (to == NONE) break;
      if (!upper.visitUpper(to, mark)) continue;
      store<u32>(records + (<usize>n << 2), to);
      store<u32>(ids + (<usize>n << 2), upper.slotOf(to));
      n++;
    }
    codec.measure(n);
    measured += n;
    for (let c = 0; c < n; c++) pool.offer(load<f32>(distances + (<usize>c << 2)), load<u32>(records + (<usize>c << 2)));
  }
  return true;
}

/** Best-first search on level 0 from `from`; the pool holds slots. False when memory is full. */
export function walkBase(from: u32, ef: i32): bool {
  return walkWithin(from, ef, 0, 0, i32.MAX_VALUE) != FULL;
}

/** What a walk came to: memory is full; it is complete; its limits came before what it looked for. */
export const FULL: i32 = 0;
export const COMPLETE: i32 = 1;
export const CUT: i32 = 2;

/** Most rows that a walk may be asked to come near. */
const NEAREST_MAX: i32 = 1024;
/** Distances of the nearest rows that may be answers, where that is not so of all, rising. */
const kept: usize = memory.data(1024 * 4, 16);
let keptCount: i32 = 0;

function keep(distance: f32, nearest: i32): void {
  let at = keptCount;
  if (at == nearest) at--;
  else keptCount++;
  for (; at > 0; at--) {
    const before = load<f32>(kept + (<usize>(at - 1) << 2));
    if (before <= distance) break;
    store<f32>(kept + (<usize>at << 2), before);
  }
  store<f32>(kept + (<usize>at << 2), distance);
}

/** Distance of the `nearest`-th row found that may be an answer. */
// @ts-ignore: decorator
@inline
function nearestDistance(nearest: i32, sifting: bool): f32 {
  if (sifting) return keptCount < nearest ? f32.MAX_VALUE : load<f32>(kept + (<usize>(nearest - 1) << 2));
  return pool.count < nearest ? f32.MAX_VALUE : pool.distanceAt(nearest - 1);
}

/**
 * The same, but where `nearest` > 0 only through nodes within `stretch` times the distance of the `nearest`-th row found that is live
 * and passes the filter, and for at most `hopsMost` hops. A query in the midst of many near rows so gets a wider walk than one
 * whose neighbours stand out (Distance Adaptive Beam Search, arXiv 2505.15636), and one under a filter as wide a walk as its
 * k-th answer is far. Distances must not be negative by their nature, as dot products are.
 */
export function walkWithin(from: u32, ef: i32, nearest: i32, stretch: f32, hopsMost: i32): i32 {
  if (!pool.start(ef)) return FULL;
  const mark = arena.nextEpoch();
  const most = linksMax0;
  const bounded = nearest > 0;
  const sifting = bounded && (filtering || arena.deadSlots > 0);
  // Codes can't tell rows apart that are nearer to each other than this, so all of them are candidates.
  const slack = codedSlack();
  let limit: f32 = f32.MAX_VALUE;
  let left = hopsMost;
  nearest = min(nearest, NEAREST_MAX);
  keptCount = 0;
  store<u8>(arena.visitedAt(from), <u8>mark);
  const first = distanceTo(from);
  pool.offer(first, from);
  if (sifting && allowsSlot(from)) keep(first, nearest);
  for (let i = pool.next(); i >= 0; i = pool.next()) {
    if (pool.distanceAt(i) > limit) break;
    if (left-- == 0) return CUT;
    hops++;
    const links = arena.linksOf(pool.idAt(i));
    let n = 0;
    for (let l = 0; l < most; l++) {
      const to = load<u32>(links + (<usize>l << 2));
      if (to == NONE) break;
      const seen = arena.visitedAt(to);
      store<u32>(ids + (<usize>n << 2), to);
      n += load<u8>(seen) != <u8>mark ? 1 : 0;
      store<u8>(seen, <u8>mark);
    }
    touchNext();
    if (n == 0) continue;
    codec.measure(n);
    measured += n;
    limit = pool.bound();
    if (bounded) limit = min<f32>(limit, stretch * max<f32>(nearestDistance(nearest, sifting), 0) + slack);
    for (let c = 0; c < n; c++) {
      const d = load<f32>(distances + (<usize>c << 2));
      if (!(d < limit)) continue;
      const slot = load<u32>(ids + (<usize>c << 2));
      pool.offer(d, slot);
      limit = pool.bound();
      if (!bounded) continue;
      if (sifting && d < nearestDistance(nearest, true) && allowsSlot(slot)) keep(d, nearest);
      limit = min<f32>(limit, stretch * max<f32>(nearestDistance(nearest, sifting), 0) + slack);
    }
    if (bounded) pool.trim(limit);
  }
  if (!sifting) return COMPLETE;
  // What lies beyond the bound of a full pool was not looked at.
  return keptCount == nearest && nearestDistance(nearest, true) <= pool.bound() ? COMPLETE : CUT;
}

/** Adds up touched words so that no compiler drops the touching. */
let sink: u32 = 0;

/** Reads a word of each cache line of the links that are likely looked at next, so that they arrive while distances are measured. */
function touchNext(): void {
  const i = pool.peek();
  if (i < 0) return;
  const links = arena.linksOf(pool.idAt(i));
  let touched: u32 = 0;
  for (let at: usize = 0; at < <usize>linksMax0 << 2; at += 64) touched += load<u32>(links + at);
  sink += touched;
}
