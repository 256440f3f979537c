/**
 * What has to be there before anything of this repository can run: the packages, and the engine's wasm. Plain Node, so that
 * it works in a fresh clone. Doing it again costs a few milliseconds.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from './steps.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const readLock = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : null);

/** Whether every package of the lock file is installed in the version it names; optional ones may be missing. */
export function packagesCurrent(folder) {
  const wanted = readLock(join(folder, 'package-lock.json')) ?? {};
  const there = readLock(join(folder, 'node_modules', '.package-lock.json'));
  if (there === null) return false;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === '' || link) return true;
    return path in there ? there[path].version === version : optional === true;
  });
}

/**
 * Installs the packages of `folder` in the versions of its lock file, where they are not there yet, and leaves the lock file
 * as it is. Not `npm ci`: that wants the binaries of every platform listed in the lock file, and some mirrors carry only some.
 */
export async function installPackages(folder, title) {
  if (packagesCurrent(folder)) return;
  await must(title, 'npm', ['install', '--no-save', '--no-audit', '--no-fund'], { cwd: folder });
}

function* filesUnder(path) {
  if (!existsSync(path)) return;
  if (statSync(path).isFile()) return yield path;
  for (const name of readdirSync(path).sort()) if (name !== 'node_modules') yield* filesUnder(join(path, name));
}

/** A hash over the names and contents of files and folders, relative to the repository. */
export function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    for (const file of filesUnder(join(ROOT, path))) hash.update(file.slice(ROOT.length)).update('\0').update(readFileSync(file));
  return hash.digest('hex');
}

/**
 * Runs `step` unless it ran before on the same `inputs` and its `outputs` are there. Paths are relative to the repository.
 */
export async function unlessCurrent(name, { inputs, outputs }, step) {
  const stamp = join(ROOT, '.cache', 'stamps', name);
  const hash = hashOf(inputs);
  const current = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash && outputs.every((path) => existsSync(join(ROOT, path)));
  if (current) return;
  await step();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

/** Packages and wasm: enough for types, lint, tests, benchmarks and builds. */
export async function prepare() {
  await installPackages(ROOT, 'installing packages');
  const script = 'scripts/build-wasm.mjs';
  if (!existsSync(join(ROOT, script))) return;
  await unlessCurrent(
    'wasm',
    { inputs: [script, 'scripts/lib/binary-patch.mjs', 'src/kernels/wasm/assembly'], outputs: ['src/kernels/wasm/generated'] },
    () => must('building the wasm kernels', process.execPath, [script], { cwd: ROOT }),
  );
}

/** The projects whose types can be checked: the product's always, the benchmarks' once their peers are installed. */
export const typedProjects = () => ['.', ...(packagesCurrent(join(ROOT, 'bench')) ? ['bench'] : [])];
