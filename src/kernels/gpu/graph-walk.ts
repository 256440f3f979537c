/**
 * Best-first search of a graph for a batch of queries: one workgroup walks level 0 for one query. The candidate list (the ef
 * nearest seen, sorted, each marked once expanded) and the visited hash are in workgroup memory; eight lanes share a
 * neighbour, so that a row is read in whole cache lines.
 *
 * - The walk ends when every candidate of the list has been expanded, which is HNSW's rule (Malkov and Yashunin 2016,
 *   algorithm 2) with the two heaps folded into one list; at equal ef it finds what the CPU's walk finds, up to rounding.
 * - It starts from `seeds`, rows of the upper levels, all scored at once, instead of descending level by level: on a GPU a
 *   hundred distances cost less than the dependent steps of a descent (CAGRA, Ootomo et al. 2023, starts likewise).
 * - The hash forgets: three quarters full, it is cleared and refilled from the list. A row that fell out of the list and is
 *   met again is scored again and rejected again, since the list's worst only gets better; so no row is ever twice in it.
 * - Deleted rows are walked through like others; the caller drops them.
 *
 * Grid: x + y × gridX = query. Bindings: 0 params, 1 queries (absent when `queryIsRow`), 2 rows, 3 links
 * `[rows × degree]` padded with EMPTY, 4 seeds, 5 out pairs `[query × ef]` of (key, row), 6 (hops, distances) by query,
 * 7 query terms and 8 row terms (`u7`).
 */
import { ORDERED_KEY_WGSL } from './ordered-key.ts';
import { rowFormatCode, type RowFormat } from './row-format.ts';

export const WALK_LANES = 64;
const TEAM = 8;
/** Rows scored in one round: the largest degree that is walked. */
export const WALK_DEGREE_MAX = 64;
/** Seeds above this add little; they are sampled down by the caller. */
export const WALK_SEEDS_MAX = 128;

export interface GraphWalkOptions {
  readonly format: RowFormat;
  /** Width of the candidate list. */
  readonly ef: number;
  readonly degree: number;
  /** Entries of the visited hash, a power of two. */
  readonly hashEntries: number;
  readonly queryIsRow: boolean;
}

/** Bytes of workgroup memory besides the hash. */
const walkBytes = (ef: number, degree: number): number => 4 * (4 * ef + 2 * degree + degree * TEAM + 16);

/** The largest visited hash that fits `workgroupBytes` (at most 4,096 entries), or 0 when a walk of this width does not fit. */
export function walkHashEntries(ef: number, degree: number, workgroupBytes: number): number {
  const room = (workgroupBytes - walkBytes(ef, degree)) / 4;
  const needed = 2 * (ef + degree);
  let entries = 4096;
  while (entries > room) entries /= 2;
  return entries >= needed ? entries : 0;
}

/** Parameters in the order of the uniform block. */
export const walkParams = (p: { queries: number; words: number; firstQuery: number; seeds: number; gridX: number }): number[] => [
  p.queries,
  p.words,
  p.firstQuery,
  p.seeds,
  p.gridX,
];

