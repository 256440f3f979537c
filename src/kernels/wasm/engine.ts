/**
 * One wasm instance: the vector engine of one index. Compiles the build that this machine runs correctly (once per realm),
 * gives it a memory of its own and types its exports.
 *
 * - Synchronous: for workers and Node. (A page may not compile modules of this size synchronously; no engine runs there.)
 * - Every view of its memory dies when the memory grows; `bytes()`, `floats()` and `words()` give the current one.
 */
import { assert, HeddleError } from '../../core/errors.ts';
import { applyPatch } from './apply-patch.ts';
import { COMMON_BYTES, PLAIN_WASM, RELAXED_BYTES, RELAXED_PATCH } from './generated/modules.ts';
import { relaxedBuildIsRight } from './self-test.ts';
import { fromText } from './wasm-text.ts';

export const Metric = { dot: 0, cosine: 1, 'l2-squared': 2, manhattan: 3, hamming: 4 } as const;
export type Metric = (typeof Metric)[keyof typeof Metric];
/** Reaches the disk: never renumber. */
export const Codec = { f32: 0, sq7: 1, bq: 2, pq: 3 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

export const NONE = 0xffffffff;
/** Slots a chunk of the arena holds. */
export const CHUNK_SLOTS = 1024;
/** Flags of a slot, as in `assembly/arena.ts`. */
export const SlotFlag = { used: 1, dead: 2, linked: 4, row: 8, coded: 16 } as const;

/** What `walk` returns, as in `assembly/walk.ts`. */
export const Walked = { full: 0, complete: 1, cut: 2 } as const;

/** The exports of `assembly/index.ts`; booleans arrive as numbers, u32 as signed numbers unless `>>> 0` is applied. */
export interface EngineExports {
  configure(dimensions: number, metric: number, maxConnections: number, limitBytes: number): number;
  useCodec(kind: number, segmentDimensions: number): number;
  codebookAddress(): number;
  codebookFloats(): number;
  segmentCount(): number;
  trainSegment(segment: number, sample: number, rows: number, iterations: number, sums: number): void;
  rowBytes(): number;
  changeScale(newCenter: number, newScale: number): number;
  recodeSlot(slot: number): void;
  takeResidualSum(): number;
  unlinkAll(): void;
  centerAddress(): number;
  setScale(scale: number): void;
  setBounds(residual: number, spread: number): void;
  residualMax(): number;
  spreadMax(): number;
  inputAddress(): number;
  alloc(bytes: number): number;
  release(block: number, bytes: number): void;
  bytesInUse(): number;
  liveSlots(): number;
  deadSlots(): number;
  waiting(): number;
  slotEnd(): number;
  has(docID: number): number;
  add(docID: number, sequence: number): number;
  remove(docID: number): number;
  rebind(from: number, to: number, sequence: number): number;
  collectDocs(): void;
  docEnd(): number;
  peekWaiting(n: number): number;
  waitingPositions(): number;
  headSequence(): number;
  settle(ef: number, keepRow: number): number;
  linkSlot(slot: number, ef: number): number;
  encodeSlot(slot: number, keepRow: number): void;
  flagsOf(slot: number): number;
  docOf(slot: number): number;
  placeOf(docID: number): number;
  dropRows(): void;
  openAllow(words: number): number;
  closeAllow(): void;
  countAllowed(): number;
  begin(k: number): number;
  walk(ef: number, rescoreMost: number, nearest: number, stretch: number, hopsMost: number): number;
  poolCount(): number;
  poolDistance(i: number): number;
  walkAllowed(ef: number, seeds: number, refusedMax: number, rescoreMost: number): number;
  scanAll(width: number): number;
  rescore(keep: number): number;
  wanted(): number;
  goWithout(): void;
  answersAddress(): number;
  answerCount(): number;
  clearAnswers(k: number): number;
  hops(): number;
  measured(): number;
  rescored(): number;
  codeAt(slot: number): number;
  linksAt(slot: number): number;
  termOf(slot: number): number;
  takeListed(from: number, count: number, rescoreMost: number, rigorous: number): number;
  adoptLinks(slot: number, from: number, count: number): void;
  setRecording(on: number): void;
  logAddress(): number;
  logBytes(): number;
  clearLog(): void;
  logDead(slot: number, low: number, high: number): void;
  logRebind(slot: number, docID: number, low: number, high: number): void;
  replay(words: number, count: number, sequenceMax: number): number;
  startSweep(): number;
  sweep(steps: number, ef: number): number;
  orphans(): number;
  crc(address: number, bytes: number, seed: number): number;
  chunkCount(): number;
  chunkAt(index: number): number;
  chunkDiskBytes(): number;
  upperChunkCount(): number;
  upperChunkAt(index: number): number;
  upperChunkBytes(): number;
  recordEnd(): number;
  entry(): number;
  entryLevel(): number;
  addChunk(): number;
  addUpperChunk(): number;
  adopt(slots: number, records: number, entry: number, level: number): number;
  finishLoading(): number;
  countDegreesFrom(chunk: number): number;
  probeCodes(metric: number, q: number, a: number, b: number, c: number, d: number, bytes: number, out: number): void;
  probeRows(metric: number, q: number, a: number, b: number, c: number, d: number, bytes: number, out: number): void;
}

export interface Engine {
  readonly exports: EngineExports;
  readonly memory: WebAssembly.Memory;
  /** Which build runs. */
  readonly build: EngineBuild;
}

export type EngineBuild = 'relaxed' | 'plain';

const FIRST_PAGES = 8;
const PAGES_MAX = 65536;

function compile(build: EngineBuild): WebAssembly.Module {
  const plain = fromText(PLAIN_WASM, COMMON_BYTES);
  return new WebAssembly.Module(build === 'plain' ? plain : applyPatch(plain, fromText(RELAXED_PATCH, COMMON_BYTES), RELAXED_BYTES));
}

let chosen: { module: WebAssembly.Module; build: EngineBuild } | null = null;

function instantiate(module: WebAssembly.Module, build: EngineBuild): Engine {
  const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: PAGES_MAX });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return { exports: instance.exports as unknown as EngineExports, memory, build };
}

