/**
 * The exports: one wasm instance is one vector index. JavaScript (`src/kernels/wasm/engine.ts`) configures it, puts rows
 * and queries at `input`, calls, and reads the answer. One call does one whole operation; nothing calls back.
 */
import * as allow from './allow';
import * as answer from './answer';
import * as arena from './arena';
import * as backlog from './backlog';
import * as bits from './bits';
import { checksum } from './checksum';
import * as codec from './codec';
import * as config from './config';
import * as docmap from './docmap';
import * as filtered from './filtered';
import * as insert from './insert';
import * as kernels from './kernels';
import * as memory_ from './memory';
import * as neighbours from './neighbours';
import * as oplog from './oplog';
import * as pool from './pool';
import * as product from './product';
import * as repair from './repair';
import * as replaying from './replay';
import * as rescoring from './rescore';
import * as scan from './scan';
import * as scratch from './scratch';
import * as upper from './upper';
import * as walking from './walk';

const FULL: u32 = 0xffffffff;

// Setting up.

/** Once, first: dimensions, distance, maxConnections, memory limit. False when memory is full. */
export function configure(dimensions: i32, metric: i32, maxConnections: i32, limitBytes: f64): bool {
  memory_.setLimit(limitBytes);
  config.setShape(dimensions, metric, maxConnections);
  config.setCodec(config.CODEC_F32, config.rowBytes);
  return codec.setUp() && backlog.setUpBacklog() && upper.setUpUpper() && oplog.setUpLog(65536) && arena.layOut() && setUpCodec();
}

function setUpCodec(): bool {
  return neighbours.setUpNeighbours(config.linksMax0) && codec.setUpOwnQuery();
}

/** Chooses the codec; the arena is emptied. `segmentDimensions` for PQ only. False when memory is full. */
export function useCodec(kind: i32, segmentDimensions: i32): bool {
  arena.clearArena();
  upper.clearUpper();
  neighbours.tearDownNeighbours(config.linksMax0);
  rescoring.forgetErrors();
  let codeBytes: usize = config.padded;
  if (kind == config.CODEC_F32) codeBytes = config.rowBytes;
  if (kind == config.CODEC_BQ) {
    if (!bits.setUpBits()) return false;
    codeBytes = bits.codeBytes();
  }
  if (kind == config.CODEC_PQ) {
    if (!product.setUpProduct(segmentDimensions)) return false;
    codeBytes = product.segments;
  }
  config.setCodec(kind, codeBytes);
  return arena.layOut() && setUpCodec();
}
/** PQ: where the centroids are, f32, 256 × padded dimensions. */
export function codebookAddress(): usize {
  return product.codebook;
}
export function codebookFloats(): i32 {
  return config.padded << 8;
}
export function segmentCount(): i32 {
  return product.segments;
}
/** PQ: k-means of one segment over prepared, padded rows at `sample`; `sums` has room for 256 × 17 floats. */
export function trainSegment(segment: i32, sample: usize, rows: i32, iterations: i32, sums: usize): void {
  product.train(segment, sample, rows, config.rowBytes, iterations, sums);
}
export function rowBytes(): usize {
  return config.rowBytes;
}

export function centerAddress(): usize {
  return codec.centerAddress();
}
export function setScale(scale: f32): void {
  codec.setScale(scale);
}
/** New centers (f32, padded, at `newCenter`) and scale for all codes. False when memory is full. */
export function changeScale(newCenter: usize, newScale: f32): bool {
  rescoring.forgetErrors();
  return codec.changeScale(newCenter, newScale);
}
/** Sum of the residuals of what was coded since the last call: how well the quantizer fits. */
export function takeResidualSum(): f64 {
  return codec.takeResidualSum();
}
/** Takes all slots out of the graph; codes and rows stay. */
export function unlinkAll(): void {
  upper.clearUpper();
  arena.unlinkAll();
}
/** Codes a slot anew from the row at `input`. */
export function recodeSlot(slot: u32): void {
  codec.prepareRow(scratch.input, scratch.queryRow);
  codec.encode(scratch.queryRow, slot);
}
export function setBounds(residual: f32, spread: f32): void {
  codec.setBounds(residual, spread);
}
export function residualMax(): f32 {
  return codec.residualMax;
}
export function spreadMax(): f32 {
  return codec.spreadMax;
}
export function inputAddress(): usize {
  return scratch.input;
}
export function alloc(bytes: u32): usize {
  return memory_.alloc(bytes);
}
export function release(block: usize, bytes: u32): void {
  memory_.release(block, bytes);
}

// Sizes.

export function bytesInUse(): usize {
  return memory_.bytesInUse();
}
export function liveSlots(): u32 {
  return arena.liveSlots;
}
export function deadSlots(): u32 {
  return arena.deadSlots;
}
export function waiting(): u32 {
  return backlog.waiting;
}
export function slotEnd(): u32 {
  return arena.slotEnd;
}

