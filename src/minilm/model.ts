/**
 * The model itself: tokenizer, ONNX session, pooling. Runs in the worker only.
 *
 * One text at a time: the 8-bit model scales its activations over the whole batch, so a text embedded beside others would get
 * a slightly different vector each time; and on one thread a batch is no faster.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceSession, Tensor, env } from 'onnxruntime-web/wasm';
import { HeddleError } from '../core/errors.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { DIMENSIONS, type MinilmUrls } from './messages.ts';
import { addWindow, toUnitLength } from './pooling.ts';
import { cutWindows } from './window.ts';

export interface Model {
  /** Unit vector of `DIMENSIONS` numbers. */
  embed(text: string): Promise<Float32Array>;
}

export async function loadModel(
  urls: MinilmUrls,
  threads: number,
  onProgress: (loadedBytes: number, totalBytes: number) => void,
): Promise<Model> {
  env.wasm.wasmPaths = { wasm: urls.wasm };
  env.wasm.numThreads = threads;
  startRuntime();
  const [tokenizer, weights] = await Promise.all([loadTokenizer(urls), fetchBytes(urls.model, onProgress)]);
  const session = await InferenceSession.create(weights, { executionProviders: ['wasm'] });
  // The session has its own copy; this one goes now, not when there happens to be a collection.
  structuredClone(weights.buffer, { transfer: [weights.buffer] });
  // The first run compiles what the model needs: better now than under someone's first query.
  await run(session, tokenizer.encode('').ids);
  return {
    async embed(text) {
      const sum = new Float32Array(DIMENSIONS);
      for (const window of cutWindows(tokenizer.encode(text).ids)) addWindow(sum, await run(session, window), 0, window.length);
      toUnitLength(sum);
      return sum;
    },
  };
}

/**
 * Loads the runtime's wasm beside the model instead of after it: the runtime has no call for that, but asked for a session of
 * nothing it loads before it refuses. What else fails, fails again where the model's session is made.
 */
function startRuntime(): void {
  InferenceSession.create(new Uint8Array(0), { executionProviders: ['wasm'], logSeverityLevel: 4 }).catch(() => undefined);
}

async function loadTokenizer(urls: MinilmUrls): Promise<Tokenizer> {
  const [tokenizer, config] = await Promise.all([fetchJson(urls.tokenizer), fetchJson(urls.tokenizerConfig)]);
  return new Tokenizer(tokenizer, config);
}

async function fetchJson(url: string): Promise<object> {
  return JSON.parse(new TextDecoder().decode(await fetchBytes(url))) as object;
}

/** Token states of one window, row-major `[tokens × DIMENSIONS]`. */
async function run(session: InferenceSession, ids: readonly number[]): Promise<Float32Array> {
  const shape = [1, ids.length];
  const outputs = await session.run({
    input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
    token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), shape),
  });
  const states = outputs.last_hidden_state.data;
  if (!(states instanceof Float32Array) || states.length !== ids.length * DIMENSIONS)
    throw new HeddleError('VectorizerFailed', `minilm: the model gave ${states.length} numbers for ${ids.length} tokens`, {
      hint: 'the model URL must name all-MiniLM-L6-v2 with the output last_hidden_state',
    });
  return states;
}
