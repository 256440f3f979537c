/**
 * What was acknowledged survives: the browser killed in the middle of the first import, and an engine worker killed in the middle
 * of it. The page counts only acknowledged objects (`data-text-done`).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from '../bench/run/browser.ts';
import { ask, hasAnswer, stateOf, waitForRows, waitForStages, waitForVectors } from './setup/demo-page.ts';
import { type ServedDemo, serveDemo } from './setup/demo.ts';
import { killBrowser } from './setup/kill.ts';

const KILL_AT_ROWS = 20_000;
const KILL_AT_VECTORS = 5_000;
const SYNSETS = 117_791;

describe('the demo, interrupted', () => {
  let demo: ServedDemo;
  let profile: string;
  let browser: Browser;

  beforeAll(async () => {
    demo = await serveDemo();
  });
  afterAll(() => demo.close());
  beforeEach(async () => {
    profile = mkdtempSync(join(tmpdir(), 'heddle-kill-'));
    browser = await openBrowser({ profile });
  });
  afterEach(async () => {
    await browser.close().catch(() => undefined);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Kills everything, starts a browser on the same profile, and opens the demo again. */
  const killAndReopen = async (): Promise<Page> => {
    await killBrowser(profile);
    await browser.close().catch(() => undefined);
    browser = await openBrowser({ profile });
    const page = await browser.context.newPage();
    await page.goto(demo.url);
    return page;
  };

  it('has every acknowledged object after the browser was killed in mid-import, and goes on with text and vectors', async () => {
    let page = await browser.context.newPage();
    await page.goto(demo.url);
    const acknowledged = await waitForRows(page, KILL_AT_ROWS);

    page = await killAndReopen();
    expect(await waitForRows(page, 1)).toBeGreaterThanOrEqual(acknowledged);
    expect(hasAnswer(await ask(page, 'somebody mortal soul', 'words'), ['person'])).toBe(true);
    await waitForStages(page, ['text']);
    expect((await stateOf(page)).textDone).toBe(SYNSETS);
    const vectors = await waitForVectors(page, KILL_AT_VECTORS);

    page = await killAndReopen();
    expect(await waitForVectors(page, 1)).toBeGreaterThanOrEqual(vectors);
    expect((await stateOf(page)).textDone).toBe(SYNSETS);
    await waitForVectors(page, vectors + 2000);
    await waitForStages(page, ['model']);
    expect(hasAnswer(await ask(page, 'a human being', 'meaning'), ['person'])).toBe(true);
  });

  it('loses nothing and hangs nowhere when an engine worker is killed in mid-import', async () => {
    const page = await browser.context.newPage();
    await page.goto(demo.url);
    const acknowledged = await waitForRows(page, KILL_AT_ROWS);
    const engine = page.workers().find((worker) => /engine/.test(worker.url()));
    expect(engine, 'an engine worker').toBeDefined();
    // The call never returns: its worker ends under it.
    void engine!.evaluate(() => self.close()).catch(() => undefined);
    expect(await waitForRows(page, acknowledged + 1000)).toBeGreaterThan(acknowledged);
    await waitForStages(page, ['text']);
    expect((await stateOf(page)).textDone).toBe(SYNSETS);
    expect(hasAnswer(await ask(page, 'somebody mortal soul', 'words'), ['person'])).toBe(true);
  });
});
