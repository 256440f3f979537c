/**
 * Rows and queries as the words that kernels read: padded, widened or narrowed, coded. `encodeRows` and `encodeQueries` are
 * the only places where a vector's layout on the GPU is made.
 */
import { bytesPerWord, wordsOf, type RowFormat } from '../kernels/gpu/row-format.ts';
import { codeEngineQuery, type EngineSpace } from '../kernels/scalar/engine-codes.ts';
import { codeQuery, codeRow, type CodeSpace } from '../kernels/scalar/gpu-codes.ts';
import { halfBits } from '../kernels/scalar/gpu-half.ts';

/** How coded rows were coded: by this folder, or by the wasm engine, whose rows come as they are. */
export type RowSpace = CodeSpace | EngineSpace;

export interface EncodedRows {
  /** `count` rows of `wordsOf` words. */
  readonly words: Uint8Array<ArrayBuffer>;
  /** One term a row, or (scale, offset) a query; empty unless coded. */
  readonly terms: Float32Array<ArrayBuffer>;
}

/** Bytes of one row. */
export const rowBytes = (format: RowFormat, dimensions: number): number =>
  wordsOf(format.rowType, dimensions) * bytesPerWord(format.rowType);
/** Bytes of one query. */
export const queryBytes = (format: RowFormat, dimensions: number): number => wordsOf(format.rowType, dimensions) * 16;

/** `rows` is row-major `[count × dimensions]`; for cosine of unit length. `space` is needed for codes. */
export function encodeRows(format: RowFormat, dimensions: number, rows: Float32Array, space: CodeSpace | null): EncodedRows {
  const count = rows.length / dimensions;
  const bytes = rowBytes(format, dimensions);
  const words = new Uint8Array(count * bytes);
  if (format.rowType === 'u7') {
    const terms = new Float32Array(count);
    for (let i = 0; i < count; i++)
      terms[i] = codeRow(
        space!,
        format.distance,
        rows.subarray(i * dimensions, (i + 1) * dimensions),
        words.subarray(i * bytes, (i + 1) * bytes),
      );
    return { words, terms };
  }
  if (format.rowType === 'f16') {
    const halves = new Uint16Array(words.buffer);
    for (let i = 0; i < count; i++) for (let d = 0; d < dimensions; d++) halves[(i * bytes) / 2 + d] = halfBits(rows[i * dimensions + d]);
    return { words, terms: new Float32Array(0) };
  }
  return { words: padFloats(words, bytes, dimensions, rows), terms: new Float32Array(0) };
}

/** `queries` is row-major `[count × dimensions]`. */
export function encodeQueries(format: RowFormat, dimensions: number, queries: Float32Array, space: RowSpace | null): EncodedRows {
  const count = queries.length / dimensions;
  const bytes = queryBytes(format, dimensions);
  const words = new Uint8Array(count * bytes);
  if (format.rowType !== 'u7') return { words: padFloats(words, bytes, dimensions, queries), terms: new Float32Array(0) };
  const terms = new Float32Array(2 * count);
  const code = (query: Float32Array, codes: Uint8Array): readonly [number, number] =>
    'center' in space! ? codeEngineQuery(space, format.distance, query, codes) : codeQuery(space!, format.distance, query, codes);
  for (let i = 0; i < count; i++)
    terms.set(code(queries.subarray(i * dimensions, (i + 1) * dimensions), words.subarray(i * bytes, (i + 1) * bytes)), 2 * i);
  return { words, terms };
}

function padFloats(words: Uint8Array<ArrayBuffer>, bytes: number, dimensions: number, rows: Float32Array): Uint8Array<ArrayBuffer> {
  const floats = new Float32Array(words.buffer);
  const pitch = bytes / 4;
  if (pitch === dimensions) floats.set(rows);
  else for (let i = 0; i * dimensions < rows.length; i++) floats.set(rows.subarray(i * dimensions, (i + 1) * dimensions), i * pitch);
  return words;
}
