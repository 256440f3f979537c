/**
 * Exact distances of the candidates that a walk over codes found: rescoring. A workgroup for each query; eight lanes share a
 * candidate so that a row is read in whole cache lines. Row numbers become ids on the way (EMPTY for deleted rows), so that
 * `select-nearest` over pairs breaks ties by id.
 *
 * Grid: x = query. Bindings: 0 params, 1 queries, 2 rows, 3 pairs in `[query × stride]` of (key, row), 4 pairs out
 * `[query × count]`, 5 ids by row, 6 query terms and 7 row terms (`u7`).
 */
import { ORDERED_KEY_WGSL } from './ordered-key.ts';
import { rowFormatCode, type RowFormat } from './row-format.ts';

const LANES = 64;
const TEAM = 8;

/** Parameters in the order of the uniform block. */
export const scorePairsParams = (p: { words: number; count: number; stride: number }): number[] => [p.words, p.count, p.stride];

export function scorePairsWgsl(format: RowFormat): string {
  const code = rowFormatCode(format);
  const coded = format.rowType === 'u7';
  return `
struct Params { words: u32, count: u32, stride: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> queryWords: array<${code.word}>;
@group(0) @binding(2) var<storage, read> rowWords: array<${code.rowElement}>;
@group(0) @binding(3) var<storage, read> found: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> scored: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read> rowIds: array<u32>;
${coded ? '@group(0) @binding(6) var<storage, read> queryTerms: array<vec2<f32>>;\n@group(0) @binding(7) var<storage, read> rowTerms: array<f32>;' : ''}
var<workgroup> partials: array<${code.sum}, ${LANES}>;
${ORDERED_KEY_WGSL}
${code.functions}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let query = group.x; let team = lane / ${TEAM}u; let part = lane % ${TEAM}u;
  for (var start = 0u; start < p.count; start += ${LANES / TEAM}u) {
    let at = start + team;
    var row = EMPTY;
    if (at < p.count) { row = found[query * p.stride + at].y; }
    var sum: ${code.sum} = ${code.zeroSum};
    if (row != EMPTY) {
      for (var w = part; w < p.words; w += ${TEAM}u) { sum = addWord(sum, queryWords[query * p.words + w], ${code.load('rowWords[row * p.words + w]')}); }
    }
    partials[lane] = sum;
    workgroupBarrier();
    if (part == 0u && at < p.count) {
      var pair = vec2<u32>(EMPTY, EMPTY);
      if (row != EMPTY && rowIds[row] != EMPTY) {
        var total = sum;
        for (var i = 1u; i < ${TEAM}u; i++) { total += partials[lane + i]; }
        pair = vec2<u32>(keyOf(${code.finish('total', 'queryTerms[query]', 'rowTerms[row]')}), rowIds[row]);
      }
      scored[query * p.count + at] = pair;
    }
    workgroupBarrier();
  }
}`;
}
