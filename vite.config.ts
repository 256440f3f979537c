/** The demo: `npm run dev` serves it from the sources, `npm run build` writes it to `demo/dist`. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { ALIASES } from './scripts/lib/aliases.mjs';

export default defineConfig({
  root: fileURLToPath(new URL('./demo', import.meta.url)),
  resolve: { alias: ALIASES },
  worker: { format: 'es' },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', sourcemap: true },
});
