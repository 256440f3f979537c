/**
 * Exact search: the backlog's f32 rows straight into the answer; coded slots (all, or those of the allow-list) into the
 * pool by coded distance, to be rescored.
 */
import * as arena from './arena';
import * as codec from './codec';
import * as pool from './pool';
import { allowWord, allowWordCount, allowsDoc, filtering } from './allow';
import { backlogDoc, backlogRow, head, tail, waiting } from './backlog';
import { IN_BACKLOG, placeOf } from './docmap';
import { NONE } from './config';
import { addresses, distances, ids, queryRow } from './scratch';
import { offerAnswer } from './answer';
import { countMeasured } from './walk';
import { allocScratch, release } from './memory';

/** Rows measured together: few enough that their codes, touched ahead, are still in the first cache when read. */
const BLOCK: i32 = 32;
const docs: usize = memory.data(256 * 4, 16);

/** Scans the backlog with the query row; returns how many rows were measured. */
export function scanBacklog(): i32 {
  if (waiting == 0) return 0;
  let scanned = 0;
  let n = 0;
  for (let position = head; position < tail; position++) {
    const docID = backlogDoc(position);
    if (docID == NONE || !allowsDoc(docID)) continue;
    store<u32>(addresses + (<usize>n << 2), <u32>backlogRow(position));
    store<u32>(docs + (<usize>n << 2), docID);
    if (++n == BLOCK) {
      answerRows(n);
      scanned += n;
      n = 0;
    }
  }
  if (n > 0) answerRows(n);
  return scanned + n;
}

function answerRows(n: i32): void {
  const last = load<u32>(addresses + (<usize>(n - 1) << 2));
  for (let i = n; i < ((n + 3) & ~3); i++) store<u32>(addresses + (<usize>i << 2), last);
  codec.measureRows(queryRow, n);
  for (let i = 0; i < n; i++) offerAnswer(load<f32>(distances + (<usize>i << 2)), load<u32>(docs + (<usize>i << 2)));
}

/** Everything measured by the last scan: coded distance f32, slot u32. */
export let scanned: usize = 0;
export let scannedCount: i32 = 0;
let scannedCapacity: i32 = 0;

function offerBlock(n: i32): void {
  codec.measure(n);
  countMeasured(n);
  let limit = pool.bound();
  let to = scanned + (<usize>scannedCount << 3);
  for (let i = 0; i < n; i++) {
    const d = load<f32>(distances + (<usize>i << 2));
    const slot = load<u32>(ids + (<usize>i << 2));
    store<f32>(to, d);
    store<u32>(to, slot, 4);
    to += 8;
    if (d >= limit) continue;
    pool.offer(d, slot);
    limit = pool.bound();
  }
  scannedCount += n;
}

/**
 * Measures every live slot that the filter allows, at most `most` of them; the pool keeps the nearest `width`, `scanned` all. False
 * when memory is full.
 */
export function scanSlots(width: i32, most: i32): bool {
  if (!start(width, most)) return false;
  if (filtering) scanAllowed();
  else scanAll();
  return true;
}

/** Measures those of `count` slots at `from` that are live, each once; the pool keeps them all. False when memory is full. */
export function scanListed(from: usize, count: i32): bool {
  if (!start(count, count)) return false;
  const mark = arena.nextEpoch();
  let n = 0;
  for (let i = 0; i < count; i++) {
    const slot = load<u32>(from + (<usize>i << 2));
    if (slot >= arena.slotEnd || !arena.isLive(slot)) continue;
    const seen = arena.visitedAt(slot);
    if (load<u8>(seen) == <u8>mark) continue;
    store<u8>(seen, <u8>mark);
    store<u32>(ids + (<usize>n << 2), slot);
    if (++n == BLOCK) {
      offerBlock(n);
      n = 0;
    }
  }
  offerBlock(n);
  return true;
}

function start(width: i32, most: i32): bool {
  if (!pool.start(width)) return false;
  if (most > scannedCapacity) {
    let bigger = scannedCapacity == 0 ? 1024 : scannedCapacity;
    while (bigger < most) bigger <<= 1;
    release(scanned, <usize>scannedCapacity << 3);
    scannedCapacity = 0;
    scanned = allocScratch(<usize>bigger << 3);
    if (scanned == 0) return false;
    scannedCapacity = bigger;
  }
  scannedCount = 0;
  return true;
}

function scanAll(): void {
  let n = 0;
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) {
    if (!arena.isLive(slot)) continue;
    store<u32>(ids + (<usize>n << 2), slot);
    if (++n == BLOCK) {
      offerBlock(n);
      n = 0;
    }
  }
  offerBlock(n);
}

function scanAllowed(): void {
  let n = 0;
  const words = allowWordCount();
  for (let w: u32 = 0; w < words; w++) {
    let bits = allowWord(w);
    while (bits != 0) {
      const place = placeOf((w << 5) + ctz<u32>(bits));
      bits &= bits - 1;
      if (place == NONE || place & IN_BACKLOG) continue;
      store<u32>(ids + (<usize>n << 2), place);
      if (++n == BLOCK) {
        offerBlock(n);
        n = 0;
      }
    }
  }
  offerBlock(n);
}
