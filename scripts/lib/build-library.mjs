/**
 * Builds the published package into `dist/`: the entry points as ES modules, every worker as one self-contained module, and
 * the type declarations.
 *
 * - `new Worker(new URL('./x.worker.js', import.meta.url), { type: 'module' })` stands literally in the output: the form that
 *   browsers run as it is and that bundlers know.
 * - Entry points keep their dependencies as imports (the app's bundler shares them); workers carry theirs inside.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './prepare.mjs';
import { writeDeclarations } from './declarations.mjs';
import { sharedSnowball } from './shared-snowball.mjs';
import { packagesWithin, writeLicenses } from './third-party.mjs';

/** Published entry points: output name → source. Those whose source is not there are left out. */
export const ENTRIES = {
  index: 'src/client/index.ts',
  node: 'workers/node.ts',
  minilm: 'src/minilm/index.ts',
  transformers: 'src/transformers/index.ts',
};

const WORKER_URL = /new\s+URL\(\s*(['"])(?:\.{1,2}\/)+(?:[\w-]+\/)*([\w-]+\.worker)\.ts\1\s*,\s*import\.meta\.url\s*,?\s*\)/g;

/** Workers lie beside the entry points in the package: points their URLs there, and adds the names met to `named`. */
const flatWorkerUrls = (named) => ({
  name: 'flat-worker-urls',
  transform(code) {
    if (!code.includes('.worker.ts')) return null;
    const flat = code.replace(WORKER_URL, (_, _quote, name) => {
      named.add(name);
      return `new URL('./${name}.js', import.meta.url)`;
    });
    return { code: flat, map: null };
  },
});

/** Gives minified worker URLs their quotes back: bundlers look for a string there, not for a template. */
const quotedWorkerUrls = {
  name: 'quoted-worker-urls',
  generateBundle(_, chunks) {
    for (const chunk of Object.values(chunks)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = chunk.code
        .replace(/new URL\(`(\.\/[\w-]+\.worker\.js)`,\s*import\.meta\.url\)/g, "new URL('$1',import.meta.url)")
        .replace(/type:\s*`module`/g, "type:'module'");
    }
  },
};

async function bundle({ input, external, output }, workers) {
  const build = await rolldown({
    input,
    platform: 'browser',
    external,
    plugins: [flatWorkerUrls(workers), sharedSnowball()],
    tsconfig: false,
    logLevel: 'warn',
    onLog(level, log, next) {
      if (log.code !== 'SOURCEMAP_BROKEN') next(level, log);
    },
  });
  try {
    return await build.write({ format: 'esm', sourcemap: true, plugins: [quotedWorkerUrls], ...output });
  } finally {
    await build.close();
  }
}

/** Engine threads in Node carry all they need but Node itself. */
const isNodeModule = (id) => id.startsWith('node:');
const isPackage = (id) => !/^(\.|\/|[A-Za-z]:|\0)/.test(id);

/**
 * Builds everything into `outDir`. The entry points are built together, so that what they share (the error class above all)
 * is there once; they stay readable, as the app's own bundler minifies them. Workers are minified.
 */
export async function buildLibrary({ outDir = join(ROOT, 'dist'), declarations = true } = {}) {
  rmSync(outDir, { recursive: true, force: true });
  const sources = Object.entries(ENTRIES).filter(([, source]) => existsSync(join(ROOT, source)));
  // Every worker that an entry point names, and every one that such a worker names.
  const workers = new Set();
  await bundle(
    {
      input: Object.fromEntries(sources.map(([name, source]) => [name, join(ROOT, source)])),
      external: isPackage,
      output: { dir: outDir, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
    workers,
  );
  const carried = new Set();
  for (const name of workers) {
    const output = { file: join(outDir, `${name}.js`), codeSplitting: false, minify: true, comments: false };
    const built = await bundle({ input: join(ROOT, 'workers', `${name}.ts`), external: isNodeModule, output }, workers);
    for (const folder of packagesWithin(built.output)) carried.add(folder);
  }
  writeLicenses(join(outDir, 'THIRD-PARTY-LICENSES.txt'), carried);
  if (declarations) await writeDeclarations(outDir);
}
