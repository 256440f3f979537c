/**
 * A Chromium on a persistent profile, and pages for it made from TypeScript.
 *
 * `openPage({ entry })` bundles the entry and the workers it starts (`new Worker(new URL('./x.worker.ts', import.meta.url), …)`),
 * serves them under the product's strict policy and opens them. The entry puts what the bench calls on `globalThis`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type Page, chromium } from 'playwright';
import { build } from 'vite';
import { ALIASES } from '../../scripts/lib/aliases.mjs';
import { CHROMIUM_ARGS, requireChromium } from '../../scripts/lib/chromium.mjs';
import { serveFolder } from '../../scripts/lib/static-server.mjs';

export interface BrowserOptions {
  /** Folder of the profile, kept; without one a fresh profile is made and removed at the end. */
  readonly profile?: string;
  readonly args?: readonly string[];
}

export interface Browser {
  readonly context: BrowserContext;
  /** The profile's folder, which also names the browser's processes (`cpu-time.ts`). */
  readonly profile: string;
  close(): Promise<void>;
}

/** Starts Chromium, headless, with the flags of the tests. */
export async function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const profile = options.profile ?? mkdtempSync(join(tmpdir(), 'heddle-profile-'));
  mkdirSync(profile, { recursive: true });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: await requireChromium(),
    headless: true,
    args: [...CHROMIUM_ARGS, ...(options.args ?? [])],
  });
  return {
    context,
    profile,
    async close() {
      await context.close();
      if (options.profile === undefined) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface ServedPage {
  readonly url: string;
  close(): Promise<void>;
}

/** Bundles `entry` (absolute path) as a page and serves it; `mounts` maps path prefixes to folders with data. */
export async function servePage(
  entry: string,
  options: { readonly mounts?: Readonly<Record<string, string>>; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<ServedPage> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-page-'));
  await build({
    configFile: false,
    logLevel: 'warn',
    root: join(entry, '..'),
    publicDir: false,
    resolve: { alias: ALIASES },
    worker: { format: 'es' },
    build: {
      outDir: folder,
      emptyOutDir: true,
      minify: false,
      target: 'esnext',
      assetsInlineLimit: 0,
      modulePreload: false,
      rolldownOptions: { input: entry, output: { entryFileNames: 'page.js' } },
    },
  });
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>\n',
  );
  const server = await serveFolder(folder, options);
  return {
    url: server.url,
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Serves `entry` and opens it in `browser`; console errors of the page go to standard error. `close` ends page and server. */
export async function openPage(
  browser: Browser,
  entry: string,
  options: Parameters<typeof servePage>[1] = {},
): Promise<{ readonly page: Page; close(): Promise<void> }> {
  const served = await servePage(entry, options);
  const page = await browser.context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) console.error(`page: ${message.text()}`);
  });
  page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`));
  await page.goto(served.url);
  return {
    page,
    async close() {
      await page.close();
      await served.close();
    },
  };
}
