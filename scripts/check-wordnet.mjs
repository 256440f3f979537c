/**
 * Asks the committed 4-bit vectors the twenty descriptions, by exact scan, and prints where each answer ranks; exits with 1
 * when fewer than sixteen are among the first five. (Set-up: lib/native-minilm.mjs.)
 *
 * Usage: node scripts/check-wordnet.mjs
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSynsets } from './build-wordnet.mjs';
import { embedTokens, tokenIds } from './lib/native-minilm.mjs';
import { demoData } from './lib/paths.mjs';
import { REVERSE_QUERIES } from './lib/reverse-queries.mjs';
import { DIMENSIONS, decodeVectors } from './lib/wordnet-payload.mjs';

const WANTED = 16;
/** How the demo puts a description to the model (demo/src/dictionary/meaning.ts). */
const PHRASE = 'what is the word for {}?';
const folder = join(demoData, 'wordnet');
const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
const synsets = buildSynsets();
const chunks = manifest.vectors.map(({ file }) => decodeVectors(readFileSync(join(folder, file)), manifest));

let hits = 0;
for (const [query, answers] of REVERSE_QUERIES) {
  const vector = await embedTokens([tokenIds(PHRASE.replace('{}', query))]);
  const scores = chunks.flatMap((rows) => scan(rows, vector));
  const ranked = scores.map((score, row) => ({ score, ...synsets[row] })).sort((a, b) => b.score - a.score);
  const rank = ranked.findIndex(({ words }) => words.some((word) => answers.includes(word.toLowerCase()))) + 1;
  if (rank >= 1 && rank <= 5) hits++;
  console.log(
    `${String(rank).padStart(4)}  ${query} → ${ranked
      .slice(0, 5)
      .map(({ words, score }) => `${words[0]} ${score.toFixed(2)}`)
      .join(' · ')}`,
  );
}
console.log(`${hits} of ${REVERSE_QUERIES.length} in the first five`);
process.exitCode = hits >= WANTED ? 0 : 1;

function scan(rows, vector) {
  const scores = [];
  for (let row = 0; row < rows.length; row += DIMENSIONS) {
    let dot = 0;
    for (let d = 0; d < DIMENSIONS; d++) dot += rows[row + d] * vector[d];
    scores.push(dot);
  }
  return scores;
}
