import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchModel } from '../../scripts/fetch-model.mjs';
import { serveFolder } from '../../scripts/lib/static-server.mjs';
import { type Model, loadModel } from './model.ts';
import { TOKENS_MAX } from './window.ts';

let model: Model;
let server: Awaited<ReturnType<typeof serveFolder>>;
const progress: number[] = [];

beforeAll(async () => {
  server = await serveFolder(fetchModel(), {
    mounts: { '/ort/': fileURLToPath(new URL('../../node_modules/onnxruntime-web/dist', import.meta.url)) },
  });
  const url = (name: string) => server.url + name;
  const urls = {
    model: url('model_quantized.onnx'),
    tokenizer: url('tokenizer.json'),
    tokenizerConfig: url('tokenizer_config.json'),
    wasm: url('ort/ort-wasm-simd-threaded.wasm'),
  };
  model = await loadModel(urls, 1, (loadedBytes) => progress.push(loadedBytes));
});
afterAll(() => server.close());

const similarity = async (a: string, b: string) => {
  const [x, y] = [await model.embed(a), await model.embed(b)];
  return x.reduce((sum, value, d) => sum + value * y[d], 0);
};

test('texts that mean the same are near, texts that do not are far', async () => {
  const same = await similarity('someone who pretends to be ill to avoid work', 'a person feigning sickness to shirk duty');
  const other = await similarity('someone who pretends to be ill to avoid work', 'the height of a mountain above the sea');
  expect(same).toBeGreaterThan(0.5);
  expect(other).toBeLessThan(0.2);
});

test('the vector is the native runtime’s, up to the rounding of 8-bit activations', async () => {
  const vector = await model.embed('a small stream');
  expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  GOLDEN.forEach((value, d) => expect(vector[d]).toBeCloseTo(value, 1.5));
});

test('what stands at the end of a long text counts too', async () => {
  const long = 'The committee met on Tuesday and went through the minutes of the last meeting. '.repeat(TOKENS_MAX / 14);
  const ending = 'A horse that is not yet grown is called a foal. '.repeat(8);
  const without = await similarity(long, 'a young horse');
  expect(await similarity(long + ending, 'a young horse')).toBeGreaterThan(without + 0.1);
});

test('loading told how far it was', () => {
  expect(progress.at(-1)).toBe(22_972_370);
});

/** First dimensions of 'a small stream', from onnxruntime-node 1.30 with the same weights. */
const GOLDEN = [0.0301, 0.0737, -0.0254, -0.0137, 0.0555, 0.0229, 0.0361, 0.0314, 0.0365, -0.0033, -0.0254, -0.0356];
