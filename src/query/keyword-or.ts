/**
 * The best k of all objects with any (or at least m) of a query's terms: block-max MaxScore over windows of docIDs.
 *
 * A window's terms are ordered by the most they can add there (from the bounds of the blocks that overlap it). Those which
 * together cannot lift an object over the worst of the best k so far are only looked up for objects the others found; a
 * window in which all together cannot is skipped without decoding a block. This is block-max WAND's pruning done a window at
 * a time, which suits typed arrays: the inner loops are adds into one small array.
 * Sources: Turtle & Flood 1995 (MaxScore); Ding & Suel 2011 (block-max indexes); Mallia et al. 2017; Lucene's bulk scorer.
 *
 * Simplification: with a minimum match over 1 only whole windows are skipped.
 */
import { BLOCK_DOCS } from '../inverted/postings-codec.ts';
import { roundScore } from './bm25.ts';
import type { ListCursor } from './list-cursor.ts';
import type { TopDocs } from './top-docs.ts';

/** For few terms: small, so that many windows are skipped. For many: large, so that a window's set-up is paid seldom. */
const WINDOW_DOCS = 4_096;
const WINDOW_DOCS_MAX = 32_768;
/** With more lists than this nothing is pruned: the sum of their bounds would prune nothing. */
const PRUNED_LISTS_MAX = 32;
/** Bounds are sums in another order than scores: this much slack keeps them bounds. */
const SLACK = 1 + 1e-9;
/** Lists of up to this many blocks are cheaper to walk than to look up in. */
const SHORT_BLOCKS = 2;
/** Optional terms after which the objects worth looking up are not worked out anew. */
const SLOTS_FILTERED = 8;

/** All zeros between two windows. */
const scores = new Float64Array(WINDOW_DOCS_MAX);
const touched = new Uint32Array(WINDOW_DOCS_MAX);
/** For a minimum match: distinct terms seen, and the last of them plus one. */
const matched = new Uint16Array(WINDOW_DOCS_MAX);
const lastSlot = new Uint16Array(WINDOW_DOCS_MAX);

export interface OrSearch {
  readonly cursors: readonly ListCursor[];
  readonly minimumMatch: number;
  readonly top: TopDocs;
  /** Bitmap of docIDs that may be found: the allow-list, or the live ones. */
  readonly allow: Uint32Array;
  /** A last check, such as a phrase, asked only of what would enter the best k. */
  readonly accepts: ((docID: number) => boolean) | null;
  readonly prune: boolean;
}

export interface KeywordWork {
  windows: number;
  windowsSkipped: number;
  scored: number;
}

/** Reading may meet damage anywhere; what it leaves in `scores` would hide objects from the searches after it. */
export function searchOr(search: OrSearch): KeywordWork {
  try {
    return searchWindows(search);
  } catch (thrown) {
    scores.fill(0);
    throw thrown;
  }
}

function searchWindows(search: OrSearch): KeywordWork {
  const work = { windows: 0, windowsSkipped: 0, scored: 0 };
  const { cursors, minimumMatch, top } = search;
  const isPruned = search.prune && cursors.length <= PRUNED_LISTS_MAX;
  const window = isPruned || minimumMatch > 1 ? WINDOW_DOCS : WINDOW_DOCS_MAX;
  const ordered = [...cursors].sort((a, b) => a.slot - b.slot);
  for (;;) {
    let next = Infinity;
    for (const cursor of ordered) next = Math.min(next, cursor.next);
    if (next === Infinity) return work;
    const from = next - (next % window);
    const end = from + window;
    work.windows++;
    const threshold = top.threshold;
    let found = 0;
    if (!anyAllowed(search.allow, from, end)) skip(ordered, end);
    else if (minimumMatch > 1) found = countWindow(ordered, from, end);
    else if (!isPruned || threshold === -Infinity) for (const cursor of ordered) found = addAll(cursor, from, end, found);
    else found = prunedWindow(ordered, from, end, threshold);
    if (found === 0) work.windowsSkipped++;
    work.scored += found;
    collect(search, from, found);
  }
}

function anyAllowed(allow: Uint32Array, from: number, end: number): boolean {
  const last = Math.min(end >>> 5, allow.length);
  for (let word = from >>> 5; word < last; word++) if (allow[word] !== 0) return true;
  return false;
}

function skip(cursors: readonly ListCursor[], end: number): void {
  for (const cursor of cursors) passWindow(cursor, end);
}

/** Moves a cursor to its first posting at or after `end`, decoding only a block that straddles it. */
function passWindow(cursor: ListCursor, end: number): void {
  cursor.skipTo(end);
  if (!cursor.ended && cursor.next < end) {
    cursor.load();
    while (cursor.docs[cursor.at] < end) cursor.at++;
  }
}

