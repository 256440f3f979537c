/**
 * node scripts/run.mjs e2e/golden/make.ts
 *
 * Writes the golden database of this version to `e2e/golden/<version>/`, as the files stand when the process dies: nothing is
 * closed, so that opening it replays a log. Made once per released format and then kept for ever.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { connect } from '../../workers/node.ts';
import { writeGolden } from './content.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { version: string };
const into = join(import.meta.dirname, version);
const folder = mkdtempSync(join(tmpdir(), 'heddle-golden-'));
const db = await connect('golden', { storage: { path: folder }, engines: 1 });
await writeGolden(db);

rmSync(into, { recursive: true, force: true });
for (const name of readdirSync(folder, { recursive: true })) {
  const file = join(folder, String(name));
  if (!statSync(file).isFile() || file.endsWith('.lock')) continue;
  const target = join(into, `${relative(folder, file)}.br`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, brotliCompressSync(readFileSync(file)));
  console.log(`${relative(folder, file)}: ${statSync(file).size} bytes, ${statSync(target).size} compressed`);
}
rmSync(folder, { recursive: true });
process.exit(0);
