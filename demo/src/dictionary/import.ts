/**
 * Brings the dictionary's text into the database, most used words first, and picks up where an earlier visit stopped.
 *
 * Invariants:
 * - Only one tab imports (Web Lock); the others look on.
 * - Rows are written in order, one slice after another, each acknowledged before the next is counted: so the number of stored
 *   objects says which slices are whole, and a slice that is written again replaces itself (natural keys).
 */
import type { Words } from '../database.ts';
import { type Manifest, type Synset, loadText } from './payload.ts';

/** Objects per call: small enough that encoding them never holds the page for long. */
const SLICE_ROWS = 512;
const LOCK = 'heddle-demo-import';

export interface ImportOptions {
  readonly onProgress: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export async function importDictionary(words: Words, loadManifest: () => Promise<Manifest>, options: ImportOptions): Promise<void> {
  await navigator.locks.request(LOCK, { signal: options.signal }, async () => {
    const manifest = await loadManifest();
    const stored = await words.length();
    options.onProgress(stored, manifest.synsets);
    if (stored >= manifest.synsets) return;
    await importFrom(words, manifest, wholeSlices(stored), options);
  });
}

/** First row that may be missing: what lies before it was written in whole slices. */
export const wholeSlices = (stored: number): number => Math.max(0, Math.floor(stored / SLICE_ROWS)) * SLICE_ROWS;

async function importFrom(words: Words, manifest: Manifest, firstRow: number, { onProgress, signal }: ImportOptions): Promise<void> {
  const firstChunk = Math.floor(firstRow / manifest.rowsPerChunk);
  let ahead = loadText(manifest, firstChunk, signal);
  for (let chunk = firstChunk; chunk < manifest.text.length; chunk++) {
    const text = await ahead;
    if (chunk + 1 < manifest.text.length) {
      ahead = loadText(manifest, chunk + 1, signal);
      // Its failure is met at the await above; until then it is nobody's unhandled rejection.
      ahead.catch(() => undefined);
    }
    for (let from = 0; from < text.count; from += SLICE_ROWS) {
      const end = text.firstRow + Math.min(from + SLICE_ROWS, text.count);
      if (end <= firstRow) continue;
      await words.data.upsertMany(text.synsets(from, from + SLICE_ROWS).map(asObject), { signal });
      onProgress(end, manifest.synsets);
    }
  }
}

const asObject = ({ row, words, gloss, examples, pos, domain, uses }: Synset) => ({
  sense: String(row),
  words,
  gloss,
  examples,
  pos,
  domain,
  uses,
});
