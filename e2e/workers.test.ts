/**
 * Engine workers that die under the database: the coordinator starts them again, they recover from their log, and what was on its way is
 * sent again and applied once.
 */
import { join } from 'node:path';
import type { Page, Worker } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, servePage, type Browser, type ServedPage } from '../bench/run/browser.ts';

const RECOVERY_MS = 20_000;

describe('workers that die', () => {
  let served: ServedPage;
  let browser: Browser;
  let page: Page;
  let count = 0;

  beforeAll(async () => {
    served = await servePage(join(import.meta.dirname, 'tabs-page.ts'));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });
  afterEach(() => page.close());

  async function open(): Promise<void> {
    page = await browser.context.newPage();
    await page.goto(served.url);
    await page.evaluate((name) => globalThis.tab.open(name), `workers-${count++}`);
  }

  function workerOf(kind: 'engine' | 'coordinator'): Worker {
    const worker = page.workers().find((one) => one.url().includes(kind));
    if (worker === undefined)
      throw new Error(
        `no ${kind} worker among ${page
          .workers()
          .map((one) => one.url())
          .join(', ')}`,
      );
    return worker;
  }

  /** Ends the worker's thread without a word to anybody; the call itself can't return. */
  function kill(worker: Worker): void {
    worker.evaluate(() => close()).catch(() => undefined);
  }

  /** Throws in a task of its own: an error event at the worker's parent. */
  function crash(worker: Worker): void {
    worker
      .evaluate(
        () =>
          void setTimeout(() => {
            throw new Error('a fault');
          }),
      )
      .catch(() => undefined);
  }

  it.each([
    ['is killed', kill],
    ['crashes', crash],
  ])('has every acknowledged object, once, when an engine worker %s in mid-import', async (_, befall) => {
    await open();
    await page.evaluate(() => globalThis.tab.startWriting('writer'));
    const importing = page.evaluate(() => globalThis.tab.importMany(40_000));
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 400));
      befall(workerOf('engine'));
      await expect.poll(() => page.evaluate(() => globalThis.tab.restarts()), { timeout: RECOVERY_MS }).toBe(round + 1);
    }
    expect(await importing).toBe(40_000);
    const { acknowledged, failed } = await page.evaluate(() => globalThis.tab.stopWriting());
    expect(failed).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
    const written = await page.evaluate(() => globalThis.tab.numbersOf('writer'));
    expect(written).toHaveLength(acknowledged);
    expect(new Set(written).size).toBe(acknowledged);
    expect(await page.evaluate(() => globalThis.tab.numbersOf('import'))).toEqual(Array.from({ length: 40_000 }, (_unused, n) => n));
  });

  it('gives up on an engine that dies again and again, with an error and not a hang', async () => {
    await open();
    for (let death = 0; death < 8; death++) {
      const engine = page.workers().find((one) => one.url().includes('engine'));
      if (engine !== undefined) kill(engine);
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    const outcome = await page.evaluate(() =>
      globalThis.tab.insert('writer', 1).then(
        () => 'written',
        (error: { code: string }) => error.code,
      ),
    );
    expect(['written', 'StorageUnavailable']).toContain(outcome);
  });
});