/** Adds a term's scores within the window; returns how many objects were touched so far. */
function addAll(cursor: ListCursor, from: number, end: number, found: number): number {
  const { docs, frequencies, weight, norm, list } = cursor;
  const { lengths, table } = norm;
  const known = table.length;
  while (cursor.block < list.blocks && cursor.next < end) {
    cursor.load();
    const size = cursor.size;
    let at = cursor.at;
    for (; at < size; at++) {
      const doc = docs[at];
      if (doc >= end) break;
      const frequency = frequencies[at];
      const length = lengths[doc];
      const score = length < known ? (weight * frequency) / (frequency + table[length]) : cursor.scoreOf(doc, frequency);
      const i = doc - from;
      const before = scores[i];
      if (before === 0) touched[found++] = i;
      scores[i] = before + score;
    }
    cursor.at = at;
    if (at < size) return found;
    cursor.block++;
  }
  return found;
}

function countWindow(cursors: readonly ListCursor[], from: number, end: number): number {
  let found = 0;
  for (const cursor of cursors) {
    while (!cursor.ended && cursor.next < end) {
      cursor.load();
      for (; cursor.at < cursor.size && cursor.docs[cursor.at] < end; cursor.at++) {
        const doc = cursor.docs[cursor.at];
        const i = doc - from;
        if (scores[i] === 0) {
          touched[found++] = i;
          matched[i] = 0;
          lastSlot[i] = 0;
        }
        scores[i] += cursor.scoreOf(doc, cursor.frequencies[cursor.at]);
        if (lastSlot[i] !== cursor.slot + 1) {
          lastSlot[i] = cursor.slot + 1;
          matched[i]++;
        }
      }
      if (cursor.at < cursor.size) break;
      cursor.block++;
    }
  }
  return found;
}

function prunedWindow(cursors: readonly ListCursor[], from: number, end: number, threshold: number): number {
  const byBound: ListCursor[] = [];
  for (const cursor of cursors) {
    cursor.boundWindow(from, end);
    if (cursor.windowBound > 0) byBound.push(cursor);
  }
  byBound.sort((a, b) => a.windowBound - b.windowBound);
  let essential = 0;
  let optional = 0;
  while (essential < byBound.length && (optional + byBound[essential].windowBound) * SLACK < threshold)
    optional += byBound[essential++].windowBound;
  let found = 0;
  for (let i = essential; i < byBound.length; i++) found = addAll(byBound[i], from, end, found);
  if (essential > 0 && found > 0) lookUp(byBound, essential, from, found, optional, threshold);
  for (let i = 0; i < essential; i++) passWindow(byBound[i], end);
  return found;
}

const wanted = new Uint32Array(WINDOW_DOCS_MAX);

/** Adds the scores of the terms that alone lift nothing over the threshold, for objects that they can still lift. */
function lookUp(byBound: readonly ListCursor[], essential: number, from: number, found: number, optional: number, threshold: number): void {
  let rest = optional;
  let count = -1;
  for (let i = essential - 1; i >= 0; i--) {
    const cursor = byBound[i];
    if (cursor.list.blocks <= SHORT_BLOCKS || found > BLOCK_DOCS * cursor.windowBlocks) addTouched(cursor, from, from + WINDOW_DOCS);
    else {
      if (count < 0 || essential - i <= SLOTS_FILTERED) {
        count = 0;
        for (let j = 0; j < found; j++) if ((scores[touched[j]] + rest) * SLACK >= threshold) wanted[count++] = touched[j];
        if (count > 1) wanted.subarray(0, count).sort();
      }
      if (count === 0) return;
      addWanted(cursor, from, count);
    }
    rest -= cursor.windowBound;
  }
}

function addWanted(cursor: ListCursor, from: number, count: number): void {
  for (let j = 0; j < count; j++) {
    const doc = from + wanted[j];
    const frequency = cursor.frequencyIn(doc);
    if (frequency > 0) scores[wanted[j]] += cursor.scoreOf(doc, frequency);
  }
}

/** Adds a term's scores within the window to objects that were found by others. */
function addTouched(cursor: ListCursor, from: number, end: number): void {
  const { docs, frequencies, list } = cursor;
  while (cursor.block < list.blocks && cursor.next < end) {
    cursor.load();
    const size = cursor.size;
    let at = cursor.at;
    for (; at < size && docs[at] < end; at++) {
      const i = docs[at] - from;
      if (scores[i] !== 0) scores[i] += cursor.scoreOf(docs[at], frequencies[at]);
    }
    cursor.at = at;
    if (at < size) return;
    cursor.block++;
  }
}

function collect({ top, allow, accepts, minimumMatch }: OrSearch, from: number, found: number): void {
  let threshold = top.threshold;
  for (let j = 0; j < found; j++) {
    const i = touched[j];
    const raw = scores[i];
    scores[i] = 0;
    if (raw * SLACK < threshold) continue;
    if (minimumMatch > 1 && matched[i] < minimumMatch) continue;
    const doc = from + i;
    if (((allow[doc >>> 5] >>> (doc & 31)) & 1) === 0) continue;
    const score = roundScore(raw);
    if (!top.wants(doc, score) || (accepts !== null && !accepts(doc))) continue;
    top.offer(doc, score);
    threshold = top.threshold;
  }
}
