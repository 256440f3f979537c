/**
 * From coded candidates to exact answers: the pool's candidates, nearest first, are measured against their f32 rows until
 * the next one can no longer enter the answer.
 *
 * - A row that is not in memory is asked of the caller: `rescore` returns 1, `wanted` says whose; the caller puts it at
 *   `input` (unpadded, unnormalised) and calls again.
 *   A row that can't be read keeps its coded distance: damage elsewhere must not cost the rest of the answer.
 * - `rigorous`: stop only where no row with that coded distance could be nearer (exact search). Otherwise stop where the
 *   coded distance, corrected by the errors seen so far (mean and three standard deviations), says so.
 */
import * as arena from './arena';
import * as codec from './codec';
import * as pool from './pool';
import { CODEC_F32, codec as codecKind, rowBytes } from './config';
import { addresses, distances, input, queryRow } from './scratch';
import { allowsSlot } from './allow';
import { answerBound, answerFull, answerRoom, offerAnswer } from './answer';
import { scanned, scannedCount } from './scan';

let at: i32 = 0;
let limit: i32 = 0;
let rigorous: bool = false;
let awaited: u32 = 0;
let awaitedCoded: f32 = 0;
let awaiting: bool = false;
/** Where an exact search is in the list of all that was scanned, once the pool is done with; the mark of what was in the pool. */
let listAt: i32 = -1;
let poolMark: u32 = 0;
export let rescored: i32 = 0;

/** Running mean and variance of exact minus coded distance. */
let errorMean: f32 = 0;
let errorVariance: f32 = 0;
let errorSamples: i32 = 0;

export function forgetErrors(): void {
  errorSamples = 0;
  errorMean = 0;
  errorVariance = 0;
}

function noteError(error: f32): void {
  if (errorSamples < 256) errorSamples++;
  const share: f32 = 1 / <f32>min(errorSamples, 256);
  const gap = error - errorMean;
  errorMean += share * gap;
  errorVariance += share * (gap * gap - errorVariance);
}

export function startRescore(most: i32, exact: bool): void {
  at = 0;
  limit = most;
  rigorous = exact;
  awaiting = false;
  listAt = -1;
  rescored = 0;
}

/** Whose row `rescore` asked for. */
export function wanted(): u32 {
  return arena.docOf(awaited);
}

function hopeless(coded: f32): bool {
  if (!answerFull()) return false;
  if (rigorous) return codec.lowerBound(coded) > answerBound();
  if (errorSamples < 64) return false;
  return coded + errorMean - 3 * sqrt<f32>(errorVariance) > answerBound();
}

/** How much farther than its exact distance a row may look by its code, as seen so far (three standard deviations). */
export function codedSlack(): f32 {
  return errorSamples < 64 ? 0 : 3 * sqrt<f32>(errorVariance);
}

function offerExact(slot: u32, coded: f32, exact: f32): void {
  noteError(exact - coded);
  rescored++;
  offerAnswer(exact, arena.docOf(slot));
}

/** Most rows measured together, in fours. */
const BATCH_MAX: i32 = 16;
const slots: usize = memory.data(16 * 4, 16);
const codedDistances: usize = memory.data(16 * 4, 16);

/** Goes on rescoring: 0 done, 1 a row is wanted. `keep`: a row handed in stays in memory if there is room. */
export function rescore(keep: bool): i32 {
  if (awaiting) {
    awaiting = false;
    codec.prepareRow(input, input);
    if (keep) arena.keepRow(awaited, input);
    offerExact(awaited, awaitedCoded, codec.exactDistance(input));
  }
  while (at < pool.count && (rigorous || rescored < limit)) {
    // Rows in memory go together: in fours, and as many as the answer has room for anyway.
    const most = min<i32>((max<i32>(answerRoom(), 1) + 3) & ~3, BATCH_MAX);
    let n = 0;
    let stop = false;
    for (; n < most && at < pool.count; at++) {
      const slot = pool.idAt(at);
      if (!allowsSlot(slot)) continue;
      const coded = pool.distanceAt(at);
      if (hopeless(coded)) {
        stop = true;
        break;
      }
      if (codecKind == CODEC_F32) {
        offerAnswer(coded, arena.docOf(slot));
        continue;
      }
      if (!arena.hasRow(slot)) {
        if (n > 0) break;
        at++;
        return awaitRow(slot, coded);
      }
      store<u32>(slots + (<usize>n << 2), slot);
      store<f32>(codedDistances + (<usize>n << 2), coded);
      n++;
    }
    if (n > 0) measureBatch(n);
    if (stop) break;
  }
  return rigorous ? rescoreList() : 0;
}

function awaitRow(slot: u32, coded: f32): i32 {
  awaited = slot;
  awaitedCoded = coded;
  awaiting = true;
  return 1;
}

/** The rest of an exact search: what fell out of the pool although it could be nearer than the answer's last. */
function rescoreList(): i32 {
  if (listAt < 0) {
    listAt = 0;
    poolMark = arena.nextEpoch();
    for (let i = 0; i < pool.count; i++) store<u8>(arena.visitedAt(pool.idAt(i)), <u8>poolMark);
  }
  // Everything outside of a full pool is at least as far as its last.
  const last = pool.count > 0 ? pool.distanceAt(pool.count - 1) : -f32.MAX_VALUE;
  if (pool.count == scannedCount || hopeless(last)) return 0;
  while (listAt < scannedCount) {
    const entry = scanned + (<usize>listAt << 3);
    listAt++;
    const coded = load<f32>(entry);
    if (coded < last || hopeless(coded)) continue;
    const slot = load<u32>(entry, 4);
    if (load<u8>(arena.visitedAt(slot)) == <u8>poolMark) continue;
    if (codecKind == CODEC_F32) offerAnswer(coded, arena.docOf(slot));
    else if (arena.hasRow(slot)) offerExact(slot, coded, codec.exactDistance(arena.rowOf(slot)));
    else return awaitRow(slot, coded);
  }
  return 0;
}

/** There is no row to be had for the one wanted: its coded distance stands in. */
export function goWithout(): void {
  if (!awaiting) return;
  awaiting = false;
  offerAnswer(awaitedCoded, arena.docOf(awaited));
}

function measureBatch(n: i32): void {
  for (let i = 0; i < n; i++) store<u32>(addresses + (<usize>i << 2), <u32>arena.rowOf(load<u32>(slots + (<usize>i << 2))));
  codec.touch(n, rowBytes);
  codec.measureRows(queryRow, n);
  for (let i = 0; i < n; i++) {
    const coded = load<f32>(codedDistances + (<usize>i << 2));
    offerExact(load<u32>(slots + (<usize>i << 2)), coded, load<f32>(distances + (<usize>i << 2)));
  }
}
