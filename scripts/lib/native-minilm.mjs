/**
 * all-MiniLM-L6-v2 (8-bit) on the native runtime, for the data scripts. The runtime is no dependency of the project:
 *   npm install --ignore-scripts --prefix .cache/embed onnxruntime-node@1.30.0 @huggingface/tokenizers@0.2.0
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fetchModel } from '../fetch-model.mjs';
import { embedTools } from './paths.mjs';
import { DIMENSIONS } from './wordnet-payload.mjs';

const require = createRequire(join(embedTools, 'package.json'));
const ort = require('onnxruntime-node');
const { Tokenizer } = require('@huggingface/tokenizers');

const folder = fetchModel();
const json = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const tokenizer = new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
const session = await ort.InferenceSession.create(join(folder, 'model_quantized.onnx'), { intraOpNumThreads: 2 });

export const tokenIds = (text) => tokenizer.encode(text).ids;

/** Mean of the token states under the attention mask, then unit length. */
export async function embedTokens(batch) {
  const width = Math.max(...batch.map((ids) => ids.length));
  const ids = new BigInt64Array(batch.length * width);
  const mask = new BigInt64Array(batch.length * width);
  batch.forEach((tokens, row) =>
    tokens.forEach((token, i) => {
      ids[row * width + i] = BigInt(token);
      mask[row * width + i] = 1n;
    }),
  );
  const shape = [batch.length, width];
  const { last_hidden_state: states } = await session.run({
    input_ids: new ort.Tensor('int64', ids, shape),
    attention_mask: new ort.Tensor('int64', mask, shape),
    token_type_ids: new ort.Tensor('int64', new BigInt64Array(ids.length), shape),
  });
  const out = new Float32Array(batch.length * DIMENSIONS);
  batch.forEach((tokens, row) => {
    let squares = 0;
    for (let d = 0; d < DIMENSIONS; d++) {
      let sum = 0;
      for (let i = 0; i < tokens.length; i++) sum += states.data[(row * width + i) * DIMENSIONS + d];
      out[row * DIMENSIONS + d] = sum;
      squares += sum * sum;
    }
    const scale = 1 / Math.sqrt(squares);
    for (let d = 0; d < DIMENSIONS; d++) out[row * DIMENSIONS + d] *= scale;
  });
  return out;
}
