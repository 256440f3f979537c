/**
 * Distances of a block of queries to a block of rows, tiled as a matrix product is: a workgroup stages a tile of queries and a
 * tile of rows in workgroup memory, every invocation keeps `each × each` sums in registers, so that one loaded word serves
 * many sums. Writes `distances[q × stride + r]`.
 *
 * - Rows are taken in order from `firstRow`, or through a list of row numbers (`gather`), which is how a sparse allow-list is
 *   scanned without touching the others.
 * - `queryIsRow`: the queries are rows of the same table from `firstQuery` on (graph building). With the parameter
 *   `earlierOnly`, rows that do not lie before the query are put at the distance `FAR`.
 * - Nothing is written outside `queries × rows`.
 *
 * Bindings: 0 params, 1 queries (absent when `queryIsRow`), 2 rows, 3 distances, 4 row list (`gather`),
 * 5 query terms and 6 row terms (`u7`).
 */
import { rowFormatCode, type RowFormat } from './row-format.ts';

/** How the work of a workgroup is laid out; which is fastest depends on the device and is found by calibration. */
export interface TileShape {
  /** Invocations along rows and along queries. */
  readonly lanes: number;
  /** Rows and queries kept by each invocation. */
  readonly each: number;
  /** Words staged at a time. */
  readonly words: number;
}

/** 64 × 64, 128 × 128 and 32 × 32 tiles; workgroup memory stays below the 16 KiB that every device has. */
export const TILE_SHAPES: readonly TileShape[] = [
  { lanes: 16, each: 4, words: 4 },
  { lanes: 16, each: 8, words: 2 },
  { lanes: 8, each: 4, words: 8 },
];

export interface TileDistancesOptions {
  readonly format: RowFormat;
  readonly shape: TileShape;
  readonly gather: boolean;
  readonly queryIsRow: boolean;
}

/** Queries and rows that one workgroup covers along each side. */
export const tileSide = (shape: TileShape): number => shape.lanes * shape.each;

/** Parameters in the order of the uniform block. */
export const tileParams = (p: {
  queries: number;
  rows: number;
  words: number;
  firstRow: number;
  firstQuery: number;
  stride: number;
  earlierOnly?: boolean;
}): number[] => [p.queries, p.rows, p.words, p.firstRow, p.firstQuery, p.stride, p.earlierOnly ? 1 : 0];

export function tileDistancesWgsl({ format, shape, gather, queryIsRow }: TileDistancesOptions): string {
  const code = rowFormatCode(format);
  const coded = format.rowType === 'u7';
  const side = tileSide(shape);
  const pitch = shape.words | 1;
  const range = Array.from({ length: shape.each }, (_, i) => i);
  const pairs = range.flatMap((i) => range.map((j) => [i, j] as const));
  const rowAt = gather ? 'rowList[p.firstRow + r]' : 'p.firstRow + r';
  const queryAt = '(p.firstQuery + q) * p.words + w';
  return `
struct Params { queries: u32, rows: u32, words: u32, firstRow: u32, firstQuery: u32, stride: u32, earlierOnly: u32 }
const FAR: f32 = 3.4e38;
@group(0) @binding(0) var<uniform> p: Params;
${queryIsRow ? '' : `@group(0) @binding(1) var<storage, read> queryWords: array<${code.word}>;`}
@group(0) @binding(2) var<storage, read> rowWords: array<${code.rowElement}>;
@group(0) @binding(3) var<storage, read_write> distances: array<f32>;
${gather ? '@group(0) @binding(4) var<storage, read> rowList: array<u32>;' : ''}
${coded ? '@group(0) @binding(5) var<storage, read> queryTerms: array<vec2<f32>>;\n@group(0) @binding(6) var<storage, read> rowTerms: array<f32>;' : ''}
var<workgroup> queryTile: array<${code.word}, ${side * pitch}>;
var<workgroup> rowTile: array<${code.word}, ${side * pitch}>;
${code.functions}
@compute @workgroup_size(${shape.lanes}, ${shape.lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let firstTileRow = group.x * ${side}u; let firstTileQuery = group.y * ${side}u;
${pairs.map(([i, j]) => `  var s_${i}_${j}: ${code.sum} = ${code.zeroSum};`).join('\n')}
  for (var start = 0u; start < p.words; start += ${shape.words}u) {
    for (var i = index; i < ${side * shape.words}u; i += ${shape.lanes * shape.lanes}u) {
      let line = i / ${shape.words}u; let column = i % ${shape.words}u; let w = start + column;
      let q = firstTileQuery + line; let r = firstTileRow + line;
      var queryWord = ${code.zeroWord}; var rowWord = ${code.zeroWord};
      if (w < p.words && q < p.queries) { queryWord = ${queryIsRow ? code.load(`rowWords[${queryAt}]`) : `queryWords[${queryAt}]`}; }
      if (w < p.words && r < p.rows) { rowWord = ${code.load(`rowWords[(${rowAt}) * p.words + w]`)}; }
      queryTile[line * ${pitch}u + column] = queryWord;
      rowTile[line * ${pitch}u + column] = rowWord;
    }
    workgroupBarrier();
    for (var c = 0u; c < ${shape.words}u; c++) {
${range.map((i) => `      let q_${i} = queryTile[(lane.y + ${i * shape.lanes}u) * ${pitch}u + c]; let r_${i} = rowTile[(lane.x + ${i * shape.lanes}u) * ${pitch}u + c];`).join('\n')}
${pairs.map(([i, j]) => `      s_${i}_${j} = addWord(s_${i}_${j}, q_${i}, r_${j});`).join('\n')}
    }
    workgroupBarrier();
  }
${range.map((i) => `  let q${i} = firstTileQuery + lane.y + ${i * shape.lanes}u; let r${i} = firstTileRow + lane.x + ${i * shape.lanes}u;`).join('\n')}
${pairs
  .map(([i, j]) => {
    const row = gather ? `rowList[p.firstRow + r${j}]` : `p.firstRow + r${j}`;
    const distance = code.finish(`s_${i}_${j}`, `queryTerms[p.firstQuery + q${i}]`, `rowTerms[${row}]`);
    const isLater = `p.earlierOnly == 1u && p.firstRow + r${j} >= p.firstQuery + q${i}`;
    const value = queryIsRow ? `select(${distance}, FAR, ${isLater})` : distance;
    return `  if (q${i} < p.queries && r${j} < p.rows) { distances[q${i} * p.stride + r${j}] = ${value}; }`;
  })
  .join('\n')}
}`;
}
