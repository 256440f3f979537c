/**
 * Chooses a row's links among candidates by HNSW's heuristic (Malkov and Yashunin 2016, algorithm 4): nearest first, a
 * candidate is kept unless it is nearer to a link already kept than to the row itself. One workgroup for each row.
 *
 * Done by rounds, one for each link that is kept: the nearest candidate left is kept, then all others are tested against it at
 * once. That keeps exactly what testing each candidate against all kept ones does, with a tenth of the barriers.
 *
 * - `forward`: candidates come scored, from a walk over the rows before (`[batch × widthA]` of key and row) and from the exact
 *   neighbours inside the batch (`[batch × widthB]`, counted from the batch's first row; only those before the row are taken).
 *   Writes the row's list and nothing else.
 * - `reverse`: candidates are the target's present links and the rows that now link to it (`incoming`, from `offsets[t]` to
 *   `offsets[t + 1]`); they are scored here. While they fit the degree all are kept, nearest first; else the heuristic chooses.
 *
 * Grid: x + y × gridX = row of the batch, or index into `targets`. Bindings: 0 params, 1 rows, 2 links `[rows × degree]`;
 * forward: 3 pairs A, 4 pairs B; reverse: 3 targets, 4 offsets, 5 incoming. `f32` and `f16` rows only.
 */
import { bitonicSortWgsl } from './bitonic-sort.ts';
import { ORDERED_KEY_WGSL } from './ordered-key.ts';
import { rowFormatCode, type RowFormat } from './row-format.ts';

const LANES = 64;
const TEAM = 8;
/** Candidates scored between two barriers: one for each lane to sum up. */
const BLOCK = LANES;
/** Candidates considered for one row; more incoming links than fit are left out. */
export const PRUNE_CANDIDATES_MAX = 512;

export interface PruneLinksOptions {
  readonly format: RowFormat;
  readonly mode: 'forward' | 'reverse';
  /** Places in a row's list. */
  readonly degree: number;
  /** Links chosen at most: M for a new row, the degree for a full one. */
  readonly keep: number;
  readonly widthA: number;
  readonly widthB: number;
}

/** Parameters in the order of the uniform block; `firstRow`: row number of the batch's first row. */
export const pruneParams = (p: { count: number; words: number; firstRow: number; gridX: number }): number[] => [
  p.count,
  p.words,
  p.firstRow,
  p.gridX,
];

const loadForward = (widthA: number, widthB: number): string => `
  let row = p.firstRow + item;
  let count = ${widthA + widthB}u;
  for (var i = lane; i < ${widthA}u; i += ${LANES}u) { let pair = pairsA[item * ${widthA}u + i]; keys[i] = pair.x; ids[i] = pair.y; }
  for (var i = lane; i < ${widthB}u; i += ${LANES}u) {
    let pair = pairsB[item * ${widthB}u + i];
    let id = select(pair.y + p.firstRow, EMPTY, pair.y >= item);
    keys[${widthA}u + i] = select(pair.x, EMPTY, id == EMPTY); ids[${widthA}u + i] = id;
  }
  workgroupBarrier();`;

const loadReverse = (degree: number): string => `
  let row = targets[item];
  let firstIncoming = offsets[item];
  let incomingCount = min(offsets[item + 1u] - firstIncoming, ${PRUNE_CANDIDATES_MAX - degree}u);
  let count = ${degree}u + incomingCount;
  for (var i = lane; i < count; i += ${LANES}u) {
    var id = EMPTY;
    if (i < ${degree}u) { id = links[row * ${degree}u + i]; } else { id = incoming[firstIncoming + i - ${degree}u]; }
    ids[i] = select(id, EMPTY, id == row);
  }
  workgroupBarrier();
  for (var start = 0u; start < count; start += ${BLOCK}u) {
    sumBlock(row, start, count, lane);
    workgroupBarrier();
    let at = start + lane;
    if (at < count) { keys[at] = select(keyOf(totalOf(lane)), EMPTY, ids[at] == EMPTY); }
    workgroupBarrier();
  }`;

