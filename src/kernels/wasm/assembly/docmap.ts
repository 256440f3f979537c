/**
 * docID → place: a slot of the arena, or (high bit set) a position in the backlog. Pages of 1,024 docIDs under a root that
 * grows; docIDs are handed out rising, so pages are dense. A page that has emptied is released.
 */
import { alloc, release } from './memory';
import { NONE } from './config';

export const IN_BACKLOG: u32 = 0x80000000;
const PAGE_BYTES: usize = 4096 + 64;

let root: usize = 0;
let rootPages: u32 = 0;

/** Where `docID` is, or NONE. */
export function placeOf(docID: u32): u32 {
  const page = docID >> 10;
  if (page >= rootPages) return NONE;
  const at = <usize>load<u32>(root + (<usize>page << 2));
  if (at == 0) return NONE;
  return load<u32>(at + 64 + (<usize>(docID & 1023) << 2));
}

function growRoot(page: u32): bool {
  let pages: u32 = rootPages == 0 ? 64 : rootPages;
  while (pages <= page) pages <<= 1;
  const bigger = alloc(<usize>pages << 2);
  if (bigger == 0) return false;
  if (root != 0) {
    memory.copy(bigger, root, <usize>rootPages << 2);
    release(root, <usize>rootPages << 2);
  }
  root = bigger;
  rootPages = pages;
  return true;
}

/** Makes sure that `setPlace(docID, …)` will find room; false when memory is full. */
export function reservePlace(docID: u32): bool {
  const page = docID >> 10;
  if (page >= rootPages && !growRoot(page)) return false;
  const entry = root + (<usize>page << 2);
  if (load<u32>(entry) == 0) {
    const block = alloc(PAGE_BYTES);
    if (block == 0) return false;
    memory.fill(block + 64, 0xff, 4096);
    store<u32>(entry, <u32>block);
  }
  return true;
}

/** Notes where a docID is; `reservePlace` came before. */
export function setPlace(docID: u32, place: u32): void {
  const entry = root + (<usize>(docID >> 10) << 2);
  const block = <usize>load<u32>(entry);
  const at = block + 64 + (<usize>(docID & 1023) << 2);
  if (load<u32>(at) == NONE) store<u32>(block, load<u32>(block) + 1);
  store<u32>(at, place);
}

export function dropPlace(docID: u32): void {
  const page = docID >> 10;
  if (page >= rootPages) return;
  const entry = root + (<usize>page << 2);
  const block = <usize>load<u32>(entry);
  if (block == 0) return;
  const at = block + 64 + (<usize>(docID & 1023) << 2);
  if (load<u32>(at) == NONE) return;
  store<u32>(at, NONE);
  const left = load<u32>(block) - 1;
  store<u32>(block, left);
  if (left == 0) {
    release(block, PAGE_BYTES);
    store<u32>(entry, 0);
  }
}
