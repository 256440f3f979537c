/**
 * The arena: graph slots in chunks of 1,024, each chunk one block with a section for every field.
 *
 *   chunk := codes | links of level 0 | terms f32 | docIDs u32 | flags u8 | visited u8 | in-degrees u8
 *
 * - No field holds an address, so a chunk's bytes can be written to disk and read back elsewhere.
 * - Slots are reused through a free list that threads through the docID field of free slots.
 * - f32 rows, where kept, lie in chunks of their own, allocated as rows arrive.
 */
import { alloc, release } from './memory';
import { NONE, codeStride, linksMax0, rowBytes } from './config';

export const CHUNK_SHIFT: u32 = 10;
export const CHUNK_SLOTS: u32 = 1024;
const CHUNK_MASK: u32 = 1023;
const CHUNKS_MAX: u32 = 16384;

/** Flags of a slot. `USED`: taken; `DEAD`: tombstone; `LINKED`: in the graph; `ROW`: its f32 row is in memory; `CODED`: its code is valid; `LOGGED`: its removal is in the log; `CONDEMNED`: freed when the sweep ends. */
export const USED: u8 = 1;
export const DEAD: u8 = 2;
export const LINKED: u8 = 4;
export const ROW: u8 = 8;
export const CODED: u8 = 16;
export const LOGGED: u8 = 32;
export const CONDEMNED: u8 = 64;

export let chunkTable: usize = 0;
let rowTable: usize = 0;
export let chunkCount: u32 = 0;
/** Slots ever taken: slots below are used or on the free list. */
export let slotEnd: u32 = 0;
let freeHead: u32 = NONE;
export let liveSlots: u32 = 0;
export let deadSlots: u32 = 0;

export let offLinks: usize = 0;
export let offTerms: usize = 0;
export let offDocs: usize = 0;
export let offFlags: usize = 0;
export let offVisited: usize = 0;
export let offDegrees: usize = 0;
export let chunkBytes: usize = 0;
/** Bytes of a chunk that go to disk: all but the visited marks and in-degrees. */
export let chunkDiskBytes: usize = 0;
let epoch: u32 = 0;

/** Lays the sections out for the codec in force; only while the arena is empty. False when memory is full. */
export function layOut(): bool {
  offLinks = codeStride << CHUNK_SHIFT;
  offTerms = offLinks + ((<usize>linksMax0 << 2) << CHUNK_SHIFT);
  offDocs = offTerms + (4 << CHUNK_SHIFT);
  offFlags = offDocs + (4 << CHUNK_SHIFT);
  chunkDiskBytes = offFlags + (1 << CHUNK_SHIFT);
  offVisited = chunkDiskBytes;
  offDegrees = offVisited + (1 << CHUNK_SHIFT);
  chunkBytes = offDegrees + (1 << CHUNK_SHIFT);
  if (chunkTable == 0) {
    chunkTable = alloc(CHUNKS_MAX * 4);
    rowTable = alloc(CHUNKS_MAX * 4);
  }
  return chunkTable != 0 && rowTable != 0;
}

// @ts-ignore: decorator
@inline
export function chunkOf(slot: u32): usize {
  return <usize>load<u32>(chunkTable + (<usize>(slot >> CHUNK_SHIFT) << 2));
}
// @ts-ignore: decorator
@inline
export function codeOf(slot: u32): usize {
  return chunkOf(slot) + <usize>(slot & CHUNK_MASK) * codeStride;
}
// @ts-ignore: decorator
@inline
export function linksOf(slot: u32): usize {
  return chunkOf(slot) + offLinks + <usize>(slot & CHUNK_MASK) * (<usize>linksMax0 << 2);
}
// @ts-ignore: decorator
@inline
export function termOf(slot: u32): f32 {
  return load<f32>(chunkOf(slot) + offTerms + (<usize>(slot & CHUNK_MASK) << 2));
}
export function setTerm(slot: u32, term: f32): void {
  store<f32>(chunkOf(slot) + offTerms + (<usize>(slot & CHUNK_MASK) << 2), term);
}
// @ts-ignore: decorator
@inline
export function docOf(slot: u32): u32 {
  return load<u32>(chunkOf(slot) + offDocs + (<usize>(slot & CHUNK_MASK) << 2));
}
export function setDoc(slot: u32, docID: u32): void {
  store<u32>(chunkOf(slot) + offDocs + (<usize>(slot & CHUNK_MASK) << 2), docID);
}
// @ts-ignore: decorator
@inline
export function flagsOf(slot: u32): u8 {
  return load<u8>(chunkOf(slot) + offFlags + <usize>(slot & CHUNK_MASK));
}
export function setFlags(slot: u32, flags: u8): void {
  store<u8>(chunkOf(slot) + offFlags + <usize>(slot & CHUNK_MASK), flags);
}
// @ts-ignore: decorator
@inline
export function visitedAt(slot: u32): usize {
  return chunkOf(slot) + offVisited + <usize>(slot & CHUNK_MASK);
}
// @ts-ignore: decorator
@inline
export function degreeAt(slot: u32): usize {
  return chunkOf(slot) + offDegrees + <usize>(slot & CHUNK_MASK);
}

