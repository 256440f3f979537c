/**
 * Applying the graph log's operations at open. They are idempotent in this sense: the log of a snapshot begins where the
 * snapshot's writing began, and a chunk of it may already hold any prefix of what follows; after the whole log the arena is
 * as it was. So an operation overwrites what it finds; an append that is there already is not repeated; and whether the
 * result makes sense (`finishLoading`) is judged at the end.
 *
 * Codes are not in the log: slots inserted by it lack `CODED`; the caller codes them from the vector column afterwards.
 */
import * as arena from './arena';
import * as upper from './upper';
import { NONE, linksMax, linksMax0 } from './config';
import * as log from './oplog';

// @ts-ignore: decorator
@inline
function at(words: usize, index: i32): u32 {
  return load<u32>(words + (<usize>index << 2));
}

function sequenceOf(low: u32, high: u32): f64 {
  return <f64>high * 4294967296.0 + <f64>low;
}

/**
 * Applies `count` words. Returns 0 when all were applied, 1 when an operation beyond `sequenceMax` was met (the rest is
 * dropped), 2 when an operation makes no sense or memory is full.
 */
export function replay(words: usize, count: i32, sequenceMax: f64): i32 {
  let i = 0;
  while (i < count) {
    const head = at(words, i);
    const op = head & 255;
    const n = <i32>((head >> 8) & 0xffff);
    const size = sizeOf(op, n);
    if (size == 0 || i + size > count) return 2;
    const from = words + (<usize>i << 2);
    if (carriesSequence(op)) {
      const reached = sequenceOf(at(from, size - tailOf(op, n) - 2), at(from, size - tailOf(op, n) - 1));
      if (reached > sequenceMax) return 1;
    }
    if (!apply(op, n, head, from)) return 2;
    i += size;
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function maskWords(n: i32): i32 {
  return (n + 31) >> 5;
}

/** Words after the sequence number. */
function tailOf(op: u32, n: i32): i32 {
  return op == log.OP_INSERT ? n + maskWords(n) : 0;
}

function carriesSequence(op: u32): bool {
  return op == log.OP_INSERT || op == log.OP_DEAD || op == log.OP_REBIND || op == log.OP_PLACE;
}

function sizeOf(op: u32, n: i32): i32 {
  if (op == log.OP_INSERT) return 5 + maskWords(n) + n;
  if (op == log.OP_LINKS || op == log.OP_UPPER_LINKS) return 2 + n;
  if (op == log.OP_UPPER_NEW) return 4 + maskWords(n) + n;
  if (op == log.OP_DEAD) return 4;
  if (op == log.OP_FREE || op == log.OP_UPPER_FREE || op == log.OP_ENTRY) return 2;
  if (op == log.OP_REBIND || op == log.OP_PLACE) return 5;
  return 0;
}

function apply(op: u32, n: i32, head: u32, from: usize): bool {
  const first = at(from, 1);
  if (op == log.OP_INSERT) return insert(first, at(from, 2), n, from + 20);
  if (op == log.OP_PLACE) return arena.claimSlot(first, at(from, 2));
  if (op == log.OP_UPPER_NEW) return insertUpper(first, at(from, 2), at(from, 3), head >>> 24, n, from + 16);
  if (op == log.OP_ENTRY) {
    upper.setEntry(first, head >>> 8);
    return true;
  }
  if (op == log.OP_UPPER_LINKS || op == log.OP_UPPER_FREE) {
    if (first >= upper.recordEnd) return false;
    if (op == log.OP_UPPER_FREE) upper.freeRecord(first);
    else return copyLinks(upper.upperLinksOf(first), linksMax, from + 8, n);
    return true;
  }
  if (first >= arena.slotEnd) return false;
  const flags = arena.flagsOf(first);
  if (op == log.OP_LINKS) return copyLinks(arena.linksOf(first), linksMax0, from + 8, n);
  if (op == log.OP_DEAD) arena.setFlags(first, flags | arena.DEAD | arena.LOGGED);
  else if (op == log.OP_FREE) arena.setFlags(first, 0);
  else arena.setDoc(first, at(from, 2));
  return true;
}

function copyLinks(links: usize, most: i32, from: usize, n: i32): bool {
  if (n > most) return false;
  memory.copy(links, from, <usize>n << 2);
  memory.fill(links + (<usize>n << 2), 0xff, <usize>(most - n) << 2);
  return true;
}

/** Appends where there is room; a full list without it is one that a later operation overwrites. */
function append(links: usize, most: i32, to: u32): void {
  for (let i = 0; i < most; i++) {
    const there = at(links, i);
    if (there == to) return;
    if (there != NONE) continue;
    store<u32>(links + (<usize>i << 2), to);
    return;
  }
}

function insert(slot: u32, docID: u32, n: i32, mask: usize): bool {
  // A slot that was coded before it was linked (a flat index become a graph) keeps its code.
  const known = slot < arena.slotEnd && (arena.flagsOf(slot) & arena.USED) != 0 && arena.docOf(slot) == docID;
  const coded: u8 = known ? arena.flagsOf(slot) & arena.CODED : 0;
  if (!arena.claimSlot(slot, docID)) return false;
  const links = mask + (<usize>maskWords(n) << 2);
  if (!copyLinks(arena.linksOf(slot), linksMax0, links, n)) return false;
  arena.setFlags(slot, arena.USED | arena.LINKED | coded);
  for (let i = 0; i < n; i++) {
    if (((at(mask, i >> 5) >> (i & 31)) & 1) == 0) continue;
    const to = at(links, i);
    if (to >= arena.slotEnd) return false;
    append(arena.linksOf(to), linksMax0, slot);
  }
  return true;
}

function insertUpper(record: u32, slot: u32, down: u32, level: u32, n: i32, mask: usize): bool {
  if (level == 0 || level > 15 || !upper.claimRecord(record, slot, down, level)) return false;
  const links = mask + (<usize>maskWords(n) << 2);
  if (!copyLinks(upper.upperLinksOf(record), linksMax, links, n)) return false;
  for (let i = 0; i < n; i++) {
    if (((at(mask, i >> 5) >> (i & 31)) & 1) == 0) continue;
    const to = at(links, i);
    if (to >= upper.recordEnd) return false;
    append(upper.upperLinksOf(to), linksMax, record);
  }
  return true;
}
