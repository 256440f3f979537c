/**
 * The k nearest of many distances, a workgroup for each query and segment: candidates that beat the k-th best so far are
 * appended to a buffer in workgroup memory, which is sorted only when it is full. The best list lives in a storage buffer
 * between dispatches, so that a table larger than the scratch buffer is scanned in chunks.
 *
 * - Order is (distance, id); equal distances never make the answer depend on timing.
 * - Rows with id EMPTY (deleted) and, with `allow`, ids outside the bitset are passed over.
 * - Source `distances`: `distances[query × stride + row]`, ids by row. Source `pairs`: (key, id) lists, which merges segments
 *   and sorts rescored candidates.
 *
 * Grid: x = segment, y = query. Bindings: 0 params, 1 best lists `[query × segments × width]` of (key, id), 2 distances or
 * pairs, 3 ids (`distances`), 4 allow bitset.
 */
import { bitonicSortWgsl } from './bitonic-sort.ts';
import { ORDERED_KEY_WGSL } from './ordered-key.ts';

export const SELECT_LANES = 128;
/** Candidates looked at between two looks at the buffer. */
const STEP = 512;
const BUFFER = 1024;
/** Widths of the best list that are compiled; k takes the next larger one. With the widest, 16 KiB hold list and buffer. */
export const SELECT_WIDTHS = [16, 64, 256, 1000] as const;
export type SelectWidth = (typeof SELECT_WIDTHS)[number];
/** Largest k that the kernels answer; above it the CPU does. */
export const SELECT_K_MAX = 1000;

export function selectWidthFor(k: number): SelectWidth {
  return SELECT_WIDTHS.find((width) => width >= k) ?? 1000;
}

export interface SelectOptions {
  readonly width: SelectWidth;
  readonly source: 'distances' | 'pairs';
  readonly allow: boolean;
}

/** Parameters in the order of the uniform block; `isFirst`: the best lists start empty. */
export const selectParams = (p: {
  count: number;
  stride: number;
  firstRow: number;
  segments: number;
  isFirst: boolean;
  allowBits: number;
}): number[] => [p.count, p.stride, p.firstRow, p.segments, p.isFirst ? 1 : 0, p.allowBits];

export function selectNearestWgsl({ width, source, allow }: SelectOptions): string {
  const fromPairs = source === 'pairs';
  const isAllowed = allow ? '&& id < p.allowBits && ((allowed[id >> 5u] >> (id & 31u)) & 1u) == 1u' : '';
  const take = `if (id != EMPTY && before(key, id, worstKey, worstId) ${isAllowed}) {
          let at = atomicAdd(&appended, 1u);
          keys[at] = key; ids[at] = id;
        }`;
  return `
struct Params { count: u32, stride: u32, firstRow: u32, segments: u32, isFirst: u32, allowBits: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> best: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> ${fromPairs ? 'pairs: array<vec2<u32>>' : 'distances: array<f32>'};
${fromPairs ? '' : '@group(0) @binding(3) var<storage, read> rowIds: array<u32>;'}
${allow ? '@group(0) @binding(4) var<storage, read> allowed: array<u32>;' : ''}
var<workgroup> keys: array<u32, ${width + BUFFER}>;
var<workgroup> ids: array<u32, ${width + BUFFER}>;
var<workgroup> appended: atomic<u32>;
var<workgroup> filled: u32;
${ORDERED_KEY_WGSL}
${bitonicSortWgsl(SELECT_LANES)}
@compute @workgroup_size(${SELECT_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let list = (group.y * p.segments + group.x) * ${width}u;
  for (var i = lane; i < ${width}u; i += ${SELECT_LANES}u) {
    var pair = vec2<u32>(EMPTY, EMPTY);
    if (p.isFirst == 0u) { pair = best[list + i]; }
    keys[i] = pair.x; ids[i] = pair.y;
  }
  if (lane == 0u) { atomicStore(&appended, ${width}u); }
  workgroupBarrier();
  var worstKey = keys[${width - 1}u]; var worstId = ids[${width - 1}u];
  let share = (p.count + p.segments - 1u) / p.segments;
  let first = min(group.x * share, p.count); let to = min(first + share, p.count);
  for (var start = first; start < to; start += ${STEP}u) {
    for (var i = start + lane; i < min(start + ${STEP}u, to); i += ${SELECT_LANES}u) {
      ${
        fromPairs
          ? `let pair = pairs[group.y * p.stride + i]; let key = pair.x; let id = pair.y;\n        ${take}`
          : `let key = keyOf(distances[group.y * p.stride + i]);
      if (key <= worstKey) {
        let id = rowIds[p.firstRow + i];
        ${take}
      }`
      }
    }
    workgroupBarrier();
    if (lane == 0u) { filled = atomicLoad(&appended); }
    let count = workgroupUniformLoad(&filled);
    if (count > ${width + BUFFER - STEP}u || (start + ${STEP}u >= to && count > ${width}u)) {
      sortPairs(count, lane);
      worstKey = keys[${width - 1}u]; worstId = ids[${width - 1}u];
      if (lane == 0u) { atomicStore(&appended, ${width}u); }
      workgroupBarrier();
    }
  }
  for (var i = lane; i < ${width}u; i += ${SELECT_LANES}u) { best[list + i] = vec2<u32>(keys[i], ids[i]); }
}`;
}
