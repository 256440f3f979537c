/**
 * Puts a graph that was built elsewhere (in bulk, on the GPU) in the place of the engine's own. The result is an ordinary graph:
 * the same lists and records that insertion makes, so everything that follows (insertion, repair, log, snapshot) goes on from it.
 *
 * - Rows of the built graph are known by docID. One that has gone since, or has no code yet, is left out with every link to it.
 * - A node that nothing leads to on level 0 and that is on no other level is left out too: the caller links what is unlinked one
 *   by one, which gives every node a way in.
 * - All or nothing: where memory is full, every slot is unlinked afterwards.
 */
import type { BuiltGraph, BuiltLevel } from '../gpu/gpu-backend.ts';
import { NONE, slotsOf, words, type Engine } from '../kernels/wasm/engine.ts';
import { GraphOp } from './graph-operations.ts';

/** `docIDs`: of the built graph's rows. False when memory was full: nothing is linked then. */
export function adoptGraph(engine: Engine, { levels }: BuiltGraph, docIDs: Uint32Array): boolean {
  const { exports } = engine;
  exports.unlinkAll();
  const slots = slotsOf(engine, docIDs);
  const upper = upperOperations(levels, slots);
  const lists = exports.alloc(Math.max(levels[0].degree * 4, upper.length * 4)) >>> 0;
  if (lists === 0) return false;
  adoptBase(engine, levels, slots, lists);
  words(engine, lists, upper.length).set(upper);
  const applied = exports.replay(lists, upper.length, Infinity) === 0;
  exports.release(lists, Math.max(levels[0].degree * 4, upper.length * 4));
  let whole = applied;
  for (let chunk = 0; whole && chunk < exports.chunkCount(); chunk++) whole = exports.countDegreesFrom(chunk) !== 0;
  if (whole) return true;
  exports.unlinkAll();
  return false;
}

/** Links of level 0. `list`: room for one of them. */
function adoptBase(engine: Engine, [base, first]: readonly BuiltLevel[], slots: Uint32Array, list: number): void {
  const { degree, links } = base;
  const reached = new Uint8Array(slots.length);
  links.forEach((to, i) => {
    if (to !== NONE && slots[Math.floor(i / degree)] !== NONE) reached[to] = 1;
  });
  const IN_UPPER = 2;
  for (const row of first?.rows ?? []) reached[row] = IN_UPPER;
  for (let row = 0; row < slots.length; row++) {
    if (slots[row] === NONE || reached[row] === 0) continue;
    // Looked up anew for each list: an address stays, a view does not when the memory grows.
    const target = words(engine, list, degree);
    let count = 0;
    for (let i = row * degree; i < (row + 1) * degree && links[i] !== NONE; i++)
      if (slots[links[i]] !== NONE) target[count++] = slots[links[i]];
    if (count > 0 || reached[row] === IN_UPPER) engine.exports.adoptLinks(slots[row], list, count);
  }
}

/** The upper levels and the entry as operations of the graph log, their records numbered from 0. */
function upperOperations(levels: readonly BuiltLevel[], slots: Uint32Array): Uint32Array {
  const operations: number[] = [];
  let records = 0;
  let entry = slots.find((slot) => slot !== NONE) ?? NONE;
  let entryLevel = 0;
  let below = new Map<number, number>();
  for (let level = 1; level < levels.length; level++) {
    const { rows, degree, links } = levels[level];
    const first = records;
    const recordOf = new Map<number, number>();
    for (const row of rows) if (slots[row] !== NONE) recordOf.set(row, records++);
    if (records > first) [entry, entryLevel] = [first, level];
    rows.forEach((row, node) => {
      const record = recordOf.get(row);
      if (record === undefined) return;
      const list: number[] = [];
      for (let i = node * degree; i < (node + 1) * degree && links[i] !== NONE; i++) {
        const to = recordOf.get(rows[links[i]]);
        if (to !== undefined) list.push(to);
      }
      const down = level === 1 ? slots[row] : below.get(row)!;
      const mask = new Array<number>((list.length + 31) >>> 5).fill(0);
      operations.push((GraphOp.upperNew | (list.length << 8) | (level << 24)) >>> 0, record, slots[row], down, ...mask, ...list);
    });
    below = recordOf;
  }
  operations.push(GraphOp.entry | (entryLevel << 8), entry);
  return Uint32Array.from(operations);
}
