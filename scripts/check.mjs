/** npm run check: types, lint and the Node tests, for daily work; well under a minute. */
import { prepare, typedProjects } from './lib/prepare.mjs';
import { runCommand } from './lib/steps.mjs';

await prepare();
const checks = [
  ...typedProjects().map((project) => ['types', 'npx', ['tsc', '-p', project]]),
  ['lint', 'npx', ['oxlint', '--type-aware']],
  ['node tests', 'npx', ['vitest', 'run', '--project', 'node', '--reporter', 'dot']],
];
let failed = 0;
for (const [title, command, args] of checks) {
  const { code, output, seconds } = await runCommand(command, args, { show: false });
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${title} (${seconds.toFixed(1)} s)`);
  if (code !== 0) {
    failed++;
    console.error(output);
  }
}
process.exit(failed === 0 ? 0 : 1);
