/** Running commands one after another or side by side, with their times, for the set-up and test scripts. */
import { spawn } from 'node:child_process';

/** `npm` and `npx` are scripts with another ending on Windows, where only a shell finds them. */
const shell = process.platform === 'win32';

/**
 * Runs a command in the repository; resolves to `{ code, output, seconds }`. With `show` its output appears as it comes,
 * otherwise it is only collected.
 */
export function runCommand(command, args, { cwd, env, show = true } = {}) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    const parts = [];
    for (const [stream, sink] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ])
      stream.on('data', (part) => {
        parts.push(part);
        if (show) sink.write(part);
      });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? 1, output: Buffer.concat(parts).toString(), seconds: (performance.now() - started) / 1000 });
    });
  });
}

/** Of the output of a command that failed. */
const LINES_SHOWN_MAX = 80;

/** Runs a command that must succeed; its output is shown only when it fails. */
export async function must(title, command, args, options = {}) {
  process.stdout.write(`${title} … `);
  const result = await runCommand(command, args, { show: false, ...options });
  console.log(`${result.code === 0 ? 'done' : 'failed'} in ${result.seconds.toFixed(1)} s`);
  if (result.code !== 0) {
    console.error(result.output.split('\n').slice(-LINES_SHOWN_MAX).join('\n'));
    throw new Error(`${command} ${args.join(' ')} exited with ${result.code}`);
  }
  return result;
}
