/** npm run dev: the demo from its sources, with hot reload. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { ROOT, prepare } from './lib/prepare.mjs';
import { must } from './lib/steps.mjs';

await prepare();
const model = join(ROOT, 'scripts', 'fetch-model.mjs');
if (existsSync(model)) await must('fetching the sentence model', process.execPath, [model], { cwd: ROOT });
const vite = spawn('npx', ['vite', ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => vite.kill(signal));
vite.on('exit', (code) => process.exit(code ?? 1));