// Rows.

export function has(docID: u32): bool {
  return docmap.placeOf(docID) != config.NONE;
}

/** Takes the row at `input` into the backlog. False when memory is full. */
export function add(docID: u32, sequence: f64): bool {
  if (!docmap.reservePlace(docID)) return false;
  const position = backlog.push(docID, sequence);
  if (position == config.NONE) return false;
  codec.prepareRow(scratch.input, backlog.backlogRow(position));
  return true;
}

/** Forgets a docID. Returns 0 unknown, 1 it was in the backlog, else 2 + its slot, whose removal is to be logged. */
export function remove(docID: u32): f64 {
  const place = docmap.placeOf(docID);
  if (place == config.NONE) return 0;
  if (place & docmap.IN_BACKLOG) {
    backlog.removeFromBacklog(backlog.positionOf(place));
    return 1;
  }
  docmap.dropPlace(docID);
  arena.markDead(place);
  return 2 + <f64>place;
}

/** Gives a docID's row to another. Returns as `remove`; -1 when memory is full. */
export function rebind(from: u32, to: u32, sequence: f64): f64 {
  const place = docmap.placeOf(from);
  if (place == config.NONE) return 0;
  if (!docmap.reservePlace(to)) return -1;
  // The old place goes last: dropping the only one of a page would release the page just reserved.
  if (place & docmap.IN_BACKLOG) {
    backlog.rebindBacklog(backlog.positionOf(place), to, sequence);
    docmap.dropPlace(from);
    return 1;
  }
  arena.setDoc(place, to);
  docmap.setPlace(to, place);
  docmap.dropPlace(from);
  return 2 + <f64>place;
}

/** Writes the set of all docIDs into the allow-list's words. */
export function collectDocs(): void {
  for (let w: u32 = 0; w < allow.allowWordCount(); w++) allow.setAllowWord(w, 0);
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) if (arena.isLive(slot)) collect(arena.docOf(slot));
  for (let p = backlog.head; p < backlog.tail; p++) if (backlog.backlogDoc(p) != config.NONE) collect(backlog.backlogDoc(p));
}
function collect(docID: u32): void {
  const word = docID >> 5;
  if (word < allow.allowWordCount()) allow.setAllowWord(word, allow.allowWord(word) | (1 << (docID & 31)));
}
/** One above the highest docID. */
export function docEnd(): f64 {
  let end: f64 = 0;
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) if (arena.isLive(slot)) end = max(end, <f64>arena.docOf(slot) + 1);
  for (let p = backlog.head; p < backlog.tail; p++)
    if (backlog.backlogDoc(p) != config.NONE) end = max(end, <f64>backlog.backlogDoc(p) + 1);
  return end;
}

/** Copies the row of the n-th waiting position (from the head; live or not) to `input`; its docID, or NONE. */
export function peekWaiting(n: u32): u32 {
  if (backlog.head + n >= backlog.tail) return config.NONE;
  const docID = backlog.backlogDoc(backlog.head + n);
  if (docID != config.NONE) memory.copy(scratch.input, backlog.backlogRow(backlog.head + n), config.rowBytes);
  return docID;
}
export function waitingPositions(): u32 {
  return backlog.tail - backlog.head;
}
/** Sequence number of the oldest waiting row; -1: none. */
export function headSequence(): f64 {
  return backlog.waiting == 0 ? -1 : backlog.backlogSequence(backlog.head);
}

/** Moves the oldest waiting row into a slot: coded, and linked where `ef` > 0. Returns the slot, or NONE when memory is full. */
export function settle(ef: i32, keepRow: bool): u32 {
  const position = backlog.head;
  const docID = backlog.backlogDoc(position);
  const sequence = backlog.backlogSequence(position);
  const row = backlog.backlogRow(position);
  if (!pool.start(max(ef, 64)) || !neighbours.reserveCandidates(max(ef, 64) + config.linksMax0 + 1)) return FULL;
  const slot = arena.takeSlot(docID);
  if (slot == config.NONE) return FULL;
  codec.encode(row, slot);
  if (keepRow) arena.keepRow(slot, row);
  docmap.setPlace(docID, slot);
  const low = <u32>(sequence % 4294967296.0);
  const high = <u32>(sequence / 4294967296.0);
  if (ef > 0) insert.link(slot, row, ef, low, high);
  else logPlace(slot, docID, low, high);
  backlog.take(position);
  return slot;
}

function logPlace(slot: u32, docID: u32, low: u32, high: u32): void {
  oplog.word(oplog.OP_PLACE);
  oplog.word(slot);
  oplog.word(docID);
  oplog.word(low);
  oplog.word(high);
}

