/**
 * Embeds every synset twice with all-MiniLM-L6-v2 (8-bit), into `.cache/wordnet/`:
 *   gloss.f32        the definition alone
 *   words-gloss.f32  "word, word: definition"
 * both row-major f32 [synsets × 384], unit length, rows in the order of `.cache/wordnet/synsets.jsonl`.
 *
 * Needed only to make the committed vectors again, or by benchmarks: a few minutes on two cores (set-up: lib/native-minilm.mjs).
 *
 * Usage: node scripts/embed-wordnet.mjs
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSynsets } from './build-wordnet.mjs';
import { embedTokens, tokenIds } from './lib/native-minilm.mjs';
import { wordnetCache } from './lib/paths.mjs';
import { DIMENSIONS } from './lib/wordnet-payload.mjs';

/** The 8-bit model scales activations per batch: small batches keep a row's vector close to what it is alone. */
const BATCH_ROWS = 16;

const synsets = buildSynsets();
await embedAll(
  'gloss.f32',
  synsets.map(({ gloss }) => gloss),
);
await embedAll(
  'words-gloss.f32',
  synsets.map(({ words, gloss }) => `${words.join(', ')}: ${gloss}`),
);

async function embedAll(name, texts) {
  const path = join(wordnetCache, name);
  if (existsSync(path)) return console.log(`${path}: already there`);
  const started = Date.now();
  const ids = texts.map(tokenIds);
  const order = ids.map((_, row) => row).sort((a, b) => ids[a].length - ids[b].length);
  const vectors = new Float32Array(texts.length * DIMENSIONS);
  for (let from = 0; from < order.length; from += BATCH_ROWS) {
    const rows = order.slice(from, from + BATCH_ROWS);
    const embedded = await embedTokens(rows.map((row) => ids[row]));
    rows.forEach((row, i) => vectors.set(embedded.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS), row * DIMENSIONS));
    if (from % 16_000 === 0) console.log(`${name}: ${from} of ${texts.length}, ${Math.round((Date.now() - started) / 1000)} s`);
  }
  writeFileSync(`${path}.part`, vectors);
  renameSync(`${path}.part`, path);
}
