/**
 * npm run bench -- <suite> [--json FILE] [the suite's own options]
 *
 * Runs `bench/suites/<suite>/main.ts` in Node. What it compares with is installed into `bench/` the first time.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, installPackages, prepare } from './lib/prepare.mjs';

const [suite, ...args] = process.argv.slice(2);
const suites = join(ROOT, 'bench', 'suites');
if (suite === undefined || !existsSync(join(suites, suite, 'main.ts'))) {
  const names = readdirSync(suites).filter((name) => existsSync(join(suites, name, 'main.ts')));
  console.error(`usage: npm run bench -- <suite> [--json FILE] [options]\nsuites: ${names.join(', ')}`);
  process.exit(2);
}

await prepare();
if (existsSync(join(ROOT, 'bench', 'package-lock.json')))
  await installPackages(join(ROOT, 'bench'), 'installing what the benchmarks compare with');
const { runInNode } = await import('./lib/bundle-node.mjs');
const code = `
import * as suite from './suites/${suite}/main.ts';
import { runSuite } from './run/run-suite.ts';
process.exit(await runSuite(${JSON.stringify(suite)}, suite, process.argv.slice(2), ${JSON.stringify(ROOT)}));
`;
process.exit(await runInNode(join(ROOT, 'bench', `bench-${suite}.ts`), { args, nodeOptions: ['--expose-gc'], code }));
