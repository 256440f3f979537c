/**
 * Reads the WordNet payload that scripts/build-wordnet.mjs wrote (its layout: scripts/lib/wordnet-payload.mjs).
 *
 * Every chunk is checked against the manifest's SHA-256 before it is used; a damaged or truncated one is an error, never a
 * shorter dictionary.
 */

export interface Synset {
  readonly row: number;
  readonly words: string[];
  readonly gloss: string;
  readonly examples: string[];
  readonly pos: string;
  readonly domain: string;
  readonly uses: number;
}

interface Chunk {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly version: number;
  readonly synsets: number;
  readonly rowsPerChunk: number;
  readonly dimensions: number;
  readonly model: string;
  readonly text: readonly Chunk[];
  readonly vectors: readonly Chunk[];
  /** Value of dimension d for code c: `mean[d] + scale[d] × levels[c]`. */
  readonly levels: readonly number[];
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

const FOLDER = '/data/wordnet/';
const VERSION = 1;

export async function loadManifest(signal?: AbortSignal): Promise<Manifest> {
  const response = await fetch(`${FOLDER}manifest.json`, { signal });
  if (!response.ok) throw new Error(`manifest.json answered ${response.status}`);
  const manifest = (await response.json()) as Manifest;
  if (manifest.version !== VERSION) throw new Error(`the dictionary has format ${manifest.version}, this page reads ${VERSION}: reload`);
  return manifest;
}

/** A chunk of text, unpacked; its synsets are made as they are asked for, so that no one step is long. */
export interface TextChunk {
  readonly firstRow: number;
  readonly count: number;
  /** Synsets `from` to `to` (exclusive) of the chunk, in row order. */
  synsets(from: number, to: number): Synset[];
}

export async function loadText(manifest: Manifest, number: number, signal?: AbortSignal): Promise<TextChunk> {
  const packed = await loadChunk(manifest.text[number], signal);
  const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  const [words, glosses, examples, kinds, uses] = splitColumns(text, 5);
  const firstRow = number * manifest.rowsPerChunk;
  const synset = (i: number): Synset => {
    const [pos, domain] = kinds[i].split('.');
    return {
      row: firstRow + i,
      words: words[i].split('|'),
      gloss: glosses[i],
      examples: examples[i] === '' ? [] : examples[i].split('|'),
      pos,
      domain,
      uses: Number(uses[i]),
    };
  };
  return {
    firstRow,
    count: glosses.length,
    synsets: (from, to) => Array.from({ length: Math.min(to, glosses.length) - from }, (_, i) => synset(from + i)),
  };
}

/** Columns of equally many lines, joined by one empty line. Lines may be empty, so the length decides, not the blank line. */
function splitColumns(text: string, count: number): string[][] {
  const lines = text.split('\n');
  const rows = (lines.length - (count - 1)) / count;
  if (!Number.isInteger(rows)) throw new Error(`a text chunk has ${lines.length} lines, which is not ${count} equal columns`);
  return Array.from({ length: count }, (_, column) => lines.slice(column * (rows + 1), column * (rows + 1) + rows));
}

/** The 4-bit codes of chunk `number`, `dimensions / 2` bytes a row. */
export function loadVectors(manifest: Manifest, number: number, signal?: AbortSignal): Promise<Uint8Array> {
  return loadChunk(manifest.vectors[number], signal);
}

/** The unit vector of row `index` of a chunk of codes. */
export function decodeVector({ dimensions, levels, mean, scale }: Manifest, codes: Uint8Array, index: number): Float32Array {
  const vector = new Float32Array(dimensions);
  const from = (index * dimensions) / 2;
  let squares = 0;
  for (let d = 0; d < dimensions; d++) {
    const code = (codes[from + (d >> 1)] >> (4 * (d & 1))) & 15;
    const value = mean[d] + scale[d] * levels[code];
    vector[d] = value;
    squares += value * value;
  }
  const unit = 1 / Math.sqrt(squares);
  for (let d = 0; d < dimensions; d++) vector[d] *= unit;
  return vector;
}

async function loadChunk({ file, sha256 }: Chunk, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(FOLDER + file, { signal });
  if (!response.ok) throw new Error(`${file} answered ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== sha256) throw new Error(`${file} arrived damaged`);
  return bytes;
}
