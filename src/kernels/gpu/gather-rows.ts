/**
 * Copies rows by number into a table of their own (the rows of an upper level of a graph). Rows are copied as words of 32
 * bits, whatever their format. Grid: x + y × gridX = block of 256 words. Bindings: 0 params, 1 rows, 2 row numbers, 3 out.
 */
export const GATHER_LANES = 256;

/** Parameters in the order of the uniform block; `wordsOfRow` counts 32-bit words. */
export const gatherParams = (p: { rows: number; wordsOfRow: number; gridX: number }): number[] => [p.rows, p.wordsOfRow, p.gridX];

export const gatherRowsWgsl = (): string => `
struct Params { rows: u32, wordsOfRow: u32, gridX: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> rowWords: array<u32>;
@group(0) @binding(2) var<storage, read> numbers: array<u32>;
@group(0) @binding(3) var<storage, read_write> gathered: array<u32>;
@compute @workgroup_size(${GATHER_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * p.gridX) * ${GATHER_LANES}u + lane;
  if (at >= p.rows * p.wordsOfRow) { return; }
  gathered[at] = rowWords[numbers[at / p.wordsOfRow] * p.wordsOfRow + at % p.wordsOfRow];
}`;
