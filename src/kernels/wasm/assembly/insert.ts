/**
 * Inserting a slot into the graph: descend, search every level from the node's own down to 0 with efConstruction, choose
 * links, and add the way back. What changed is recorded in the log.
 *
 * - Links lead to live slots only; the way back drops the farthest by the same heuristic when a list is full, but never a
 *   node's last in-link, so that no live node becomes unreachable on level 0.
 * - A node's level is a hash of its slot's docID with geometric distribution, so that a rebuild from the same rows draws the
 *   same levels.
 */
import * as arena from './arena';
import * as codec from './codec';
import * as neighbours from './neighbours';
import * as pool from './pool';
import * as upper from './upper';
import * as walk from './walk';
import { NONE, linksMax, linksMax0 } from './config';
import { distances, ids } from './scratch';
import { OP_ENTRY, OP_INSERT, OP_LINKS, OP_UPPER_LINKS, OP_UPPER_NEW, word, words } from './oplog';

/** One bit per own link: the way back was a plain append. */
const backMask: usize = memory.data(64, 16);
const own: usize = memory.data(1024 * 4, 16);
const ownDistances: usize = memory.data(1024 * 4, 16);
const list: usize = memory.data(1024 * 4, 16);
const LEVEL_MAX: u32 = 12;

/** The level of a node: geometric with factor 1/M, from a hash of its docID. */
export function levelFor(docID: u32): u32 {
  let h = docID ^ 0x9e3779b9;
  h = (h ^ (h >>> 16)) * 0x85ebca6b;
  h = (h ^ (h >>> 13)) * 0xc2b2ae35;
  h ^= h >>> 16;
  const uniform = (<f64>h + 1) / 4294967296.0;
  const level = <u32>(-Math.log(uniform) / Math.log(<f64>linksMax));
  return min(level, LEVEL_MAX);
}

/** Links a coded slot, whose prepared row is at `row`, into the graph. False when memory is full: nothing is linked then. */
export function link(slot: u32, row: usize, ef: i32, sequenceLow: u32, sequenceHigh: u32): bool {
  const level = levelFor(arena.docOf(slot));
  if (!pool.start(ef) || !neighbours.reserveCandidates(ef + linksMax0 + 1)) return false;
  const before = upper.entry;
  const top = upper.entryLevel;
  if (before == NONE) {
    arena.setFlags(slot, arena.flagsOf(slot) | arena.LINKED);
    logInsert(slot, 0, sequenceLow, sequenceHigh);
    return raise(slot, slot, 0, level);
  }
  // Searching happens level by level from above, but records are made from below, so the upper levels are linked last.
  codec.prepareQuery(row);
  if (!walk.walkBase(walk.descend(0), ef)) return false;
  linkBase(slot, sequenceLow, sequenceHigh);
  let down = slot;
  for (let l: u32 = 1; l <= min(level, top); l++) {
    codec.prepareQuery(row);
    if (!walk.walkUpper(walk.descend(l), ef)) return true;
    const at = upper.takeRecord(slot, down, l);
    if (at == NONE) return true;
    linkUpper(at, l);
    down = at;
  }
  if (level > top) raise(slot, down, top, level);
  return true;
}

/** Makes records above `from` up to `to`, without links, and the topmost the entry. */
function raise(slot: u32, below: u32, from: u32, to: u32): bool {
  let down = below;
  let reached = from;
  for (let l = from + 1; l <= to; l++) {
    const at = upper.takeRecord(slot, down, l);
    if (at == NONE) break;
    logUpper(at, l, 0);
    down = at;
    reached = l;
  }
  upper.setEntry(down, reached);
  word(OP_ENTRY | (reached << 8));
  word(down);
  return true;
}

function logInsert(slot: u32, n: i32, sequenceLow: u32, sequenceHigh: u32): void {
  word(OP_INSERT | (<u32>n << 8));
  word(slot);
  word(arena.docOf(slot));
  word(sequenceLow);
  word(sequenceHigh);
  words(backMask, (n + 31) >> 5);
  words(own, n);
}

