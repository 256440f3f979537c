/**
 * Chooses a row's links among candidates by HNSW's heuristic (Malkov and Yashunin 2016, algorithm 4): nearest first, a
 * candidate is kept unless it is nearer to a link already kept than to the row itself. One workgroup for each row.
 *
 * - `forward`: candidates come scored, from a walk over the rows before (`[batch × widthA]` of key and row) and from the exact
 *   neighbours inside the batch (`[batch × widthB]`, counted from the batch's first row, the row itself among them). Writes the
 *   row's list and nothing else.
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
export const pruneParams = (p: { count: number; words: number; firstRow: number; gridX: number; linksFrom: number }): number[] => [
  p.count,
  p.words,
  p.firstRow,
  p.gridX,
  p.linksFrom,
];

const loadForward = (widthA: number, widthB: number): string => `
  let row = p.firstRow + item;
  let count = ${widthA + widthB}u;
  for (var i = lane; i < ${widthA}u; i += ${LANES}u) { let pair = pairsA[item * ${widthA}u + i]; keys[i] = pair.x; ids[i] = pair.y; }
  for (var i = lane; i < ${widthB}u; i += ${LANES}u) {
    let pair = pairsB[item * ${widthB}u + i];
    let id = select(pair.y + p.firstRow, EMPTY, pair.y == EMPTY || pair.y == item);
    keys[${widthA}u + i] = select(pair.x, EMPTY, id == EMPTY); ids[${widthA}u + i] = id;
  }
  workgroupBarrier();`;

const loadReverse = (degree: number, load: (expression: string) => string, finish: string): string => `
  let row = targets[item];
  let firstIncoming = offsets[item];
  let incomingCount = min(offsets[item + 1u] - firstIncoming, ${PRUNE_CANDIDATES_MAX - degree}u);
  let count = ${degree}u + incomingCount;
  for (var start = 0u; start < count; start += ${LANES / TEAM}u) {
    let at = start + team;
    var id = EMPTY;
    if (at < ${degree}u) { id = links[p.linksFrom + row * ${degree}u + at]; } else if (at < count) { id = incoming[firstIncoming + at - ${degree}u]; }
    if (id == row) { id = EMPTY; }
    var sum = 0.0;
    if (id != EMPTY) { for (var w = part; w < p.words; w += ${TEAM}u) { sum = addWord(sum, ${load('rowWords[row * p.words + w]')}, ${load('rowWords[id * p.words + w]')}); } }
    partials[lane] = sum;
    workgroupBarrier();
    if (part == 0u && at < count) {
      var total = sum;
      for (var i = 1u; i < ${TEAM}u; i++) { total += partials[lane + i]; }
      keys[at] = select(keyOf(${finish}), EMPTY, id == EMPTY); ids[at] = id;
    }
    workgroupBarrier();
  }`;

/** Whether the real candidates, sorted to the front, fit the list as they are. */
const fitsWgsl = (degree: number): string => `
  if (lane == 0u) { candidates = select(1u, 0u, count > ${degree}u && ids[min(${degree}u, count - 1u)] != EMPTY); }
  let fits = workgroupUniformLoad(&candidates);`;

export function pruneLinksWgsl({ format, mode, degree, keep, widthA, widthB }: PruneLinksOptions): string {
  const code = rowFormatCode(format);
  const isForward = mode === 'forward';
  const capacity = isForward ? widthA + widthB : PRUNE_CANDIDATES_MAX;
  const finish = code.finish('total', '', '');
  return `
struct Params { count: u32, words: u32, firstRow: u32, gridX: u32, linksFrom: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> rowWords: array<${code.rowElement}>;
@group(0) @binding(2) var<storage, read_write> links: array<u32>;
${
  isForward
    ? '@group(0) @binding(3) var<storage, read> pairsA: array<vec2<u32>>;\n@group(0) @binding(4) var<storage, read> pairsB: array<vec2<u32>>;'
    : '@group(0) @binding(3) var<storage, read> targets: array<u32>;\n@group(0) @binding(4) var<storage, read> offsets: array<u32>;\n@group(0) @binding(5) var<storage, read> incoming: array<u32>;'
}
var<workgroup> keys: array<u32, ${capacity}>;
var<workgroup> ids: array<u32, ${capacity}>;
var<workgroup> kept: array<u32, ${degree}>;
var<workgroup> partials: array<f32, ${LANES}>;
var<workgroup> candidates: u32;
var<workgroup> crowded: atomic<u32>;
${ORDERED_KEY_WGSL}
${code.functions}
${bitonicSortWgsl(LANES)}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let item = group.x + group.y * p.gridX;
  if (item >= p.count) { return; }
  let team = lane / ${TEAM}u; let part = lane % ${TEAM}u;
${isForward ? loadForward(widthA, widthB) : loadReverse(degree, code.load, finish)}
  sortPairs(count, lane);
  ${isForward ? '' : fitsWgsl(degree)}
  var keptCount = 0u;
  var previous = EMPTY;
  for (var c = 0u; c < count && keptCount < ${keep}u; c++) {
    if (lane == 0u) { candidates = ids[c]; atomicStore(&crowded, 0u); }
    let candidate = workgroupUniformLoad(&candidates);
    if (candidate == EMPTY) { break; }
    if (candidate == previous) { continue; }
    previous = candidate;
    ${isForward ? '' : 'if (fits == 1u) { if (lane == 0u) { kept[keptCount] = candidate; } keptCount++; continue; }'}
    for (var start = 0u; start < keptCount; start += ${LANES / TEAM}u) {
      let at = start + team;
      var sum = 0.0;
      if (at < keptCount) { let other = kept[at]; for (var w = part; w < p.words; w += ${TEAM}u) { sum = addWord(sum, ${code.load('rowWords[candidate * p.words + w]')}, ${code.load('rowWords[other * p.words + w]')}); } }
      partials[lane] = sum;
      workgroupBarrier();
      if (part == 0u && at < keptCount) {
        var total = sum;
        for (var i = 1u; i < ${TEAM}u; i++) { total += partials[lane + i]; }
        if (keyOf(${finish}) < keys[c]) { atomicStore(&crowded, 1u); }
      }
      workgroupBarrier();
    }
    if (lane == 0u) {
      candidates = atomicLoad(&crowded);
      if (candidates == 0u) { kept[keptCount] = candidate; }
    }
    if (workgroupUniformLoad(&candidates) == 0u) { keptCount++; }
  }
  workgroupBarrier();
  for (var i = lane; i < ${degree}u; i += ${LANES}u) {
    links[p.linksFrom + row * ${degree}u + i] = select(EMPTY, kept[min(i, ${degree - 1}u)], i < keptCount);
  }
}`;
}
