/** The demo: `npm run dev` serves it from the sources, `npm run build` writes it to `demo/dist`. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { modelFiles } from './demo/model-files.ts';
import { ALIASES } from './scripts/lib/aliases.mjs';

/** The model and its runtime: too big to fetch before they are wanted, kept for good once they were. */
const MODEL_URLS = /\/model\/|\/ort-wasm[^/]*\.wasm$/;

export default defineConfig(({ command }) => {
  // A build for people, whoever starts it: a test runner's NODE_ENV would make a development build of it.
  if (command === 'build') process.env.NODE_ENV = 'production';
  return {
    root: fileURLToPath(new URL('./demo', import.meta.url)),
    resolve: { alias: ALIASES },
    worker: { format: 'es' },
    build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', sourcemap: true },
    plugins: [
      modelFiles(fileURLToPath(new URL('./.cache/models/all-MiniLM-L6-v2', import.meta.url))),
      VitePWA({
        registerType: 'prompt',
        injectRegister: false,
        manifest: {
          name: 'Heddle · the reverse dictionary',
          short_name: 'Heddle',
          description: 'Describe a thing and get its word, offline.',
          display: 'standalone',
          start_url: '/',
          background_color: '#f8f4ec',
          theme_color: '#a83a24',
          icons: [
            { src: '/icons/heddle-192.png', sizes: '192x192', type: 'image/png' },
            { src: '/icons/heddle-512.png', sizes: '512x512', type: 'image/png' },
            { src: '/icons/heddle.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' },
          ],
        },
        workbox: {
          globPatterns: ['index.html', 'assets/*.{js,css,woff2}', 'icons/*', 'data/wordnet/manifest.json', 'data/wordnet/LICENSE.txt'],
          // Letters that English glosses don't have; fetched only where a note shows them.
          globIgnores: ['assets/*{vietnamese,cyrillic,greek,-ext-}*'],
          navigateFallback: '/index.html',
          clientsClaim: true,
          skipWaiting: false,
          inlineWorkboxRuntime: true,
          mode: 'production',
          sourcemap: false,
          runtimeCaching: [{ urlPattern: MODEL_URLS, handler: 'CacheFirst', options: { cacheName: 'heddle-model' } }],
        },
      }),
    ],
  };
});
