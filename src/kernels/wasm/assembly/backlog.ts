/**
 * Rows not yet coded or in the graph, first in, first out, as exact f32 rows in blocks of 64. Every search scans them.
 * Positions rise; `placeOf(docID)` says `IN_BACKLOG | position`. A removed row keeps its place with docID NONE.
 *
 *   block := rows 64 × rowBytes | sequences f64 × 64 | docIDs u32 × 64
 */
import { alloc, release } from './memory';
import { NONE, rowBytes } from './config';
import { IN_BACKLOG, dropPlace, setPlace } from './docmap';

const SHIFT: u32 = 6;
const ROWS: u32 = 64;
const RING: u32 = 16384;
/** Most rows the ring holds. */
export const BACKLOG_MAX: u32 = (RING - 1) << SHIFT;
const POSITIONS: u32 = RING << SHIFT;

let ring: usize = 0;
export let head: u32 = 0;
export let tail: u32 = 0;
export let waiting: u32 = 0;

export function setUpBacklog(): bool {
  if (ring == 0) ring = alloc(RING * 4);
  return ring != 0;
}

// @ts-ignore: decorator
@inline
function blockBytes(): usize {
  return (rowBytes << SHIFT) + (8 << SHIFT) + (4 << SHIFT);
}
// @ts-ignore: decorator
@inline
function ringEntry(position: u32): usize {
  return ring + (<usize>((position >> SHIFT) & (RING - 1)) << 2);
}
// @ts-ignore: decorator
@inline
export function backlogRow(position: u32): usize {
  return <usize>load<u32>(ringEntry(position)) + <usize>(position & (ROWS - 1)) * rowBytes;
}
// @ts-ignore: decorator
@inline
function docAt(position: u32): usize {
  return <usize>load<u32>(ringEntry(position)) + (rowBytes << SHIFT) + (8 << SHIFT) + (<usize>(position & (ROWS - 1)) << 2);
}
// @ts-ignore: decorator
@inline
export function backlogDoc(position: u32): u32 {
  return load<u32>(docAt(position));
}
function sequenceAt(position: u32): usize {
  return <usize>load<u32>(ringEntry(position)) + (rowBytes << SHIFT) + (<usize>(position & (ROWS - 1)) << 3);
}
export function backlogSequence(position: u32): f64 {
  return load<f64>(sequenceAt(position));
}

/** A place at the tail; the caller fills the row at `backlogRow(result)`. NONE when memory is full. `reservePlace(docID)` came before. */
export function push(docID: u32, sequence: f64): u32 {
  if (tail - head >= BACKLOG_MAX) return NONE;
  const entry = ringEntry(tail);
  if ((tail & (ROWS - 1)) == 0 || load<u32>(entry) == 0) {
    const block = alloc(blockBytes());
    if (block == 0) return NONE;
    store<u32>(entry, <u32>block);
  }
  const position = tail++;
  store<u32>(docAt(position), docID);
  store<f64>(sequenceAt(position), sequence);
  setPlace(docID, IN_BACKLOG | (position & (POSITIONS - 1)));
  waiting++;
  return position;
}

/** The position that a place of `placeOf` stands for. */
export function positionOf(place: u32): u32 {
  const low = place & (POSITIONS - 1);
  const ahead = (low - (head & (POSITIONS - 1))) & (POSITIONS - 1);
  return head + ahead;
}

export function rebindBacklog(position: u32, docID: u32, sequence: f64): void {
  store<u32>(docAt(position), docID);
  store<f64>(sequenceAt(position), sequence);
  setPlace(docID, IN_BACKLOG | (position & (POSITIONS - 1)));
}

/** Takes a row out; its docID's place is the caller's to change. */
export function take(position: u32): void {
  if (backlogDoc(position) != NONE) waiting--;
  store<u32>(docAt(position), NONE);
  while (head < tail && backlogDoc(head) == NONE) {
    const entry = ringEntry(head);
    head++;
    if ((head & (ROWS - 1)) == 0) {
      release(<usize>load<u32>(entry), blockBytes());
      store<u32>(entry, 0);
    }
  }
  if (head == tail && (head & (ROWS - 1)) != 0) {
    // Empty: the half-used block goes too, and counting starts at a fresh one.
    const entry = ringEntry(head);
    release(<usize>load<u32>(entry), blockBytes());
    store<u32>(entry, 0);
    head = tail = (head + ROWS - 1) & ~(ROWS - 1);
  }
}

export function removeFromBacklog(position: u32): void {
  dropPlace(backlogDoc(position));
  take(position);
}
