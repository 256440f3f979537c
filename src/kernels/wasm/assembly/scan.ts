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

const BLOCK: i32 = 256;
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

function offerBlock(n: i32): void {
  codec.measure(n);
  countMeasured(n);
  for (let i = 0; i < n; i++) pool.offer(load<f32>(distances + (<usize>i << 2)), load<u32>(ids + (<usize>i << 2)));
}

/** Measures every live slot that the filter allows; the pool keeps the nearest `width`. False when memory is full. */
export function scanSlots(width: i32): bool {
  if (!pool.start(width)) return false;
  if (filtering) scanAllowed();
  else scanAll();
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