// @ts-ignore: decorator
@inline
export function isLive(slot: u32): bool {
  return (flagsOf(slot) & (USED | DEAD)) == USED;
}

/** The next mark for visited slots; 0 is never one. All marks are cleared when the byte wraps. */
export function nextEpoch(): u32 {
  epoch++;
  if (epoch > 255) {
    epoch = 1;
    for (let c: u32 = 0; c < chunkCount; c++)
      memory.fill(<usize>load<u32>(chunkTable + (<usize>c << 2)) + offVisited, 0, CHUNK_SLOTS);
  }
  return epoch;
}

/** One more chunk of free slots; false when memory is full. */
export function addChunk(): bool {
  if (chunkCount == CHUNKS_MAX) return false;
  const chunk = alloc(chunkBytes);
  if (chunk == 0) return false;
  store<u32>(chunkTable + (<usize>chunkCount << 2), <u32>chunk);
  chunkCount++;
  return true;
}

/** Takes a free slot for `docID`; NONE when memory is full. */
export function takeSlot(docID: u32): u32 {
  let slot = freeHead;
  if (slot != NONE) freeHead = docOf(slot);
  else {
    if (slotEnd == chunkCount << CHUNK_SHIFT && !addChunk()) return NONE;
    slot = slotEnd++;
  }
  prepareSlot(slot, docID);
  return slot;
}

/** Takes exactly `slot`, as a log says, whatever was there; `adopt` follows. False when memory is full. */
export function claimSlot(slot: u32, docID: u32): bool {
  if (slot >= CHUNKS_MAX << CHUNK_SHIFT) return false;
  while (slot >= slotEnd) {
    if (slotEnd == chunkCount << CHUNK_SHIFT && !addChunk()) return false;
    slotEnd++;
  }
  prepareSlot(slot, docID);
  return true;
}
export function setSlotEnd(slots: u32): void {
  slotEnd = slots;
}

function prepareSlot(slot: u32, docID: u32): void {
  setDoc(slot, docID);
  setFlags(slot, USED);
  store<u8>(degreeAt(slot), 0);
  store<u8>(visitedAt(slot), 0);
  memory.fill(linksOf(slot), 0xff, <usize>linksMax0 << 2);
  liveSlots++;
}

function pushFree(slot: u32): void {
  setFlags(slot, 0);
  setDoc(slot, freeHead);
  freeHead = slot;
}

export function markDead(slot: u32): void {
  setFlags(slot, flagsOf(slot) | DEAD);
  liveSlots--;
  deadSlots++;
}

/** Frees a dead slot that nothing links to. */
export function freeSlot(slot: u32): void {
  memory.fill(linksOf(slot), 0xff, <usize>linksMax0 << 2);
  pushFree(slot);
  deadSlots--;
}

/** Address of a slot's f32 row, or 0 when its chunk of rows is not in memory. */
// @ts-ignore: decorator
@inline
export function rowOf(slot: u32): usize {
  const chunk = <usize>load<u32>(rowTable + (<usize>(slot >> CHUNK_SHIFT) << 2));
  return chunk == 0 ? 0 : chunk + <usize>(slot & CHUNK_MASK) * rowBytes;
}

// @ts-ignore: decorator
@inline
export function hasRow(slot: u32): bool {
  return (flagsOf(slot) & ROW) != 0;
}

