/**
 * npm test: everything that must hold: types, lint, Node tests, browser tests, end-to-end tests. Works in a fresh clone with
 * Node and npm alone; sets up what is missing, Chromium included.
 *
 * Every part runs, also after one has failed. The last line is the count: `N passed, N failed`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, prepare, typedProjects } from './lib/prepare.mjs';
import { runCommand } from './lib/steps.mjs';

const started = performance.now();
await prepare();
const { ensureChromium } = await import('./lib/chromium.mjs');
const env = { CHROMIUM_PATH: await ensureChromium() };
console.log(`Chromium: ${env.CHROMIUM_PATH}`);

const totals = { passed: 0, failed: 0, skipped: 0 };
const summary = [];

function count(title, { passed, failed, skipped = 0, seconds }) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  summary.push(
    `${failed === 0 ? 'ok    ' : 'FAILED'} ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds.toFixed(0)} s)`,
  );
}

async function check(title, command, args) {
  console.log(`\n── ${title}`);
  const { code, seconds } = await runCommand(command, args, { cwd: ROOT, env });
  count(title, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, seconds });
}

/** Runs one project of the tests; a run that broke without a failed test counts as one failure. */
async function tests(title, project) {
  console.log(`\n── ${title}`);
  const file = join(ROOT, '.cache', 'test', `${project}.json`);
  mkdirSync(join(ROOT, '.cache', 'test'), { recursive: true });
  rmSync(file, { force: true });
  const args = ['vitest', 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { code, seconds } = await runCommand('npx', args, { cwd: ROOT, env });
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 };
  const failed = report.numFailedTests > 0 ? report.numFailedTests : code === 0 ? 0 : 1;
  const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
  count(title, { passed: report.numPassedTests, failed, skipped, seconds });
}

for (const project of typedProjects()) await check('types', 'npx', ['tsc', '-p', project]);
await check('lint', 'npx', ['oxlint', '--type-aware']);
await check('format', 'npx', ['oxfmt', '--check']);
await tests('Node', 'node');
await tests('Chromium', 'browser');
await tests('end to end', 'e2e');

console.log(`\n${summary.join('\n')}\n${((performance.now() - started) / 1000).toFixed(0)} s in all`);
console.log(`${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`);
process.exit(totals.failed === 0 ? 0 : 1);
