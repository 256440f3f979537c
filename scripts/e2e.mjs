/** npm run e2e [-- file …]: the end-to-end tests against the built demo, in a real Chromium. */
import { ROOT, prepare } from './lib/prepare.mjs';
import { runCommand } from './lib/steps.mjs';

await prepare();
const { code } = await runCommand('npx', ['vitest', 'run', '--project', 'e2e', ...process.argv.slice(2)], { cwd: ROOT });
process.exit(code);