/** An engine of the given build, for the self-test and tests; null where the machine refuses to compile it. */
export function createEngineOf(build: EngineBuild): Engine | null {
  try {
    return instantiate(compile(build), build);
  } catch (thrown) {
    if (thrown instanceof WebAssembly.CompileError) return null;
    throw thrown;
  }
}

function choose(): { module: WebAssembly.Module; build: EngineBuild } {
  const relaxed = createEngineOf('relaxed');
  const build = relaxed && relaxedBuildIsRight(relaxed) ? 'relaxed' : 'plain';
  return { module: compile(build), build };
}

/** A fresh engine in the fastest build that computes correctly here; `Unsupported` where there is none. */
export function createEngine(): Engine {
  try {
    chosen ??= choose();
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.CompileError)) throw thrown;
    throw new HeddleError('Unsupported', `vectors can't be searched or stored here: ${thrown.message}`, {
      hint: "They need WebAssembly with SIMD, allowed by the page's policy ('wasm-unsafe-eval'). Objects, words and filters work without.",
      cause: thrown,
    });
  }
  return instantiate(chosen.module, chosen.build);
}

/** `length` floats at `address`. */
export function floats(engine: Engine, address: number, length: number): Float32Array<ArrayBuffer> {
  assert(address !== 0, 'an address of the engine');
  return new Float32Array(engine.memory.buffer, address, length);
}
/** `length` 32-bit words at `address`. */
export function words(engine: Engine, address: number, length: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(engine.memory.buffer, address, length);
}
/** `length` bytes at `address`. */
export function bytesAt(engine: Engine, address: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(engine.memory.buffer, address, length);
}

/** Places from here on are in the backlog. */
const IN_BACKLOG = 0x80000000;

/** The slots of docIDs; NONE for those that are unknown or wait. */
export function slotsOf({ exports }: Engine, docIDs: Uint32Array): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(docIDs, (docID) => {
    const place = exports.placeOf(docID) >>> 0;
    return place < IN_BACKLOG ? place : NONE;
  });
}
