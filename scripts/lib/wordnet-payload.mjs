/**
 * The demo's WordNet payload: how it is cut, written and read back (the page's reader is demo/src/wordnet/payload.ts).
 *
 * `demo/public/data/wordnet/`:
 *   manifest.json      counts, the vector code's tables, and size and SHA-256 of every chunk
 *   text-NN.bin        gzip of five columns of UTF-8 lines, columns separated by one empty line:
 *                      words (`|` between), gloss, examples (`|` between), `pos.domain`, use count
 *   vectors-NN.bin     rows × 192 bytes: 4 bits a dimension, dimension 2i in the low half of byte i
 *
 * Chunk NN holds rows NN × ROWS_PER_CHUNK onwards, so text and vectors of a chunk belong together.
 *
 * The code: dimension d of a row is `mean[d] + scale[d] × levels[code]`, the row then scaled to unit length. `levels` are the
 * sixteen reconstruction points of a Lloyd–Max quantizer for the standard normal distribution (Max, 1960), which the
 * dimensions of a sentence embedding follow closely once centred.
 */

export const ROWS_PER_CHUNK = 4096;
export const DIMENSIONS = 384;
export const LEVELS = lloydMaxNormal(16);

/** Reconstruction points of the quantizer of least squared error for N(0, 1), by Lloyd's iteration on a fine grid. */
function lloydMaxNormal(count) {
  const step = 1e-3;
  const grid = Array.from({ length: 10_001 }, (_, i) => -5 + i * step);
  const density = grid.map((x) => Math.exp((-x * x) / 2));
  let levels = Array.from({ length: count }, (_, i) => -3 + (6 * (i + 0.5)) / count);
  for (let round = 0; round < 1_000; round++) {
    const mass = new Array(count).fill(0);
    const moment = new Array(count).fill(0);
    let cell = 0;
    grid.forEach((x, i) => {
      while (cell < count - 1 && x > (levels[cell] + levels[cell + 1]) / 2) cell++;
      mass[cell] += density[i];
      moment[cell] += density[i] * x;
    });
    levels = levels.map((level, i) => (mass[i] === 0 ? level : moment[i] / mass[i]));
  }
  return levels.map((level) => Number(level.toFixed(5)));
}

export function encodeText(synsets) {
  const columns = [
    synsets.map(({ words }) => words.join('|')),
    synsets.map(({ gloss }) => gloss),
    synsets.map(({ examples }) => examples.join('|')),
    synsets.map(({ pos, domain }) => `${pos}.${domain}`),
    synsets.map(({ uses }) => (uses === 0 ? '' : String(uses))),
  ];
  for (const value of columns.flat()) if (value.includes('\n')) throw new Error(`a line break in ${JSON.stringify(value)}`);
  for (const { words, examples } of synsets)
    for (const value of [...words, ...examples]) if (value.includes('|')) throw new Error(`a bar in ${JSON.stringify(value)}`);
  return columns.map((lines) => lines.join('\n')).join('\n\n');
}

/** Mean and standard deviation of every dimension. */
export function measureDimensions(vectors) {
  const rows = vectors.length / DIMENSIONS;
  const mean = new Float64Array(DIMENSIONS);
  const square = new Float64Array(DIMENSIONS);
  for (let at = 0; at < vectors.length; at++) {
    mean[at % DIMENSIONS] += vectors[at] / rows;
    square[at % DIMENSIONS] += (vectors[at] * vectors[at]) / rows;
  }
  const round = (value) => Number(value.toPrecision(6));
  return { mean: [...mean].map(round), scale: [...square].map((value, d) => round(Math.sqrt(value - mean[d] * mean[d]))) };
}

export function encodeVectors(vectors, { mean, scale }) {
  const edges = LEVELS.slice(1).map((level, i) => (level + LEVELS[i]) / 2);
  const codes = new Uint8Array(vectors.length / 2);
  for (let at = 0; at < vectors.length; at++) {
    const d = at % DIMENSIONS;
    const x = (vectors[at] - mean[d]) / scale[d];
    let code = 0;
    while (code < 15 && x > edges[code]) code++;
    codes[at >> 1] |= code << (4 * (at & 1));
  }
  return codes;
}

export function decodeVectors(codes, { mean, scale, levels }) {
  const vectors = new Float32Array(codes.length * 2);
  for (let row = 0; row < vectors.length; row += DIMENSIONS) {
    let squares = 0;
    for (let d = 0; d < DIMENSIONS; d++) {
      const value = mean[d] + scale[d] * levels[(codes[(row + d) >> 1] >> (4 * (d & 1))) & 15];
      vectors[row + d] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    for (let d = 0; d < DIMENSIONS; d++) vectors[row + d] /= length;
  }
  return vectors;
}
