/**
 * What one index is: set once by `configure`, read everywhere. One wasm instance serves one index, so these are globals.
 */

/** Distances, as numbers shared with `src/kernels/wasm/engine.ts`. */
export const DOT: i32 = 0;
export const COSINE: i32 = 1;
export const L2: i32 = 2;
export const MANHATTAN: i32 = 3;
export const HAMMING: i32 = 4;

/** Codecs: what a slot's code holds. */
export const CODEC_F32: i32 = 0;
export const CODEC_SQ7: i32 = 1;
export const CODEC_BQ: i32 = 2;
export const CODEC_PQ: i32 = 3;

export const NONE: u32 = 0xffffffff;

export let dimensions: i32 = 0;
/** Dimensions rounded up to 16; rows and codes are padded with zeros to it. */
export let padded: i32 = 0;
export let metric: i32 = DOT;
export let codec: i32 = CODEC_F32;
/** Links a node chooses for itself, on every level. */
export let linksMax: i32 = 16;
/** Links a node may hold on level 0. */
export let linksMax0: i32 = 32;
/** Bytes of one f32 row, padded. */
export let rowBytes: usize = 0;
/** Bytes of one code in the arena. */
export let codeStride: usize = 0;

export function setShape(dims: i32, distance: i32, maxConnections: i32): void {
  dimensions = dims;
  padded = (dims + 15) & ~15;
  metric = distance;
  linksMax = maxConnections;
  linksMax0 = maxConnections * 2;
  rowBytes = <usize>padded << 2;
}

export function setCodec(kind: i32, codeBytes: usize): void {
  codec = kind;
  const to16 = (codeBytes + 15) & ~15;
  const to64 = (codeBytes + 63) & ~63;
  // A row that starts on a cache line touches fewer of them; worth up to 15 % more memory.
  codeStride = to64 * 100 <= to16 * 115 ? to64 : to16;
}
