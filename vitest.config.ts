/**
 * Three projects: `node` (everything but `*.browser.test.ts`), `browser` (those, in a real Chromium with OPFS, workers and
 * WebGPU on whatever adapter there is), and `e2e` (`e2e/*.test.ts`, in Node, driving whole browsers from outside: tabs, kills,
 * the built demo). `npx vitest run src/lsm` runs what lies in one folder, `--project node` one kind.
 */
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { ALIASES } from './scripts/lib/aliases.mjs';
import { CHROMIUM_ARGS, findChromium } from './scripts/lib/chromium.mjs';

const executablePath = (await findChromium()) ?? undefined;
const TIMEOUT_MS = 60_000;
const E2E_TIMEOUT_MS = 300_000;

export default defineConfig({
  resolve: { alias: ALIASES },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['{src,workers,scripts,bench,demo}/**/*.test.ts', 'scripts/**/*.test.mjs'],
          exclude: ['**/*.browser.test.ts', '**/node_modules/**', '**/.cache/**'],
          environment: 'node',
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          environment: 'node',
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        // All packages are found before the first test: one found in the middle makes the server reload the page.
        optimizeDeps: { entries: ['src/**/*.browser.test.ts', 'workers/*.ts'] },
        test: {
          name: 'browser',
          include: ['{src,workers}/**/*.browser.test.ts'],
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath, args: CHROMIUM_ARGS } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
