/**
 * Taking tombstones out of the graph, in slices: every live node that links to a condemned slot gets new links, out of its
 * remaining ones and those of its dead neighbours; then the condemned are freed. (In the spirit of MN-RU, arXiv 2407.07871.)
 *
 * - Condemned are the tombstones whose removal was already logged when the sweep began; nothing links to one any more
 *   when the sweep has passed every node, since links are only ever made to live nodes.
 * - A live node that loses its last in-link with the freed ones gets one from its own neighbours.
 */
import * as arena from './arena';
import * as codec from './codec';
import * as insert from './insert';
import * as neighbours from './neighbours';
import * as pool from './pool';
import * as upper from './upper';
import * as walk from './walk';
import { NONE, linksMax, linksMax0 } from './config';
import { OP_ENTRY, OP_FREE, OP_LINKS, OP_UPPER_FREE, word, words } from './oplog';

const found: usize = memory.data(512 * 4, 16);
const FOUND_MAX: i32 = 256;
let cursor: u32 = 0;
let phase: i32 = 0;

/** Begins a sweep over all tombstones that are in the log; returns how many there are. */
export function startSweep(): u32 {
  let n: u32 = 0;
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) {
    const flags = arena.flagsOf(slot);
    if ((flags & (arena.USED | arena.DEAD | arena.LOGGED)) != (arena.USED | arena.DEAD | arena.LOGGED)) continue;
    arena.setFlags(slot, flags | arena.CONDEMNED);
    n++;
  }
  cursor = 0;
  phase = n == 0 ? 0 : 1;
  return n;
}

// @ts-ignore: decorator
@inline
function condemned(slot: u32): bool {
  return (arena.flagsOf(slot) & arena.CONDEMNED) != 0;
}

/** Goes on with the sweep for about `steps` nodes; false when it has ended. */
export function sweep(steps: i32, ef: i32): bool {
  for (let i = 0; i < steps && phase != 0; i++) {
    if (phase == 1) {
      if (cursor == arena.slotEnd) nextPhase();
      else if (mendBase(cursor++, ef)) i += 15;
    } else if (phase == 2) {
      if (cursor == upper.recordEnd) nextPhase();
      else if (mendUpper(cursor++)) i += 15;
    } else if (phase == 3) {
      if (cursor == upper.recordEnd) nextPhase();
      else freeUpper(cursor++);
    } else if (cursor == arena.slotEnd) phase = 0;
    else freeBase(cursor++);
  }
  return phase != 0;
}

function nextPhase(): void {
  cursor = 0;
  phase++;
  if (phase == 3) electEntry();
}

function note(slot: u32, n: i32, self: u32, mark: u32): i32 {
  if (n == FOUND_MAX || slot == self || !arena.isLive(slot)) return n;
  const seen = arena.visitedAt(slot);
  if (load<u8>(seen) == <u8>mark) return n;
  store<u8>(seen, <u8>mark);
  store<u32>(found + (<usize>n << 2), slot);
  return n + 1;
}

/** New links for a node that has condemned neighbours and is not condemned itself; true when there was work. */
function mendBase(slot: u32, ef: i32): bool {
  if (condemned(slot) || (arena.flagsOf(slot) & arena.LINKED) == 0) return false;
  const links = arena.linksOf(slot);
  let broken = false;
  for (let l = 0; l < linksMax0 && !broken; l++) {
    const to = load<u32>(links + (<usize>l << 2));
    if (to == NONE) break;
    broken = condemned(to);
  }
  if (!broken) return false;
  if (!neighbours.reserveCandidates(FOUND_MAX + ef + 1)) return true;
  const mark = arena.nextEpoch();
  let n = 0;
  for (let l = 0; l < linksMax0; l++) {
    const to = load<u32>(links + (<usize>l << 2));
    if (to == NONE) break;
    n = note(to, n, slot, mark);
    if (arena.isLive(to)) continue;
    const beyond = arena.linksOf(to);
    for (let b = 0; b < linksMax0; b++) {
      const next = load<u32>(beyond + (<usize>b << 2));
      if (next == NONE) break;
      n = note(next, n, slot, mark);
    }
  }
  if (n < linksMax / 2) n = searchAround(slot, n, ef);
  insert.relink(slot, found, n);
  return true;
}

/** Where the neighbourhood died out: candidates by a search from the entry. */
function searchAround(slot: u32, have: i32, ef: i32): i32 {
  const query = codec.ownQuery();
  codec.queryOfSlot(slot, query);
  codec.select(query);
  if (!walk.walkBase(walk.descend(0), ef)) return have;
  const mark = arena.nextEpoch();
  let n = have;
  for (let i = 0; i < have; i++) store<u8>(arena.visitedAt(load<u32>(found + (<usize>i << 2))), <u8>mark);
  for (let i = 0; i < pool.count; i++) n = note(pool.idAt(i), n, slot, mark);
  return n;
}

