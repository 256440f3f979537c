/** Vite plugin: serves the sentence model from `.cache/models` under `/model/` while developing, and puts it into the build. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const FILES = ['model_quantized.onnx', 'tokenizer.json', 'tokenizer_config.json'];

/** @param folder where scripts/fetch-model.mjs put the files */
export function modelFiles(folder: string): Plugin {
  return {
    name: 'heddle-demo-model',
    configureServer(server) {
      server.middlewares.use('/model/', (request, response, next) => {
        const name = FILES.find((file) => request.url?.split('?')[0] === `/${file}`);
        if (name === undefined) return next();
        response.setHeader('content-length', statSync(join(folder, name)).size);
        createReadStream(join(folder, name)).pipe(response);
      });
    },
    generateBundle() {
      for (const name of FILES) this.emitFile({ type: 'asset', fileName: `model/${name}`, source: readFileSync(join(folder, name)) });
    },
  };
}