/** Sums over `ids[start..start + BLOCK)` against `row`, eight lanes a candidate; `totalOf(lane)` adds the lanes up. */
const sumBlockWgsl = (load: (expression: string) => string, finish: string): string => `
fn sumBlock(row: u32, start: u32, count: u32, lane: u32) {
  let part = lane % ${TEAM}u;
  for (var at = lane / ${TEAM}u; at < min(${BLOCK}u, count - start); at += ${LANES / TEAM}u) {
    let id = ids[start + at];
    var sum = 0.0;
    if (id != EMPTY) { for (var w = part; w < p.words; w += ${TEAM}u) { sum = addWord(sum, ${load('rowWords[row * p.words + w]')}, ${load('rowWords[id * p.words + w]')}); } }
    partials[at * ${TEAM}u + part] = sum;
  }
}
fn totalOf(at: u32) -> f32 {
  var total = 0.0;
  for (var i = 0u; i < ${TEAM}u; i++) { total += partials[at * ${TEAM}u + i]; }
  return ${finish};
}`;

/** When present and incoming links fit the list, they are the list. */
const takeAllWgsl = (degree: number): string => `
  if (lane == 0u) { chosen = select(1u, 0u, count > ${degree}u && ids[min(${degree}u, count - 1u)] != EMPTY); }
  if (workgroupUniformLoad(&chosen) == 1u) {
    for (var i = lane; i < ${degree}u; i += ${LANES}u) { links[row * ${degree}u + i] = ids[i]; }
    return;
  }`;

export function pruneLinksWgsl({ format, mode, degree, keep, widthA, widthB }: PruneLinksOptions): string {
  const code = rowFormatCode(format);
  const isForward = mode === 'forward';
  const capacity = isForward ? widthA + widthB : PRUNE_CANDIDATES_MAX;
  return `
struct Params { count: u32, words: u32, firstRow: u32, gridX: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> rowWords: array<${code.rowElement}>;
@group(0) @binding(2) var<storage, read_write> links: array<u32>;
${
  isForward
    ? '@group(0) @binding(3) var<storage, read> pairsA: array<vec2<u32>>;\n@group(0) @binding(4) var<storage, read> pairsB: array<vec2<u32>>;'
    : '@group(0) @binding(3) var<storage, read> targets: array<u32>;\n@group(0) @binding(4) var<storage, read> offsets: array<u32>;\n@group(0) @binding(5) var<storage, read> incoming: array<u32>;'
}
const NONE: u32 = 0xffffffffu;
var<workgroup> keys: array<u32, ${capacity}>;
var<workgroup> ids: array<u32, ${capacity}>;
var<workgroup> kept: array<u32, ${degree}>;
var<workgroup> partials: array<f32, ${BLOCK * TEAM}>;
var<workgroup> next: atomic<u32>;
var<workgroup> chosen: u32;
${ORDERED_KEY_WGSL}
${code.functions}
${bitonicSortWgsl(LANES)}
${sumBlockWgsl(code.load, code.finish('total', '', ''))}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let item = group.x + group.y * p.gridX;
  if (item >= p.count) { return; }
${isForward ? loadForward(widthA, widthB) : loadReverse(degree)}
  sortPairs(count, lane);
  ${isForward ? '' : takeAllWgsl(degree)}
  var keptCount = 0u;
  var first = 0u;
  loop {
    if (lane == 0u) { atomicStore(&next, NONE); }
    workgroupBarrier();
    for (var i = first + lane; i < count; i += ${LANES}u) { if (ids[i] != EMPTY) { atomicMin(&next, i); break; } }
    workgroupBarrier();
    if (lane == 0u) { chosen = atomicLoad(&next); }
    let at = workgroupUniformLoad(&chosen);
    if (at == NONE) { break; }
    if (lane == 0u) { chosen = ids[at]; kept[keptCount] = chosen; }
    let candidate = workgroupUniformLoad(&chosen);
    keptCount++;
    if (keptCount == ${keep}u) { break; }
    first = at + 1u;
    for (var start = first; start < count; start += ${BLOCK}u) {
      sumBlock(candidate, start, count, lane);
      workgroupBarrier();
      let other = start + lane;
      if (other < count) { if (ids[other] == candidate || (ids[other] != EMPTY && keyOf(totalOf(lane)) < keys[other])) { ids[other] = EMPTY; } }
      workgroupBarrier();
    }
  }
  workgroupBarrier();
  for (var i = lane; i < ${degree}u; i += ${LANES}u) { links[row * ${degree}u + i] = select(EMPTY, kept[min(i, ${degree - 1}u)], i < keptCount); }
}`;
}
