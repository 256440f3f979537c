/** Texts to MiniLM vectors in Node, by the model code of `heddle/minilm`, kept in a file: a few minutes for SciFact. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchModel } from '../../../scripts/fetch-model.mjs';
import { serveFolder } from '../../../scripts/lib/static-server.mjs';
import { DIMENSIONS } from '../../../src/minilm/messages.ts';
import { loadModel } from '../../../src/minilm/model.ts';

/** Row-major `[texts × DIMENSIONS]`, unit length; read from `path` when it is there. */
export async function embedAll(texts: readonly string[], path: string, root: string, log: (text: string) => void): Promise<Float32Array> {
  if (existsSync(path)) {
    const bytes = readFileSync(path);
    const rows = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    if (rows.length === texts.length * DIMENSIONS) return rows;
  }
  const server = await serveFolder(fetchModel(), { mounts: { '/ort/': join(root, 'node_modules/onnxruntime-web/dist') } });
  try {
    const url = (name: string): string => server.url + name;
    const urls = {
      model: url('model_quantized.onnx'),
      tokenizer: url('tokenizer.json'),
      tokenizerConfig: url('tokenizer_config.json'),
      wasm: url('ort/ort-wasm-simd-threaded.wasm'),
    };
    const model = await loadModel(urls, 1, () => undefined);
    const rows = new Float32Array(texts.length * DIMENSIONS);
    for (let i = 0; i < texts.length; i++) {
      rows.set(await model.embed(texts[i]), i * DIMENSIONS);
      if (i % 500 === 499) log(`embedded ${i + 1} of ${texts.length}`);
    }
    writeFileSync(`${path}.part`, rows);
    renameSync(`${path}.part`, path);
    return rows;
  } finally {
    await server.close();
  }
}