function logUpper(at: u32, level: u32, n: i32): void {
  word(OP_UPPER_NEW | (<u32>n << 8) | (level << 24));
  word(at);
  word(upper.slotOf(at));
  word(upper.downOf(at));
  words(backMask, (n + 31) >> 5);
  words(own, n);
}

/** Takes the pool's live entries (but not `except`) as candidates; `records` says what the pool holds. Returns how many. */
function candidatesFromPool(records: bool, except: u32): i32 {
  let n = 0;
  for (let i = 0; i < pool.count; i++) {
    const id = pool.idAt(i);
    const slot = records ? upper.slotOf(id) : id;
    if (slot == except || !arena.isLive(slot)) continue;
    neighbours.putCandidate(n++, id, slot, pool.distanceAt(i));
  }
  return n;
}

function takeChosen(): i32 {
  const n = neighbours.chosenCount;
  for (let i = 0; i < n; i++) {
    const c = <usize>neighbours.chosenAt(i) << 2;
    store<u32>(own + (<usize>i << 2), load<u32>(neighbours.candidateIds + c));
    store<f32>(ownDistances + (<usize>i << 2), load<f32>(neighbours.candidateDistances + c));
  }
  memory.fill(backMask, 0, 64);
  return n;
}

// @ts-ignore: decorator
@inline
function markBack(i: i32): void {
  const at = backMask + (<usize>(i >> 5) << 2);
  store<u32>(at, load<u32>(at) | (1 << (i & 31)));
}

function linkBase(slot: u32, sequenceLow: u32, sequenceHigh: u32): void {
  neighbours.choose(candidatesFromPool(false, slot), linksMax);
  const n = takeChosen();
  memory.copy(arena.linksOf(slot), own, <usize>n << 2);
  arena.setFlags(slot, arena.flagsOf(slot) | arena.LINKED);
  for (let i = 0; i < n; i++) {
    const to = load<u32>(own + (<usize>i << 2));
    arena.addDegree(to);
    const links = arena.linksOf(to);
    const count = neighbours.linkCount(links, linksMax0);
    if (count < linksMax0) {
      store<u32>(links + (<usize>count << 2), slot);
      arena.addDegree(slot);
      markBack(i);
    }
  }
  logInsert(slot, n, sequenceLow, sequenceHigh);
  for (let i = 0; i < n; i++) {
    if (load<u32>(backMask + (<usize>(i >> 5) << 2)) & (1 << (i & 31))) continue;
    const to = load<u32>(own + (<usize>i << 2));
    const count = neighbours.linkCount(arena.linksOf(to), linksMax0);
    memory.copy(list, arena.linksOf(to), <usize>count << 2);
    store<u32>(list + (<usize>count << 2), slot);
    relink(to, list, count + 1);
  }
}

/** Takes n links at `from`, chosen elsewhere, as those of a coded slot; `countDegreesFrom` follows when all have theirs. */
export function adoptLinks(slot: u32, from: usize, n: i32): void {
  const links = arena.linksOf(slot);
  memory.copy(links, from, <usize>n << 2);
  memory.fill(links + (<usize>n << 2), 0xff, <usize>(linksMax0 - n) << 2);
  arena.setFlags(slot, arena.flagsOf(slot) | arena.LINKED);
}

/**
 * Gives `node` the best links out of `from` (n slots, all live but perhaps without order), keeping in-degrees above zero,
 * and records it. Used for overflowing lists and by repair.
 */
