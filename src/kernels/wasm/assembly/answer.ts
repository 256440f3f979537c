/**
 * The answer of a search: the k nearest by exact distance, ties by docID, as sorted entries.
 *
 *   entry := distance f32 | docID u32
 */
import { allocScratch as alloc, release } from './memory';

export let answers: usize = 0;
let capacity: i32 = 0;
export let answerCount: i32 = 0;
let most: i32 = 0;

export function startAnswer(k: i32): bool {
  if (k > capacity) {
    let bigger = capacity == 0 ? 128 : capacity;
    while (bigger < k) bigger <<= 1;
    const block = alloc(<usize>bigger << 3);
    if (block == 0) return false;
    release(answers, <usize>capacity << 3);
    answers = block;
    capacity = bigger;
  }
  most = k;
  answerCount = 0;
  return true;
}

// @ts-ignore: decorator
@inline
export function answerFull(): bool {
  return answerCount == most;
}

/** How many more it takes, whatever their distance. */
export function answerRoom(): i32 {
  return most - answerCount;
}

/** Distance above which nothing enters any more. */
// @ts-ignore: decorator
@inline
export function answerBound(): f32 {
  return answerCount < most ? f32.MAX_VALUE : load<f32>(answers + (<usize>(most - 1) << 3));
}

export function offerAnswer(distance: f32, docID: u32): void {
  if (most == 0) return;
  let at = answerCount;
  if (at == most) {
    const last = answers + (<usize>(most - 1) << 3);
    const worst = load<f32>(last);
    if (distance > worst || (distance == worst && docID > load<u32>(last, 4))) return;
    at--;
  } else answerCount++;
  while (at > 0) {
    const before = answers + (<usize>(at - 1) << 3);
    const d = load<f32>(before);
    if (d < distance || (d == distance && load<u32>(before, 4) < docID)) break;
    store<u64>(before, load<u64>(before), 8);
    at--;
  }
  const to = answers + (<usize>at << 3);
  store<f32>(to, distance);
  store<u32>(to, docID, 4);
}
