/**
 * Scratch memory: fixed lists used within one call, and buffers that JavaScript fills or reads between calls.
 * Nothing here outlives a call, except what the caller of an export was told to read.
 */
import { alloc, release } from './memory';

/** Most entries a list holds: two hops of a node's links at the largest maxConnections, in parts. */
export const LIST_MAX: i32 = 2048;

export const ids: usize = memory.data(2048 * 4, 16);
export const addresses: usize = memory.data(2048 * 4, 16);
export const distances: usize = memory.data(2048 * 4 + 64, 16);

/** Where JavaScript puts a row or query before a call: the caller's f32 values, unpadded. */
export let input: usize = 0;
/** The query as a prepared row: padded, normalised for cosine. */
export let queryRow: usize = 0;
/** The query's code. */
export let queryCode: usize = 0;
let inputBytes: usize = 0;

export function allocateRows(rowBytes: usize, codeBytes: usize): bool {
  inputBytes = rowBytes;
  input = alloc(rowBytes);
  queryRow = alloc(rowBytes);
  queryCode = alloc(codeBytes);
  return input != 0 && queryRow != 0 && queryCode != 0;
}

/** A block that grows by powers of two and does not keep its content. */
export function grown(block: usize, haveBytes: usize, wantBytes: usize): usize {
  release(block, haveBytes);
  return alloc(wantBytes);
}
