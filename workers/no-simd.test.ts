import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleForNode } from '../scripts/lib/bundle-node.mjs';

/** Run by a Node that acts as a processor without SSE 4.1, on which V8 has no wasm SIMD. */
const PROGRAM = `
import { connect } from './node.ts';
const db = await connect('t', { storage: 'memory' });
const notes = await db.collections.ensure('Note', { properties: { title: 'text' }, vectors: { default: { dimensions: 2 } } });
await notes.data.insert({ title: 'leaky tap' });
const codes = [];
for (const attempt of [() => notes.data.insert({ title: 'two' }, { vectors: [1, 2] }), () => notes.query.nearVector([1, 2])])
  await attempt().catch((error) => codes.push(error.code));
await new Promise((resolve) => setTimeout(resolve, 500));
await notes.data.insert({ title: 'a second tap' });
const found = (await notes.query.bm25('tap')).objects.length;
console.log(JSON.stringify({ codes, found, length: await notes.length(), findings: await db.verify() }));
await db.close();
`;

test('without wasm SIMD vectors are refused by a typed error, and words go on', async () => {
  const { folder, file } = await bundleForNode(join(import.meta.dirname, 'no-simd-program.ts'), PROGRAM);
  try {
    const printed = execFileSync(process.execPath, ['--no-enable-sse4-1', file], { encoding: 'utf8' });
    expect(JSON.parse(printed)).toEqual({ codes: ['Unsupported', 'Unsupported'], found: 2, length: 2, findings: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