/** Links a slot that is coded but not in the graph; its row is at `input`. */
export function linkSlot(slot: u32, ef: i32): bool {
  codec.prepareRow(scratch.input, scratch.queryRow);
  return insert.link(slot, scratch.queryRow, ef, 0, 0);
}

/** Codes a slot from the row at `input` (after a log was replayed, or to keep the row). */
export function encodeSlot(slot: u32, keepRow: bool): void {
  codec.prepareRow(scratch.input, scratch.queryRow);
  if ((arena.flagsOf(slot) & arena.CODED) == 0) codec.encode(scratch.queryRow, slot);
  if (keepRow) arena.keepRow(slot, scratch.queryRow);
}
export function flagsOf(slot: u32): u32 {
  return arena.flagsOf(slot);
}
export function docOf(slot: u32): u32 {
  return arena.docOf(slot);
}
export function placeOf(docID: u32): u32 {
  return docmap.placeOf(docID);
}
export function dropRows(): void {
  arena.dropRows();
}

// Searching: `input` holds the query.

export function openAllow(words: u32): usize {
  return allow.openAllow(words);
}
export function closeAllow(): void {
  allow.closeAllow();
}
export function countAllowed(): u32 {
  return allow.countAllowed();
}

/** Prepares the query at `input` and scans the backlog; returns rows scanned, -1 when memory is full. */
export function begin(k: i32): i32 {
  if (!answer.startAnswer(k)) return -1;
  walking.resetCounters();
  codec.takeInput();
  const scanned = scan.scanBacklog();
  rescoring.startRescore(0, false);
  return scanned;
}
/** Fills the pool by a walk; see `walkWithin`, also for what it returns. */
export function walk(ef: i32, rescoreMost: i32, nearest: i32, stretch: f32, hopsMost: i32): i32 {
  if (upper.entry == config.NONE) return pool.start(ef) ? walking.COMPLETE : walking.FULL;
  codec.prepareQuery(scratch.queryRow);
  rescoring.startRescore(rescoreMost, false);
  return walking.walkWithin(walking.descend(0), ef, nearest, stretch, hopsMost);
}
/** Entries of the pool, and the coded distance of the i-th. */
export function poolCount(): i32 {
  return pool.count;
}
export function poolDistance(i: i32): f32 {
  return pool.distanceAt(i);
}
export function walkAllowed(ef: i32, seeds: i32, refusedMax: i32, rescoreMost: i32): bool {
  if (upper.entry == config.NONE) return pool.start(ef);
  codec.prepareQuery(scratch.queryRow);
  rescoring.startRescore(rescoreMost, false);
  return filtered.walkFiltered(ef, seeds, refusedMax);
}
/** Fills the pool with the `width` nearest of all slots that the filter allows. */
export function scanAll(width: i32): bool {
  codec.prepareBounded(scratch.queryRow);
  rescoring.startRescore(0, true);
  return scan.scanSlots(width, <i32>arena.slotEnd);
}
/** 0: the answer stands; 1: the row of `wanted()` is to be put at `input`, then call again. */
export function rescore(keep: bool): i32 {
  return rescoring.rescore(keep);
}
export function wanted(): u32 {
  return rescoring.wanted();
}
/** Instead of a row that can't be read, before `rescore` is called again. */
export function goWithout(): void {
  rescoring.goWithout();
}
export function answersAddress(): usize {
  return answer.answers;
}
export function answerCount(): i32 {
  return answer.answerCount;
}
export function clearAnswers(k: i32): bool {
  const ok = answer.startAnswer(k);
  scan.scanBacklog();
  return ok;
}
export function hops(): i32 {
  return walking.hops;
}
export function measured(): i32 {
  return walking.measured;
}
export function rescored(): i32 {
  return rescoring.rescored;
}

// A copy of the graph elsewhere (on a GPU), what a walk of it found, and a graph built there.

export function codeAt(slot: u32): usize {
  return arena.codeOf(slot);
}
export function linksAt(slot: u32): usize {
  return arena.linksOf(slot);
}
export function termOf(slot: u32): f32 {
  return arena.termOf(slot);
}
/** Fills the pool with those of n slots at `from` that are live. `rigorous`: as in an exact search. */
export function takeListed(from: usize, n: i32, rescoreMost: i32, rigorous: bool): bool {
  codec.prepareBounded(scratch.queryRow);
  rescoring.startRescore(rescoreMost, rigorous);
  return scan.scanListed(from, n);
}
/** After `unlinkAll`: links of level 0, n slots at `from`, for one slot; `countDegreesFrom` every chunk follows the last. */
export function adoptLinks(slot: u32, from: usize, n: i32): void {
  insert.adoptLinks(slot, from, n);
}

// The graph log.