export function relink(node: u32, from: usize, n: i32): void {
  const query = codec.ownQuery();
  codec.queryOfSlot(node, query);
  codec.select(query);
  memory.copy(ids, from, <usize>n << 2);
  codec.measure(n);
  for (let i = 0; i < n; i++) {
    const slot = load<u32>(from + (<usize>i << 2));
    neighbours.putCandidate(i, slot, slot, load<f32>(distances + (<usize>i << 2)));
  }
  neighbours.sortCandidates(n);
  neighbours.choose(n, linksMax0);
  const links = arena.linksOf(node);
  const before = neighbours.linkCount(links, linksMax0);
  for (let i = 0; i < before; i++) arena.subDegree(load<u32>(links + (<usize>i << 2)));
  let kept = neighbours.chosenCount;
  for (let i = 0; i < kept; i++) {
    const to = load<u32>(neighbours.candidateIds + (<usize>neighbours.chosenAt(i) << 2));
    store<u32>(links + (<usize>i << 2), to);
    arena.addDegree(to);
  }
  // Whoever would lose its last in-link stays, in place of the farthest that can spare it.
  for (let i = 0; i < n; i++) {
    const slot = load<u32>(neighbours.candidateIds + (<usize>i << 2));
    if (load<u8>(arena.degreeAt(slot)) != 0) continue;
    if (kept < linksMax0) {
      store<u32>(links + (<usize>kept << 2), slot);
      kept++;
      arena.addDegree(slot);
      continue;
    }
    for (let k = kept - 1; k >= 0; k--) {
      const loser = load<u32>(links + (<usize>k << 2));
      if (load<u8>(arena.degreeAt(loser)) < 2) continue;
      arena.subDegree(loser);
      store<u32>(links + (<usize>k << 2), slot);
      arena.addDegree(slot);
      break;
    }
  }
  memory.fill(links + (<usize>kept << 2), 0xff, <usize>(linksMax0 - kept) << 2);
  word(OP_LINKS | (<u32>kept << 8));
  word(node);
  words(links, kept);
}

function linkUpper(at: u32, level: u32): void {
  neighbours.choose(candidatesFromPool(true, upper.slotOf(at)), linksMax);
  const n = takeChosen();
  memory.copy(upper.upperLinksOf(at), own, <usize>n << 2);
  for (let i = 0; i < n; i++) {
    const links = upper.upperLinksOf(load<u32>(own + (<usize>i << 2)));
    const count = neighbours.linkCount(links, linksMax);
    if (count < linksMax) {
      store<u32>(links + (<usize>count << 2), at);
      markBack(i);
    }
  }
  logUpper(at, level, n);
  for (let i = 0; i < n; i++) {
    if (load<u32>(backMask + (<usize>(i >> 5) << 2)) & (1 << (i & 31))) continue;
    const to = load<u32>(own + (<usize>i << 2));
    memory.copy(list, upper.upperLinksOf(to), <usize>linksMax << 2);
    store<u32>(list + (<usize>linksMax << 2), at);
    relinkUpper(to, list, linksMax + 1);
  }
}

/** Gives a record the best links out of n records of its level, and records it. */
export function relinkUpper(at: u32, from: usize, n: i32): void {
  const query = codec.ownQuery();
  codec.queryOfSlot(upper.slotOf(at), query);
  codec.select(query);
  for (let i = 0; i < n; i++)
    store<u32>(ids + (<usize>i << 2), upper.slotOf(load<u32>(from + (<usize>i << 2))));
  codec.measure(n);
  for (let i = 0; i < n; i++) {
    const to = load<u32>(from + (<usize>i << 2));
    neighbours.putCandidate(i, to, upper.slotOf(to), load<f32>(distances + (<usize>i << 2)));
  }
  neighbours.sortCandidates(n);
  neighbours.choose(n, linksMax);
  const links = upper.upperLinksOf(at);
  memory.fill(links, 0xff, <usize>linksMax << 2);
  for (let i = 0; i < neighbours.chosenCount; i++)
    store<u32>(links + (<usize>i << 2), load<u32>(neighbours.candidateIds + (<usize>neighbours.chosenAt(i) << 2)));
  word(OP_UPPER_LINKS | (<u32>neighbours.chosenCount << 8));
  word(at);
  words(links, neighbours.chosenCount);
}
