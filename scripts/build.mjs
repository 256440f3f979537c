/** npm run build: the package into `dist/`; with `--demo` the demo into `demo/dist` too. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, prepare } from './lib/prepare.mjs';

await prepare();
const { buildLibrary } = await import('./lib/build-library.mjs');
await buildLibrary();
if (process.argv.includes('--demo')) {
  const { buildDemo } = await import('./lib/build-demo.mjs');
  await buildDemo();
}
if (!existsSync(join(ROOT, 'dist', 'index.js'))) throw new Error('dist/index.js was not built');
