/**
 * node scripts/run.mjs [node options] path/to/entry.ts [arguments]
 *
 * Runs a TypeScript entry in Node: bundles it, runs it as a child with source maps, passes its exit code on.
 */
import { runInNode } from './lib/bundle-node.mjs';

const words = process.argv.slice(2);
const at = words.findIndex((word) => !word.startsWith('-'));
if (at < 0) {
  console.error('usage: node scripts/run.mjs [node options] path/to/entry.ts [arguments]');
  process.exit(2);
}
process.exit(await runInNode(words[at], { nodeOptions: words.slice(0, at), args: words.slice(at + 1) }));
