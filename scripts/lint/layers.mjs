/**
 * The layers of `src/`, lowest first, and who may import whom. The lint rule, the test and the picture in the README follow
 * this one list.
 *
 * - An import goes only downwards: a layer may import the ones listed before it, unless `only` narrows that.
 * - Layers in one row stand side by side and don't import each other.
 * - `client` (and what is published beside it) imports the small layers only, so that the page stays small.
 */
const SMALL = ['core', 'schema', 'protocol'];

export const ROWS = [
  [{ name: 'core' }],
  [{ name: 'schema' }],
  [{ name: 'protocol' }],
  [{ name: 'vfs' }],
  [{ name: 'lsm' }],
  [{ name: 'kernels', only: ['core', 'schema'] }],
  [{ name: 'gpu', only: ['core', 'schema', 'kernels'] }],
  [{ name: 'vector' }, { name: 'inverted' }],
  [{ name: 'query' }],
  [{ name: 'shard' }],
  [{ name: 'coordinator' }],
  [
    { name: 'client', only: SMALL },
    { name: 'minilm', only: [...SMALL, 'client'] },
    { name: 'transformers', only: [...SMALL, 'client'] },
  ],
];

/** Layer name → the set of layers it may import (itself included). */
export const ALLOWED = new Map();
const below = [];
for (const row of ROWS) {
  for (const { name, only } of row) ALLOWED.set(name, new Set([name, ...(only ?? below)]));
  below.push(...row.map((layer) => layer.name));
}

const ROOT = new URL('../..', import.meta.url).pathname;
const withSlashes = (path) => path.replaceAll('\\', '/');

/** `path` from the repository's root; relative paths are taken to be so already. */
function fromRoot(path) {
  const plain = withSlashes(path);
  return plain.startsWith(ROOT) ? plain.slice(ROOT.length) : plain.replace(/^\//, '');
}

/** The layer of a file by its path (`src/<layer>/…`), or null outside `src/`. */
export function layerOf(path) {
  return /^src\/([^/]+)\//.exec(fromRoot(path))?.[1] ?? null;
}

/**
 * What is wrong with `specifier` in the file `path`, as a sentence, or null. Tests may import upwards: what they check with
 * (a model, a harness) is not part of the layer. Packages are not judged here.
 */
export function importFault(path, specifier) {
  if (!specifier.startsWith('.') || isTest(path)) return null;
  const from = layerOf(path);
  if (from === null) return demoFault(path, specifier);
  const allowed = ALLOWED.get(from);
  if (!allowed) return `src/${from} is not a layer: name it in scripts/lint/layers.mjs or move the file`;
  const target = new URL(specifier, `file:///${fromRoot(path)}`).pathname;
  const to = layerOf(target);
  if (to === null) return `src/${from} imports ${specifier}, which lies outside src/`;
  if (!allowed.has(to)) return `src/${from} may not import src/${to} (allowed: ${[...allowed].join(', ')})`;
  return null;
}

/** The demo is an app like any other: it knows the package by its name only. */
function demoFault(path, specifier) {
  if (!fromRoot(path).startsWith('demo/src/')) return null;
  const target = new URL(specifier, `file:///${fromRoot(path)}`).pathname;
  return target.startsWith('/demo/') ? null : `the demo imports ${specifier}: it may only use what the package publishes`;
}

export function isTest(path) {
  return /\.(test|test-d)\.ts$|\/(test|testing|fixtures)\//.test(path);
}