export function graphWalkWgsl({ format, ef, degree, hashEntries, queryIsRow }: GraphWalkOptions): string {
  const code = rowFormatCode(format);
  const coded = format.rowType === 'u7';
  const queryWord = queryIsRow
    ? code.load('rowWords[(p.firstQuery + query) * p.words + w]')
    : 'queryWords[(p.firstQuery + query) * p.words + w]';
  return `
struct Params { queries: u32, words: u32, firstQuery: u32, seeds: u32, gridX: u32 }
@group(0) @binding(0) var<uniform> p: Params;
${queryIsRow ? '' : `@group(0) @binding(1) var<storage, read> queryWords: array<${code.word}>;`}
@group(0) @binding(2) var<storage, read> rowWords: array<${code.rowElement}>;
@group(0) @binding(3) var<storage, read> links: array<u32>;
@group(0) @binding(4) var<storage, read> seeds: array<u32>;
@group(0) @binding(5) var<storage, read_write> found: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> effort: array<vec2<u32>>;
${coded ? '@group(0) @binding(7) var<storage, read> queryTerms: array<vec2<f32>>;\n@group(0) @binding(8) var<storage, read> rowTerms: array<f32>;' : ''}
const EXPANDED: u32 = 0x80000000u;
const NONE: u32 = 0x7fffffffu;
var<workgroup> listKeys: array<u32, ${2 * ef}>;
var<workgroup> listRows: array<u32, ${2 * ef}>;
var<workgroup> newKeys: array<u32, ${degree}>;
var<workgroup> newRows: array<u32, ${degree}>;
var<workgroup> partials: array<${code.sum}, ${degree * TEAM}>;
var<workgroup> visited: array<atomic<u32>, ${hashEntries}>;
var<workgroup> appended: atomic<u32>;
var<workgroup> occupied: atomic<u32>;
var<workgroup> nearest: atomic<u32>;
var<workgroup> shared0: u32;
var<workgroup> shared1: u32;
${ORDERED_KEY_WGSL}
${code.functions}
fn visit(row: u32) -> bool {
  var at = (row * 2654435769u) >> ${32 - Math.log2(hashEntries)}u;
  for (var probe = 0u; probe < ${hashEntries}u; probe++) {
    let exchanged = atomicCompareExchangeWeak(&visited[at], EMPTY, row);
    if (exchanged.exchanged) { atomicAdd(&occupied, 1u); return true; }
    if (exchanged.old_value == row) { return false; }
    if (exchanged.old_value != EMPTY) { at = (at + 1u) & ${hashEntries - 1}u; }
  }
  return false;
}
@compute @workgroup_size(${WALK_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let query = group.x + group.y * p.gridX;
  if (query >= p.queries) { return; }
  let team = lane / ${TEAM}u; let part = lane % ${TEAM}u;
  var length = 0u; var side = 0u; var hops = 0u; var scored = 0u; var seeded = 0u;
  for (var i = lane; i < ${hashEntries}u; i += ${WALK_LANES}u) { atomicStore(&visited[i], EMPTY); }
  if (lane == 0u) { atomicStore(&occupied, 0u); }
  workgroupBarrier();
  loop {
    if (lane == 0u) { atomicStore(&appended, 0u); atomicStore(&nearest, NONE); }
    workgroupBarrier();
    if (seeded < p.seeds) {
      for (var i = lane; i < min(${degree}u, p.seeds - seeded); i += ${WALK_LANES}u) {
        let row = seeds[seeded + i];
        if (visit(row)) { newRows[atomicAdd(&appended, 1u)] = row; }
      }
      seeded += ${degree}u;
    } else {
      for (var i = lane; i < length; i += ${WALK_LANES}u) {
        if ((listRows[side + i] & EXPANDED) == 0u) { atomicMin(&nearest, i); break; }
      }
      workgroupBarrier();
      if (lane == 0u) {
        let at = atomicLoad(&nearest);
        shared0 = NONE;
        if (at != NONE) { shared0 = listRows[side + at]; listRows[side + at] |= EXPANDED; }
      }
      let row = workgroupUniformLoad(&shared0);
      if (row == NONE) { break; }
      hops++;
      for (var i = lane; i < ${degree}u; i += ${WALK_LANES}u) {
        let neighbour = links[row * ${degree}u + i];
        if (neighbour != EMPTY) { if (visit(neighbour)) { newRows[atomicAdd(&appended, 1u)] = neighbour; } }
      }
    }
    workgroupBarrier();
    if (lane == 0u) { shared0 = atomicLoad(&appended); shared1 = atomicLoad(&occupied); }
    let fresh = workgroupUniformLoad(&shared0);
    let filled = workgroupUniformLoad(&shared1);
    scored += fresh;
    for (var at = team; at < fresh; at += ${WALK_LANES / TEAM}u) {
      let row = newRows[at];
      var sum: ${code.sum} = ${code.zeroSum};
      for (var w = part; w < p.words; w += ${TEAM}u) { sum = addWord(sum, ${queryWord}, ${code.load('rowWords[row * p.words + w]')}); }
      partials[at * ${TEAM}u + part] = sum;
    }
    workgroupBarrier();
    for (var at = lane; at < fresh; at += ${WALK_LANES}u) {
      var total = partials[at * ${TEAM}u];
      for (var i = 1u; i < ${TEAM}u; i++) { total += partials[at * ${TEAM}u + i]; }
      newKeys[at] = keyOf(${code.finish('total', 'queryTerms[p.firstQuery + query]', 'rowTerms[newRows[at]]')});
    }
    workgroupBarrier();
    let other = ${ef}u - side;
    for (var i = lane; i < length; i += ${WALK_LANES}u) {
      let key = listKeys[side + i]; let row = listRows[side + i];
      var rank = i;
      for (var j = 0u; j < fresh; j++) { if (before(newKeys[j], newRows[j], key, row & NONE)) { rank++; } }
      if (rank < ${ef}u) { listKeys[other + rank] = key; listRows[other + rank] = row; }
    }
    for (var j = lane; j < fresh; j += ${WALK_LANES}u) {
      let key = newKeys[j]; let row = newRows[j];
      var low = 0u; var high = length;
      while (low < high) {
        let middle = (low + high) / 2u;
        if (before(listKeys[side + middle], listRows[side + middle] & NONE, key, row)) { low = middle + 1u; } else { high = middle; }
      }
      var rank = low;
      for (var i = 0u; i < fresh; i++) { if (before(newKeys[i], newRows[i], key, row)) { rank++; } }
      if (rank < ${ef}u) { listKeys[other + rank] = key; listRows[other + rank] = row; }
    }
    length = min(length + fresh, ${ef}u);
    side = other;
    workgroupBarrier();
    if (filled > ${Math.floor((hashEntries * 3) / 4)}u - ${degree}u) {
      for (var i = lane; i < ${hashEntries}u; i += ${WALK_LANES}u) { atomicStore(&visited[i], EMPTY); }
      if (lane == 0u) { atomicStore(&occupied, 0u); }
      workgroupBarrier();
      for (var i = lane; i < length; i += ${WALK_LANES}u) { visit(listRows[side + i] & NONE); }
      workgroupBarrier();
    }
  }
  for (var i = lane; i < ${ef}u; i += ${WALK_LANES}u) {
    var pair = vec2<u32>(EMPTY, EMPTY);
    if (i < length) { pair = vec2<u32>(listKeys[side + i], listRows[side + i] & NONE); }
    found[query * ${ef}u + i] = pair;
  }
  if (lane == 0u) { effort[query] = vec2<u32>(hops, scored); }
}`;
}
