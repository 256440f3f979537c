/**
 * Bundles a TypeScript entry (and the worker threads it starts) for Node, which on our oldest version cannot strip types.
 *
 * - Packages stay external; the output lies beside the nearest package.json, so that they resolve as they would for the source.
 * - `new URL('./x.ts', import.meta.url)` becomes the URL of a bundled chunk (worker threads); every other `import.meta.url`,
 *   `.dirname` and `.filename` keeps naming the source file, so that data beside a source is found.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RolldownMagicString, rolldown } from 'rolldown';
import { ALIASES } from './aliases.mjs';

const WORKER_URL = /new\s+URL\(\s*(['"])(\.{1,2}\/[^'"]+\.[cm]?ts)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g;
const SOURCE_NAME = /\bimport\.meta\.(url|dirname|filename)\b/g;

/** A plugin that gives every module the identity of its source file. */
function sourceIdentity() {
  return {
    name: 'source-identity',
    transform(code, id) {
      if (!code.includes('import.meta') || id.startsWith('\0')) return null;
      const file = id.split('?')[0];
      const names = { url: pathToFileURL(file).href, dirname: dirname(file), filename: file };
      const out = new RolldownMagicString(code);
      // A path that leads nowhere stands in a comment.
      const workers = [...code.matchAll(WORKER_URL)].filter((match) => existsSync(resolve(dirname(file), match[2])));
      for (const match of workers) {
        const chunk = this.emitFile({ type: 'chunk', id: resolve(dirname(file), match[2]) });
        out.overwrite(match.index, match.index + match[0].length, `new URL(import.meta.ROLLUP_FILE_URL_${chunk})`);
      }
      for (const match of code.matchAll(SOURCE_NAME)) {
        if (workers.some((worker) => match.index > worker.index && match.index < worker.index + worker[0].length)) continue;
        out.overwrite(match.index, match.index + match[0].length, JSON.stringify(names[match[1]]));
      }
      return { code: out.toString(), map: out.generateMap({ source: file, hires: true }).toString() };
    },
  };
}

/** The folder of the nearest package.json at or above `file`. */
function packageFolder(file) {
  let folder = dirname(file);
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** A plugin that serves `code` under the name `entry`, as if it were that file. */
const virtualEntry = (entry, code) => ({
  name: 'virtual-entry',
  load: (id) => (id === entry ? { code, moduleType: 'ts' } : null),
  resolveId: (id) => (id === entry ? id : null),
});

/**
 * Bundles `entry` into a new folder and returns `{ folder, file }`; the caller removes the folder. With `code` the entry's
 * text is that, and no file need be there.
 * @param {string} entry
 * @param {string | null} [code]
 */
export async function bundleForNode(entry, code = null) {
  const source = resolve(entry);
  if (code === null && !existsSync(source)) throw new Error(`no such entry: ${entry}`);
  const build = await rolldown({
    input: { entry: source },
    platform: 'node',
    external: (id) => !/^(\.|\/|[A-Za-z]:|\0)/.test(id) && !ALIASES.some(({ find }) => find.test(id)),
    resolve: { alias: Object.fromEntries(ALIASES.map(({ name, replacement }) => [name, replacement])) },
    plugins: [...(code === null ? [] : [virtualEntry(source, code)]), sourceIdentity()],
    tsconfig: false,
    logLevel: 'warn',
  });
  const cache = join(packageFolder(source), '.cache', 'run');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, `${basename(source).replace(/\W+/g, '-')}-`));
  try {
    await build.write({
      dir: folder,
      format: 'esm',
      sourcemap: true,
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
    });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  } finally {
    await build.close();
  }
  return { folder, file: join(folder, 'entry.mjs') };
}

/** Bundles and runs an entry as a child process with source maps; resolves to its exit code. */
export async function runInNode(entry, { args = [], nodeOptions = [], code = null } = {}) {
  const { folder, file } = await bundleForNode(entry, code);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, ['--enable-source-maps', ...nodeOptions, file, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((done) => child.on('exit', (exitCode, signal) => done(signal ? 1 : (exitCode ?? 1))));
}
