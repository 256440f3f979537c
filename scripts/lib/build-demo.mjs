/**
 * Builds the production demo into `demo/dist`, with a Brotli copy beside everything that compresses, unless the one there
 * was built from the same sources.
 */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { ROOT, unlessCurrent } from './prepare.mjs';
import { must } from './steps.mjs';

const COMPRESSIBLE = new Set(['.html', '.js', '.mjs', '.css', '.json', '.svg', '.wasm', '.webmanifest', '.txt', '.onnx', '.tsv']);
const QUALITY = 6;
const BIGGEST_BEST_BYTES = 1 << 20;

const compress = promisify(brotliCompress);

/** Writes `x.br` beside each file that gets at least a twentieth smaller. */
export async function precompress(folder) {
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => statSync(file).isFile() && COMPRESSIBLE.has(extname(file)) && !existsSync(`${file}.br`));
  await Promise.all(
    files.map(async (file) => {
      const bytes = readFileSync(file);
      const quality = bytes.length <= BIGGEST_BEST_BYTES ? constants.BROTLI_MAX_QUALITY : QUALITY;
      const small = await compress(bytes, {
        params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
      });
      if (small.length < bytes.length * 0.95) writeFileSync(`${file}.br`, small);
    }),
  );
}

/** Everything that ends up in the demo; what is built from it lies in `demo/dist`. */
const inputsOfDemo = () => [
  'src',
  'workers',
  'vite.config.ts',
  'package-lock.json',
  ...readdirSync(join(ROOT, 'demo')).flatMap((name) => (name === 'dist' ? [] : [`demo/${name}`])),
];

export const DEMO_DIST = join(ROOT, 'demo', 'dist');

export async function buildDemo() {
  const inputs = inputsOfDemo();
  await unlessCurrent('demo', { inputs, outputs: ['demo/dist/index.html'] }, async () => {
    const model = join(ROOT, 'scripts', 'fetch-model.mjs');
    if (existsSync(model)) await must('fetching the sentence model', process.execPath, [model], { cwd: ROOT });
    await must('building the demo', 'npx', ['vite', 'build'], { cwd: ROOT });
    await precompress(DEMO_DIST);
  });
}
