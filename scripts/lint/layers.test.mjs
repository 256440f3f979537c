/** The arrows of the design, checked over the whole tree, and the checker checked with imports that must be refused. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'rolldown/utils';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../lib/prepare.mjs';
import { ALLOWED, importFault, isTest } from './layers.mjs';

/** Every module that a TypeScript source names: imports, re-exports, dynamic imports and types by `import('…')`. */
function specifiersOf(path, code) {
  const { program, errors } = parseSync(path, code);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0].message}`);
  const found = [];
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) return node.forEach(visit);
    if (/^(Import|Export|TSImport)/.test(node.type ?? '') && typeof node.source?.value === 'string') found.push(node.source.value);
    for (const key in node) visit(node[key]);
  };
  visit(program);
  return found;
}

const sourcesIn = (folder) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('/assembly/'));

const sources = sourcesIn('src');
const demo = sourcesIn('demo/src');

function faultsOf(path, code) {
  return specifiersOf(path, code)
    .map((specifier) => importFault(path, specifier))
    .filter((fault) => fault !== null)
    .map((fault) => `${path}: ${fault}`);
}

describe('layers', () => {
  it('every import in src goes downwards, and the demo knows the package by its name only', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(demo.length).toBeGreaterThan(5);
    expect([...sources, ...demo].flatMap((path) => faultsOf(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });

  it.each([
    ['src/lsm/log.ts', "import { Shard } from '../shard/shard.ts';"],
    ['src/lsm/log.ts', "import type { Shard } from '../shard/shard.ts';"],
    ['src/lsm/log.ts', "export type S = import('../query/shard-search.ts').ShardSearch;"],
    ['src/lsm/log.ts', "export * from '../client/index.ts';"],
    ['src/lsm/log.ts', "export { a } from '../vector/a.ts';"],
    ['src/lsm/log.ts', "const later = await import('../coordinator/a.ts');"],
    ['src/client/database.ts', "import { Log } from '../lsm/log.ts';"],
    ['src/core/deep/a.ts', "import '../../schema/filter.ts';"],
    ['src/vector/hnsw.ts', "import '../inverted/postings.ts';"],
    ['src/query/bm25.ts', "import '../../demo/main.ts';"],
    ['src/elsewhere/a.ts', "import '../core/bytes.ts';"],
    ['demo/src/search.ts', "import { utf8 } from '../../src/core/bytes.ts';"],
  ])('refuses an import that goes up or sideways: %s', (path, code) => {
    expect(faultsOf(path, code)).toHaveLength(1);
  });

  it.each([
    ['src/client/database.ts', "import type { FilterNode } from '../schema/filter.ts';"],
    ['src/shard/shard.ts', "import { Log } from '../lsm/log.ts';"],
    ['src/lsm/log.test.ts', "import '../shard/shard.ts';"],
    ['workers/engine.worker.ts', "import '../src/shard/engine-host.ts';"],
    ['src/lsm/log.ts', "import fc from 'fast-check';"],
    ['demo/src/ui/app.ts', "import { search } from '../search.ts';"],
  ])('lets an import pass that goes down: %s', (path, code) => {
    expect(faultsOf(path, code)).toEqual([]);
  });

  it('the engine imports no package but the few it is allowed', () => {
    const allowed = {
      inverted: [/stemmer/],
      client: ['comlink', 'idb-keyval'],
      coordinator: ['comlink', 'idb-keyval'],
      vfs: ['idb-keyval', /^node:/],
      gpu: ['idb-keyval'],
    };
    const faults = [];
    for (const path of sources.filter((name) => !isTest(name))) {
      const layer = path.split('/')[1];
      if (['minilm', 'transformers'].includes(layer)) continue;
      for (const specifier of specifiersOf(path, readFileSync(join(ROOT, path), 'utf8'))) {
        if (specifier.startsWith('.')) continue;
        const rules = allowed[layer] ?? [];
        if (!rules.some((rule) => (typeof rule === 'string' ? rule === specifier : rule.test(specifier))))
          faults.push(`${path}: ${specifier}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it('every folder of src is a layer', () => {
    const folders = new Set(sources.map((path) => path.split('/')[1]));
    expect([...folders].filter((folder) => !ALLOWED.has(folder))).toEqual([]);
  });
});
