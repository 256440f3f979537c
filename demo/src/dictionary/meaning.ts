/**
 * The dictionary's vectorizer: its documents bring their vectors with them (23 MB made ahead of time, see
 * scripts/embed-wordnet.mjs), its queries are embedded on the device by the same model.
 */
import type { Vectorizer } from 'heddle';
import type { Minilm } from 'heddle/minilm';
import { type Manifest, decodeVector, loadVectors } from './payload.ts';

/** Chunks of codes kept: objects come roughly in row order, so few are needed at a time. */
const CHUNKS_MAX = 4;

/** A description asks for a word; put so, the model finds two more of twenty (scripts/check-wordnet.mjs). */
export const asQuestion = (description: string): string => `what is the word for ${description.trim()}?`;

/** @param manifest asked for only when the first document wants its vector */
export function dictionaryVectorizer(model: Minilm, manifest: () => Promise<Manifest>): Vectorizer {
  const chunks = new Map<number, Promise<Uint8Array>>();

  const chunkOf = (number: number, tables: Manifest): Promise<Uint8Array> => {
    const codes = chunks.get(number) ?? loadVectors(tables, number);
    chunks.delete(number);
    chunks.set(number, codes);
    codes.catch(() => chunks.delete(number));
    for (const oldest of chunks.keys()) {
      if (chunks.size <= CHUNKS_MAX) break;
      chunks.delete(oldest);
    }
    return codes;
  };

  const shipped = async (row: number): Promise<Float32Array> => {
    const tables = await manifest();
    const codes = await chunkOf(Math.floor(row / tables.rowsPerChunk), tables);
    return decodeVector(tables, codes, row % tables.rowsPerChunk);
  };

  return {
    id: `wordnet+${model.id}`,
    dimensions: model.dimensions,
    embed(texts, options) {
      if (options.purpose === 'query') return model.embed(texts.map(asQuestion), options);
      return Promise.all(texts.map((row) => shipped(Number(row))));
    },
  };
}
