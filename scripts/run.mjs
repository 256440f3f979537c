/**
 * node scripts/run.mjs [node options] path/to/entry.ts [arguments]
 *
 * Runs a TypeScript entry in Node: bundles it, runs it as a child with source maps, passes its exit code on.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { bundleForNode } from './lib/bundle-node.mjs';

const words = process.argv.slice(2);
const at = words.findIndex((word) => !word.startsWith('-'));
if (at < 0) {
  console.error('usage: node scripts/run.mjs [node options] path/to/entry.ts [arguments]');
  process.exit(2);
}

const { folder, file } = await bundleForNode(words[at]);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const child = spawn(process.execPath, ['--enable-source-maps', ...words.slice(0, at), file, ...words.slice(at + 1)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
