/**
 * Upper levels: one record per node and level above 0, in chunks of 256, numbered apart from slots, so that a node on level
 * 0 costs nothing for them.
 *
 *   record := slot u32 | down u32 | level u8, epoch u24 | links u32 × maxConnections
 *
 * - `links` and `down` of a record on level ≥ 2 are record numbers; `down` on level 1 is the slot.
 * - The entry is a record of the highest level, or a slot while there is no upper level.
 */
import { alloc, release } from './memory';
import { NONE, linksMax } from './config';

export const UPPER_CHUNK_SHIFT: u32 = 8;
const CHUNKS_MAX: u32 = 8192;

let table: usize = 0;
export let upperChunks: u32 = 0;
export let recordEnd: u32 = 0;
let freeHead: u32 = NONE;
let epoch: u32 = 0;

export let entry: u32 = NONE;
/** Level of the entry; 0: the entry is a slot. */
export let entryLevel: u32 = 0;

export function setEntry(at: u32, level: u32): void {
  entry = at;
  entryLevel = level;
}

export function setUpUpper(): bool {
  if (table == 0) table = alloc(CHUNKS_MAX * 4);
  return table != 0;
}

// @ts-ignore: decorator
@inline
export function recordBytes(): usize {
  return <usize>(3 + linksMax) << 2;
}
export function upperChunkBytes(): usize {
  return recordBytes() << UPPER_CHUNK_SHIFT;
}
export function upperChunkAt(index: u32): usize {
  return <usize>load<u32>(table + (<usize>index << 2));
}

// @ts-ignore: decorator
@inline
export function record(at: u32): usize {
  return <usize>load<u32>(table + (<usize>(at >> UPPER_CHUNK_SHIFT) << 2)) + <usize>(at & 255) * recordBytes();
}
// @ts-ignore: decorator
@inline
export function slotOf(at: u32): u32 {
  return load<u32>(record(at));
}
// @ts-ignore: decorator
@inline
export function downOf(at: u32): u32 {
  return load<u32>(record(at), 4);
}
// @ts-ignore: decorator
@inline
export function levelOf(at: u32): u32 {
  return <u32>load<u8>(record(at), 8);
}
// @ts-ignore: decorator
@inline
export function upperLinksOf(at: u32): usize {
  return record(at) + 12;
}

export function nextUpperEpoch(): u32 {
  epoch++;
  if (epoch > 0xffffff) {
    epoch = 1;
    for (let at: u32 = 0; at < recordEnd; at++) store<u32>(record(at), levelOf(at), 8);
  }
  return epoch;
}

/** Marks a record visited; true when it was not yet. */
// @ts-ignore: decorator
@inline
export function visitUpper(at: u32, mark: u32): bool {
  const field = record(at) + 8;
  const was = load<u32>(field);
  store<u32>(field, (was & 255) | (mark << 8));
  return was >>> 8 != mark;
}

export function addUpperChunk(): bool {
  if (upperChunks == CHUNKS_MAX) return false;
  const chunk = alloc(upperChunkBytes());
  if (chunk == 0) return false;
  store<u32>(table + (<usize>upperChunks << 2), <u32>chunk);
  upperChunks++;
  return true;
}

function write(at: u32, slot: u32, down: u32, level: u32): void {
  const to = record(at);
  store<u32>(to, slot);
  store<u32>(to, down, 4);
  store<u32>(to, level, 8);
  memory.fill(to + 12, 0xff, <usize>linksMax << 2);
}

/** A new record; NONE when memory is full. */
export function takeRecord(slot: u32, down: u32, level: u32): u32 {
  let at = freeHead;
  if (at != NONE) freeHead = downOf(at);
  else {
    if (recordEnd == upperChunks << UPPER_CHUNK_SHIFT && !addUpperChunk()) return NONE;
    at = recordEnd++;
  }
  write(at, slot, down, level);
  return at;
}

/** Takes exactly record `at`, as a log says, whatever was there; `adopt` follows. False when memory is full. */
export function claimRecord(at: u32, slot: u32, down: u32, level: u32): bool {
  if (!reach(at)) return false;
  write(at, slot, down, level);
  return true;
}
function reach(at: u32): bool {
  if (at >= CHUNKS_MAX << UPPER_CHUNK_SHIFT) return false;
  while (at >= recordEnd) {
    if (recordEnd == upperChunks << UPPER_CHUNK_SHIFT && !addUpperChunk()) return false;
    write(recordEnd++, NONE, NONE, 0);
  }
  return true;
}
export function setRecordEnd(records: u32): void {
  recordEnd = records;
}

/** A free record has slot NONE and threads the free list through `down`. */
export function freeRecord(at: u32): void {
  write(at, NONE, freeHead, 0);
  freeHead = at;
}

/** After loading: the free list anew, epochs cleared, links checked. False when a number leads outside. */
export function adopt(slotEnd: u32): bool {
  freeHead = NONE;
  epoch = 0;
  for (let at: u32 = recordEnd; at > 0; ) {
    at--;
    const slot = slotOf(at);
    if (slot == NONE) {
      freeRecord(at);
      continue;
    }
    const level = levelOf(at);
    if (slot >= slotEnd || level == 0 || downOf(at) >= (level == 1 ? slotEnd : recordEnd)) return false;
    const links = upperLinksOf(at);
    let kept = 0;
    for (let i = 0; i < linksMax; i++) {
      const to = load<u32>(links + (<usize>i << 2));
      if (to == NONE) break;
      if (to >= recordEnd) return false;
      if (slotOf(to) == NONE || levelOf(to) != level) continue;
      store<u32>(links + (<usize>kept << 2), to);
      kept++;
    }
    memory.fill(links + (<usize>kept << 2), 0xff, <usize>(linksMax - kept) << 2);
    store<u32>(record(at), level, 8);
  }
  return true;
}

export function clearUpper(): void {
  for (let c: u32 = 0; c < upperChunks; c++) release(upperChunkAt(c), upperChunkBytes());
  upperChunks = 0;
  recordEnd = 0;
  freeHead = NONE;
  entry = NONE;
  entryLevel = 0;
}
