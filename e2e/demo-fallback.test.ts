/** Where something is missing, the page says what and what to do: never blank, never pretending to store. */
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from '../bench/run/browser.ts';
import { DEMO_DIST } from '../scripts/lib/build-demo.mjs';
import { serveFolder } from '../scripts/lib/static-server.mjs';
import { FIRST_VISIT_MS, ask, hasAnswer, waitForRows } from './setup/demo-page.ts';
import { type ServedDemo, serveDemo } from './setup/demo.ts';

describe('the demo, where something is missing', () => {
  let demo: ServedDemo;
  let browser: Browser;

  beforeAll(async () => {
    demo = await serveDemo();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await demo.close();
  });

  /** Opens the demo in a browser that `lack` has taken something from. */
  const openWithout = async (lack: () => void, url = demo.url): Promise<Page> => {
    const page = await browser.context.newPage();
    await page.addInitScript(lack);
    await page.goto(url);
    return page;
  };
  const title = (page: Page) => page.textContent('.notice-page h1');

  it('says so in a browser without a private file system', async () => {
    const page = await openWithout(() => Reflect.deleteProperty(StorageManager.prototype, 'getDirectory'));
    expect(await title(page)).toBe('This browser has no private file system');
    await page.close();
  });

  it('says so in a private window that refuses storage', async () => {
    const page = await openWithout(() => {
      StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException('denied', 'SecurityError'));
    });
    expect(await title(page)).toBe('Storage is closed to this window');
    await page.close();
  });

  it('says so over plain HTTP', async () => {
    const page = await openWithout(() => Object.defineProperty(globalThis, 'isSecureContext', { value: false }));
    expect(await title(page)).toBe('This address is not secure');
    await page.close();
  });

  it('searches by words on a processor without wasm SIMD, and says that meaning is missing', async () => {
    const old = await openBrowser({ args: ['--js-flags=--no-enable-sse4-1'] });
    const page = await old.context.newPage();
    await page.goto(demo.url);
    await waitForRows(page, 2000);
    expect(hasAnswer(await ask(page, 'somebody mortal soul', 'words'), ['person'])).toBe(true);
    await page.waitForFunction(() => document.documentElement.dataset.vectors === 'failed', null, { timeout: FIRST_VISIT_MS });
    expect(await page.textContent('[data-progress]')).toMatch(/lacks WebAssembly SIMD: search by words works/);
    await old.close();
  });

  it('searches by words where the model can’t load, and says that meaning is missing', async () => {
    const bare = await serveFolder(DEMO_DIST, { mounts: { '/model/': join(DEMO_DIST, 'not-there') } });
    // As on a later visit, so that the model is asked for at once.
    const page = await openWithout(() => localStorage.setItem('heddle-demo-complete', 'some'), bare.url);
    await page.waitForFunction(() => document.documentElement.dataset.model === 'failed', null, { timeout: FIRST_VISIT_MS });
    expect(await page.textContent('[data-progress]')).toMatch(/answered 404/);
    await waitForRows(page, 2000);
    await page.fill('#query', 'somebody mortal soul');
    await page.waitForSelector('[data-results][data-mode=words] > [data-word]');
    expect(await page.textContent('.summary')).toContain('by words: the language model did not load');
    expect(hasAnswer(await ask(page, 'somebody mortal soul', 'words'), ['person'])).toBe(true);
    await page.close();
    await bare.close();
  });
});
