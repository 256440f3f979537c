import { expect, test } from 'vitest';
import { type FeatureExtractor, transformers } from './index.ts';

/** A pipeline whose model reads at most 4 words and gives [word count, letters]. */
function pipeline(calls: string[][] = [], dimensions = 2): FeatureExtractor {
  const words = (text: string) => text.split(' ').length;
  const extract = async (texts: string[]) => {
    calls.push(texts);
    return { data: Float32Array.from(texts.flatMap((text) => [words(text), text.length])), dims: [texts.length, dimensions] };
  };
  const tokenizer = Object.assign((text: string) => ({ input_ids: { dims: [1, words(text)] } }), { model_max_length: 4 });
  return Object.assign(extract, { tokenizer });
}

test('texts go in batches, each with the prefix of its purpose, and come back in order', async () => {
  const calls: string[][] = [];
  const vectorizer = transformers(pipeline(calls), { id: 'm', dimensions: 2, queryPrefix: 'Q ', batchSize: 2 });
  const vectors = await vectorizer.embed(['a', 'b c', 'd'], { purpose: 'query' });
  expect(calls).toEqual([['Q a', 'Q b c'], ['Q d']]);
  expect(vectors).toEqual([Float32Array.of(2, 3), Float32Array.of(3, 5), Float32Array.of(2, 3)]);
});

test('a text longer than the model reads is refused by its number, before anything is embedded', async () => {
  const calls: string[][] = [];
  const result = transformers(pipeline(calls), { id: 'm', dimensions: 2 }).embed(['a', 'a b c d e'], { purpose: 'document' });
  await expect(result).rejects.toMatchObject({ code: 'VectorizerFailed', details: { index: 1, tokens: 5, tokensMax: 4 } });
  expect(calls).toEqual([]);
});

test('a model of other dimensions is refused', async () => {
  const result = transformers(pipeline([], 3), { id: 'm', dimensions: 2 }).embed(['a'], { purpose: 'query' });
  await expect(result).rejects.toMatchObject({ code: 'VectorizerFailed' });
});
