/**
 * The allow-list of a filtered search: a bitset of docIDs that JavaScript copies in before the call.
 */
import { allocScratch as alloc, release } from './memory';
import { isLive, docOf } from './arena';

let words: usize = 0;
let capacityWords: u32 = 0;
let wordCount: u32 = 0;
export let filtering: bool = false;

/** Room for `count` words; returns where to write them, 0 when memory is full. Turns filtering on. */
export function openAllow(count: u32): usize {
  if (count > capacityWords || words == 0) {
    let bigger: u32 = capacityWords == 0 ? 1024 : capacityWords;
    while (bigger < count) bigger <<= 1;
    const block = alloc(<usize>bigger << 2);
    if (block == 0) return 0;
    release(words, <usize>capacityWords << 2);
    words = block;
    capacityWords = bigger;
  }
  wordCount = count;
  filtering = true;
  return words;
}

export function closeAllow(): void {
  filtering = false;
}

export function allowWordCount(): u32 {
  return wordCount;
}
export function allowWord(index: u32): u32 {
  return load<u32>(words + (<usize>index << 2));
}
export function setAllowWord(index: u32, word: u32): void {
  store<u32>(words + (<usize>index << 2), word);
}

/** Bits set. */
export function countAllowed(): u32 {
  let n: u32 = 0;
  for (let i: u32 = 0; i < wordCount; i++) n += popcnt<u32>(allowWord(i));
  return n;
}

// @ts-ignore: decorator
@inline
export function allowsDoc(docID: u32): bool {
  if (!filtering) return true;
  const word = docID >> 5;
  return word < wordCount && ((allowWord(word) >> (docID & 31)) & 1) == 1;
}

// @ts-ignore: decorator
@inline
export function allowsSlot(slot: u32): bool {
  return isLive(slot) && allowsDoc(docOf(slot));
}