export function setRecording(on: bool): void {
  oplog.setRecording(on);
}
export function logAddress(): usize {
  return oplog.logAddress();
}
export function logBytes(): usize {
  return oplog.logBytes();
}
export function clearLog(): void {
  oplog.clearLog();
}
/** Records that a slot was removed, now that its removal is durable. */
export function logDead(slot: u32, low: u32, high: u32): void {
  arena.setFlags(slot, arena.flagsOf(slot) | arena.LOGGED);
  oplog.word(oplog.OP_DEAD);
  oplog.word(slot);
  oplog.word(low);
  oplog.word(high);
}
export function logRebind(slot: u32, docID: u32, low: u32, high: u32): void {
  oplog.word(oplog.OP_REBIND);
  oplog.word(slot);
  oplog.word(docID);
  oplog.word(low);
  oplog.word(high);
}
export function replay(words: usize, count: i32, sequenceMax: f64): i32 {
  return replaying.replay(words, count, sequenceMax);
}

// Repair.

export function startSweep(): u32 {
  return repair.startSweep();
}
export function sweep(steps: i32, ef: i32): bool {
  return repair.sweep(steps, ef);
}
export function orphans(): u32 {
  return repair.orphans();
}

// Snapshots.

/** CRC-32C of memory, continuing from `seed`. */
export function crc(from: usize, bytes: u32, seed: u32): u32 {
  return checksum(from, bytes, seed);
}

export function chunkCount(): u32 {
  return arena.chunkCount;
}
export function chunkAt(index: u32): usize {
  return arena.chunkAt(index);
}
export function chunkDiskBytes(): usize {
  return arena.chunkDiskBytes;
}
export function upperChunkCount(): u32 {
  return upper.upperChunks;
}
export function upperChunkAt(index: u32): usize {
  return upper.upperChunkAt(index);
}
export function upperChunkBytes(): usize {
  return upper.upperChunkBytes();
}
export function recordEnd(): u32 {
  return upper.recordEnd;
}
export function entry(): u32 {
  return upper.entry;
}
export function entryLevel(): u32 {
  return upper.entryLevel;
}
/** Room for a snapshot's chunks. */
export function addChunk(): bool {
  return arena.addChunk();
}
export function addUpperChunk(): bool {
  return upper.addUpperChunk();
}
/** Takes over what was read into the chunks, before the log is replayed. False when it makes no sense. */
export function adopt(slots: u32, records: u32, entryAt: u32, level: u32): bool {
  if (slots > arena.chunkCount << 10 || records > upper.upperChunks << upper.UPPER_CHUNK_SHIFT) return false;
  arena.setSlotEnd(slots);
  upper.setRecordEnd(records);
  upper.setEntry(entryAt, level);
  return true;
}
/**
 * After snapshot and log: counts, free lists and docID places; `countDegreesFrom` every chunk follows. False when the graph contradicts
 * itself or memory is full.
 */
export function finishLoading(): bool {
  arena.adopt();
  if (!upper.adopt(arena.slotEnd)) return false;
  const entryAt = upper.entry;
  if (entryAt != config.NONE) {
    if (entryAt >= (upper.entryLevel == 0 ? arena.slotEnd : upper.recordEnd)) return false;
    if (upper.entryLevel > 0 && upper.levelOf(entryAt) != upper.entryLevel) return false;
  }
  for (let slot: u32 = 0; slot < arena.slotEnd; slot++) {
    if (!arena.isLive(slot)) continue;
    const docID = arena.docOf(slot);
    if (!docmap.reservePlace(docID)) return false;
    if (docmap.placeOf(docID) != config.NONE) return false;
    docmap.setPlace(docID, slot);
  }
  return true;
}
/** Forgets graph and codes (not the backlog). */
/** A call for each chunk, so that the engine has compiled it well by the second: a loop over all of them would run as it began. */
export function countDegreesFrom(chunk: u32): bool {
  return arena.countDegreesFrom(chunk);
}

// For the self-test and the tests of the kernels: four rows against a query, results at `out`.

export function probeCodes(metric: i32, q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize, out: usize): void {
  if (metric == config.MANHATTAN) v128.store(out, kernels.absolute4Codes(q, a, b, c, d, bytes));
  else if (metric == config.HAMMING) v128.store(out, kernels.differ4Codes(q, a, b, c, d, bytes));
  else v128.store(out, kernels.dot4Codes(q, a, b, c, d, bytes));
}
export function probeRows(metric: i32, q: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize, out: usize): void {
  if (metric == config.MANHATTAN) v128.store(out, kernels.absolute4F32(q, a, b, c, d, bytes));
  else if (metric == config.HAMMING) v128.store(out, kernels.differ4F32(q, a, b, c, d, bytes));
  else if (metric == config.L2) v128.store(out, kernels.square4F32(q, a, b, c, d, bytes));
  else v128.store(out, kernels.dot4F32(q, a, b, c, d, bytes));
}
