/**
 * How rows lie in GPU memory and how one word of a row adds to a distance: the part that all distance kernels share.
 *
 * - `f32`: four floats a word (16 bytes). `f16`: four half floats a word (8 bytes), widened when loaded, so that no device
 *   feature is needed. `u7`: sixteen 7-bit codes a word (16 bytes), rows 0..127, the query signed 8-bit.
 * - Rows are padded with zeros to whole words; padding adds nothing to any distance.
 * - Cosine takes rows and queries of unit length (or zero): the distance is 1 − dot. Dot is negated, as everywhere in Heddle.
 * - For `u7` the distance is affine in an integer sum: `offset + rowTerm + scale × sum`, with scale and offset for each query
 *   and one term for each row. The sum is Σ q·c (cosine, dot, l2-squared), Σ |q − c| (manhattan) or the number of differing
 *   codes (hamming); for the last two the query is coded as a row is.
 *
 * Callers: the kernel generators beside this file. The CPU's version of the same arithmetic is `kernels/scalar/gpu-distance.ts`.
 */
import type { Distance } from '../../schema/collection-schema.ts';

export type RowType = 'f32' | 'f16' | 'u7';

export interface RowFormat {
  readonly rowType: RowType;
  readonly distance: Distance;
  /** The device has `packed_4x8_integer_dot_product`; otherwise the same sum is spelled out. */
  readonly packedDot: boolean;
}

/** Dimensions held by one word. */
export const dimensionsPerWord = (rowType: RowType): number => (rowType === 'u7' ? 16 : 4);
/** Bytes of one word. */
export const bytesPerWord = (rowType: RowType): number => (rowType === 'f16' ? 8 : 16);
/** Words of a row of `dimensions`. */
export const wordsOf = (rowType: RowType, dimensions: number): number => Math.ceil(dimensions / dimensionsPerWord(rowType));

/** WGSL names and functions for one format; `addWord` adds a word, `finish` turns a sum into a distance. */
export interface RowFormatCode {
  /** Element type of the row buffer. */
  readonly rowElement: string;
  /** Element type of the query buffer and of a loaded word. */
  readonly word: string;
  readonly zeroWord: string;
  readonly sum: string;
  readonly zeroSum: string;
  /** A row word as loaded from the buffer, given the expression that reads it. */
  load(expression: string): string;
  /** Declares `fn addWord(sum, q, r)`. */
  readonly functions: string;
  /** The distance of `sum`; for `u7` the expressions of the query's (scale, offset) and of the row's term. */
  finish(sum: string, queryTerm: string, rowTerm: string): string;
}

const FLOAT_STEP: Record<Distance, string> = {
  cosine: 'return sum + dot(q, r);',
  dot: 'return sum + dot(q, r);',
  'l2-squared': 'let d = q - r; return sum + dot(d, d);',
  manhattan: 'return sum + dot(abs(q - r), vec4<f32>(1.0));',
  hamming: 'return sum + dot(select(vec4<f32>(0.0), vec4<f32>(1.0), q != r), vec4<f32>(1.0));',
};

const PACKED_DOT = 'fn dot4(a: u32, b: u32) -> i32 { return dot4I8Packed(a, b); }';
const SPELLED_DOT = `fn dot4(a: u32, b: u32) -> i32 {
  let x = bitcast<i32>(a); let y = bitcast<i32>(b);
  return ((x << 24u) >> 24u) * ((y << 24u) >> 24u) + ((x << 16u) >> 24u) * ((y << 16u) >> 24u)
    + ((x << 8u) >> 24u) * ((y << 8u) >> 24u) + (x >> 24u) * (y >> 24u);
}`;
/** Codes stay below 128, so that setting the top bit of each byte of `a` keeps a borrow from leaving its byte. */
const ABSOLUTE_4 = `fn absolute4(a: u32, b: u32) -> i32 {
  let t = (a | 0x80808080u) - b;
  return abs(i32(t & 255u) - 128) + abs(i32((t >> 8u) & 255u) - 128) + abs(i32((t >> 16u) & 255u) - 128) + abs(i32(t >> 24u) - 128);
}`;
const DIFFERING_4 = `fn differing4(a: u32, b: u32) -> i32 {
  let x = a ^ b;
  return i32(countOneBits((((x & 0x7f7f7f7fu) + 0x7f7f7f7fu) | x) & 0x80808080u));
}`;

function codeStep(format: RowFormat): string {
  const four = (name: string): string => `return sum + ${name}(q.x, r.x) + ${name}(q.y, r.y) + ${name}(q.z, r.z) + ${name}(q.w, r.w);`;
  const step = (helper: string, name: string): string =>
    `${helper}\nfn addWord(sum: i32, q: vec4<u32>, r: vec4<u32>) -> i32 { ${four(name)} }`;
  if (format.distance === 'manhattan') return step(ABSOLUTE_4, 'absolute4');
  if (format.distance === 'hamming') return step(DIFFERING_4, 'differing4');
  return step(format.packedDot ? PACKED_DOT : SPELLED_DOT, 'dot4');
}

function finishFloat(distance: Distance, sum: string): string {
  if (distance === 'cosine') return `(1.0 - ${sum})`;
  return distance === 'dot' ? `(-${sum})` : `(${sum})`;
}

/** The WGSL of one format. */
export function rowFormatCode(format: RowFormat): RowFormatCode {
  if (format.rowType === 'u7') {
    return {
      rowElement: 'vec4<u32>',
      word: 'vec4<u32>',
      zeroWord: 'vec4<u32>(0u)',
      sum: 'i32',
      zeroSum: '0',
      load: (expression) => expression,
      functions: codeStep(format),
      finish: (sum, queryTerm, rowTerm) => `(${queryTerm}.y + ${rowTerm} + ${queryTerm}.x * f32(${sum}))`,
    };
  }
  const half = format.rowType === 'f16';
  return {
    rowElement: half ? 'vec2<u32>' : 'vec4<f32>',
    word: 'vec4<f32>',
    zeroWord: 'vec4<f32>(0.0)',
    sum: 'f32',
    zeroSum: '0.0',
    load: (expression) => (half ? `widen(${expression})` : expression),
    functions: `${half ? 'fn widen(h: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(h.x), unpack2x16float(h.y)); }\n' : ''}fn addWord(sum: f32, q: vec4<f32>, r: vec4<f32>) -> f32 { ${FLOAT_STEP[format.distance]} }`,
    finish: (sum) => finishFloat(format.distance, sum),
  };
}

/** A name for caches and reports: `u7-cosine`. */
export const formatName = (format: RowFormat): string => `${format.rowType}-${format.distance}${format.packedDot ? '' : '-spelled'}`;