/** Keeps a copy of a prepared row for a slot; false when memory is full (the row is then read from disk when needed). */
export function keepRow(slot: u32, row: usize): bool {
  const entry = rowTable + (<usize>(slot >> CHUNK_SHIFT) << 2);
  if (load<u32>(entry) == 0) {
    const block = alloc(rowBytes << CHUNK_SHIFT);
    if (block == 0) return false;
    store<u32>(entry, <u32>block);
  }
  memory.copy(rowOf(slot), row, rowBytes);
  setFlags(slot, flagsOf(slot) | ROW);
  return true;
}

/** Forgets the f32 rows in memory, to give the space back. */
export function dropRows(): void {
  for (let c: u32 = 0; c < chunkCount; c++) {
    const entry = rowTable + (<usize>c << 2);
    release(<usize>load<u32>(entry), rowBytes << CHUNK_SHIFT);
    store<u32>(entry, 0);
  }
  for (let slot: u32 = 0; slot < slotEnd; slot++) setFlags(slot, flagsOf(slot) & ~ROW);
}

/** Address of chunk `index`, for snapshots. */
export function chunkAt(index: u32): usize {
  return <usize>load<u32>(chunkTable + (<usize>index << 2));
}

/** After loading: rebuilds counts and free list, and clears in-degrees: `countDegreesFrom` every chunk follows. */
export function adopt(): void {
  freeHead = NONE;
  liveSlots = 0;
  deadSlots = 0;
  for (let slot: u32 = slotEnd; slot > 0; ) {
    slot--;
    const flags = flagsOf(slot) & ~(ROW | CONDEMNED);
    if ((flags & USED) == 0) pushFree(slot);
    else {
      setFlags(slot, flags);
      if (flags & DEAD) deadSlots++;
      else liveSlots++;
    }
  }
  clearDegrees();
}

/** Counts in-links of level 0 anew; a count of 255 stays. False when a link leads outside the arena. */
export function countDegrees(): bool {
  clearDegrees();
  for (let c: u32 = 0; c < chunkCount; c++) if (!countDegreesFrom(c)) return false;
  return true;
}
function clearDegrees(): void {
  for (let c: u32 = 0; c < chunkCount; c++) memory.fill(chunkAt(c) + offDegrees, 0, CHUNK_SLOTS);
}
/** Counts what the links of one chunk lead to. */
export function countDegreesFrom(chunk: u32): bool {
  const end = min(slotEnd, (chunk + 1) << CHUNK_SHIFT);
  for (let slot = chunk << CHUNK_SHIFT; slot < end; slot++) {
    if ((flagsOf(slot) & LINKED) == 0) continue;
    const links = linksOf(slot);
    for (let i = 0; i < linksMax0; i++) {
      const to = load<u32>(links + (<usize>i << 2));
      if (to == NONE) break;
      if (to >= slotEnd) return false;
      addDegree(to);
    }
  }
  return true;
}

// @ts-ignore: decorator
@inline
export function addDegree(slot: u32): void {
  const at = degreeAt(slot);
  const degree = load<u8>(at);
  if (degree != 255) store<u8>(at, degree + 1);
}
// @ts-ignore: decorator
@inline
export function subDegree(slot: u32): void {
  const at = degreeAt(slot);
  const degree = load<u8>(at);
  if (degree != 255 && degree != 0) store<u8>(at, degree - 1);
}

/** Clears all links of level 0. */
export function unlinkAll(): void {
  for (let slot: u32 = 0; slot < slotEnd; slot++) {
    memory.fill(linksOf(slot), 0xff, <usize>linksMax0 << 2);
    store<u8>(degreeAt(slot), 0);
    setFlags(slot, flagsOf(slot) & ~LINKED);
  }
}

/** Forgets everything: before a rebuild, or a change of codec. */
export function clearArena(): void {
  for (let c: u32 = 0; c < chunkCount; c++) {
    release(chunkAt(c), chunkBytes);
    const entry = rowTable + (<usize>c << 2);
    release(<usize>load<u32>(entry), rowBytes << CHUNK_SHIFT);
    store<u32>(entry, 0);
  }
  chunkCount = 0;
  slotEnd = 0;
  freeHead = NONE;
  liveSlots = 0;
  deadSlots = 0;
}
