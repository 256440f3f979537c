/**
 * The candidate pool of a walk: the `width` best seen so far, sorted by distance in one flat array, each marked once its
 * links were expanded. A sorted array beats two heaps at the widths used (Glass, NSG): most newcomers are refused by one
 * comparison, and the next candidate to expand is found by moving a cursor.
 *
 *   entry := distance f32 | id u32        (the id's high bit is set once expanded)
 */
import { allocScratch as alloc, release } from './memory';

export const EXPANDED: u32 = 0x80000000;

/** Address of the entries; entry i is at `entries + 8 * i`. */
export let entries: usize = 0;
let capacity: i32 = 0;
export let count: i32 = 0;
let width: i32 = 0;
let cursor: i32 = 0;

/** Empties the pool and gives it a width; false when memory is full. */
export function start(wantedWidth: i32): bool {
  if (wantedWidth + 1 > capacity) {
    let bigger = capacity == 0 ? 256 : capacity;
    while (bigger < wantedWidth + 1) bigger <<= 1;
    const block = alloc((<usize>bigger << 3) + 64);
    if (block == 0) return false;
    release(entries, (<usize>capacity << 3) + 64);
    entries = block;
    capacity = bigger;
  }
  width = wantedWidth;
  count = 0;
  cursor = 0;
  return true;
}

// @ts-ignore: decorator
@inline
export function distanceAt(i: i32): f32 {
  return load<f32>(entries + (<usize>i << 3));
}
// @ts-ignore: decorator
@inline
export function idAt(i: i32): u32 {
  return load<u32>(entries + (<usize>i << 3), 4) & ~EXPANDED;
}

/** Distance that a newcomer must be below. */
// @ts-ignore: decorator
@inline
export function bound(): f32 {
  return count < width ? f32.MAX_VALUE : load<f32>(entries + (<usize>(width - 1) << 3));
}

/** Drops entries beyond a distance. */
export function trim(distance: f32): void {
  while (count > 0 && distanceAt(count - 1) > distance) count--;
}

/** Puts a candidate in its place unless it is no better than the worst of a full pool. */
export function offer(distance: f32, id: u32): void {
  const base = entries;
  let n = count;
  if (n == width) {
    if (!(distance < load<f32>(base + (<usize>(n - 1) << 3)))) return;
    n--;
  }
  let low = 0;
  let length = n;
  while (length > 0) {
    const half = length >> 1;
    const greater = load<f32>(base + (<usize>(low + half) << 3)) > distance;
    low = select<i32>(low, low + half + 1, greater);
    length = select<i32>(half, length - half - 1, greater);
  }
  const at = base + (<usize>low << 3);
  const end = base + (<usize>n << 3);
  let move = end;
  while (move >= at + 16) {
    move -= 16;
    v128.store(move, v128.load(move), 8);
  }
  if (move > at) store<u64>(move, load<u64>(move - 8));
  store<f32>(at, distance);
  store<u32>(at, id, 4);
  count = n + 1;
  if (low < cursor) cursor = low;
}

/** Index of the nearest entry not yet expanded; -1 when there is none. */
export function peek(): i32 {
  for (let i = cursor; i < count; i++) if ((load<u32>(entries + (<usize>i << 3), 4) & EXPANDED) == 0) return i;
  return -1;
}

/** Index of the nearest entry not yet expanded, now marked so; -1 when there is none. */
export function next(): i32 {
  while (cursor < count) {
    const at = entries + (<usize>cursor << 3);
    const id = load<u32>(at, 4);
    if ((id & EXPANDED) == 0) {
      store<u32>(at, id | EXPANDED, 4);
      return cursor;
    }
    cursor++;
  }
  return -1;
}