function mendUpper(at: u32): bool {
  const slot = upper.slotOf(at);
  if (slot == NONE || condemned(slot)) return false;
  const links = upper.upperLinksOf(at);
  let broken = false;
  for (let l = 0; l < linksMax && !broken; l++) {
    const to = load<u32>(links + (<usize>l << 2));
    if (to == NONE) break;
    broken = condemned(upper.slotOf(to));
  }
  if (!broken) return false;
  if (!neighbours.reserveCandidates(FOUND_MAX)) return true;
  const mark = upper.nextUpperEpoch();
  upper.visitUpper(at, mark);
  let n = 0;
  for (let l = 0; l < linksMax; l++) {
    const to = load<u32>(links + (<usize>l << 2));
    if (to == NONE) break;
    n = noteUpper(to, n, mark);
    if (arena.isLive(upper.slotOf(to))) continue;
    const beyond = upper.upperLinksOf(to);
    for (let b = 0; b < linksMax; b++) {
      const next = load<u32>(beyond + (<usize>b << 2));
      if (next == NONE) break;
      n = noteUpper(next, n, mark);
    }
  }
  insert.relinkUpper(at, found, n);
  return true;
}

function noteUpper(at: u32, n: i32, mark: u32): i32 {
  const slot = upper.slotOf(at);
  if (n == FOUND_MAX || slot == NONE || !arena.isLive(slot) || !upper.visitUpper(at, mark)) return n;
  store<u32>(found + (<usize>n << 2), at);
  return n + 1;
}

function freeUpper(at: u32): void {
  const slot = upper.slotOf(at);
  if (slot == NONE || !condemned(slot)) return;
  upper.freeRecord(at);
  word(OP_UPPER_FREE);
  word(at);
}

/** A live entry, where the old one is condemned; before anything is freed, so that the entry can be walked from at any time. */
function electEntry(): void {
  if (upper.entry == NONE) return;
  if (!condemned(upper.entryLevel == 0 ? upper.entry : upper.slotOf(upper.entry))) return;
  let best: u32 = NONE;
  let level: u32 = 0;
  for (let at: u32 = 0; at < upper.recordEnd; at++) {
    const slot = upper.slotOf(at);
    if (slot == NONE || !arena.isLive(slot) || upper.levelOf(at) <= level) continue;
    best = at;
    level = upper.levelOf(at);
  }
  for (let slot: u32 = 0; best == NONE && slot < arena.slotEnd; slot++)
    if (arena.isLive(slot) && arena.flagsOf(slot) & arena.LINKED) best = slot;
  upper.setEntry(best, level);
  word(OP_ENTRY | (level << 8));
  word(best);
}

function freeBase(slot: u32): void {
  if (!condemned(slot)) return;
  const links = arena.linksOf(slot);
  for (let l = 0; l < linksMax0; l++) {
    const to = load<u32>(links + (<usize>l << 2));
    if (to == NONE) break;
    arena.subDegree(to);
    if (load<u8>(arena.degreeAt(to)) == 0 && arena.isLive(to)) rescue(to);
  }
  arena.freeSlot(slot);
  word(OP_FREE);
  word(slot);
}

/** Gives a node without in-links one, from the nearest of its own neighbours that has room or can spare a link. */
export function rescue(slot: u32): void {
  const own = arena.linksOf(slot);
  for (let l = 0; l < linksMax0; l++) {
    const to = load<u32>(own + (<usize>l << 2));
    if (to == NONE) break;
    if (!arena.isLive(to)) continue;
    const links = arena.linksOf(to);
    const count = neighbours.linkCount(links, linksMax0);
    let place = count;
    if (count == linksMax0) {
      for (place = linksMax0 - 1; place >= 0; place--)
        if (load<u8>(arena.degreeAt(load<u32>(links + (<usize>place << 2)))) > 1) break;
      if (place < 0) continue;
      arena.subDegree(load<u32>(links + (<usize>place << 2)));
    }
    store<u32>(links + (<usize>place << 2), slot);
    arena.addDegree(slot);
    const n = max(count, place + 1);
    word(OP_LINKS | (<u32>n << 8));
    word(to);
    words(links, n);
    return;
  }
}

/** Live nodes of the graph that no link leads to (the entry aside). For tests and health. */
export function orphans(): u32 {
  arena.countDegrees();
  let n: u32 = 0;
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) {
    if (!arena.isLive(slot) || (arena.flagsOf(slot) & arena.LINKED) == 0) continue;
    if (load<u8>(arena.degreeAt(slot)) == 0) n++;
  }
  return n;
}
