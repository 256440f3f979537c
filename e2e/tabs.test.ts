/**
 * Several tabs of one origin on one database: they work through one owner, and when the owner's tab closes, reloads, crashes or goes into
 * the back/forward cache, another takes over; every write is applied exactly once and every promise settles.
 */
import { join } from 'node:path';
import type { Page } from 'playwright';
import { chromium } from 'playwright';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { servePage, type ServedPage } from '../bench/run/browser.ts';
import { CHROMIUM_ARGS, requireChromium } from '../scripts/lib/chromium.mjs';

/** A failover, its recovery and a busy machine. */
const FAILOVER_MS = 20_000;

type Context = Awaited<ReturnType<typeof chromium.launchPersistentContext>>;

describe('tabs that share a database', () => {
  let served: ServedPage;
  let profile: string;
  let context: Context;
  let count = 0;
  const freshName = (): string => `tabs-${count++}`;

  beforeAll(async () => {
    served = await servePage(join(import.meta.dirname, 'tabs-page.ts'));
    profile = mkdtempSync(join(tmpdir(), 'heddle-tabs-'));
    // Playwright switches the back/forward cache off unless asked not to.
    context = await chromium.launchPersistentContext(profile, {
      executablePath: await requireChromium(),
      headless: true,
      args: CHROMIUM_ARGS,
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    });
  });
  afterAll(async () => {
    await context?.close();
    await served?.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  afterEach(async () => {
    for (const page of context.pages()) await page.close().catch(() => undefined);
  });

  async function tab(name: string, options: { readonly withoutSharedWorker?: boolean } = {}): Promise<Page> {
    const page = await context.newPage();
    await page.goto(served.url);
    await page.evaluate(([database, settings]) => globalThis.tab.open(database, settings), [name, options] as const);
    return page;
  }
  const call = <K extends 'length' | 'changes' | 'close' | 'stopWriting'>(
    page: Page,
    action: K,
  ): Promise<Awaited<ReturnType<(typeof globalThis.tab)[K]>>> => page.evaluate((method) => globalThis.tab[method]() as never, action);

  /** What a tab wrote, against what it was told: every acknowledged number there once, none twice. */
  async function expectOnce(reader: Page, name: string, acknowledged: number): Promise<void> {
    const numbers = await reader.evaluate((writer) => globalThis.tab.numbersOf(writer), name);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBe(acknowledged);
  }

  /** Lets `writer` write while something befalls the owner, then holds its books against the store. */
  async function survives(writer: Page, befall: () => Promise<unknown>): Promise<void> {
    await writer.evaluate(() => globalThis.tab.startWriting('writer'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await befall();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = await writer.evaluate(() => globalThis.tab.length());
    await expect.poll(() => writer.evaluate(() => globalThis.tab.length()), { timeout: FAILOVER_MS }).toBeGreaterThan(before);
    const { acknowledged, failed } = await call(writer, 'stopWriting');
    expect(failed).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
    await expectOnce(writer, 'writer', acknowledged);
  }

  it('sees in one tab what another writes, and is told of it', async () => {
    const name = freshName();
    const first = await tab(name);
    const second = await tab(name);
    await first.evaluate(() => globalThis.tab.insert('first', 1));
    await second.evaluate(() => globalThis.tab.insert('second', 2));
    expect(await call(first, 'length')).toBe(2);
    expect(await call(second, 'length')).toBe(2);
    await expect.poll(() => call(first, 'changes')).toBe(2);
    await expect.poll(() => call(second, 'changes')).toBe(2);
  });

  it('goes on in the other tab when the owner closes its database in good order', async () => {
    const name = freshName();
    const owner = await tab(name);
    const writer = await tab(name);
    await survives(writer, () => call(owner, 'close'));
  });

  it("goes on in the other tab when the owner's tab is closed", async () => {
    const name = freshName();
    const owner = await tab(name);
    const writer = await tab(name);
    await survives(writer, () => owner.close());
  });

  it("goes on in the other tab when the owner's tab is reloaded, and the reloaded tab joins again", async () => {
    const name = freshName();
    const owner = await tab(name);
    const writer = await tab(name);
    await survives(writer, async () => {
      await owner.reload();
      await owner.evaluate((database) => globalThis.tab.open(database), name);
      await owner.evaluate(() => globalThis.tab.insert('owner', 1));
    });
    await expectOnce(owner, 'owner', 1);
  });

  // With a SharedWorker Chromium may keep the page out of the cache; without one it goes in.
  it.each([{ withoutSharedWorker: false }, { withoutSharedWorker: true }])(
    'goes on when the owner goes into the back/forward cache, and the owner works again when it comes back %j',
    async (options) => {
      const name = freshName();
      const owner = await tab(name, options);
      const writer = await tab(name, options);
      await survives(writer, () => owner.goto(new URL('/other.html', served.url).href));
      // No load event comes from the cache, so playwright's own goBack would wait for ever.
      await owner.evaluate(() => void setTimeout(() => history.back()));
      await owner.waitForFunction(() => 'tab' in globalThis);
      if (!(await owner.evaluate(() => globalThis.tab.cameBack())))
        await owner.evaluate(([database, settings]) => globalThis.tab.open(database, settings), [name, options] as const);
      expect(await call(owner, 'length')).toBe(await call(writer, 'length'));
    },
  );

  it("goes on in the other tab when the owner's renderer crashes", async () => {
    const name = freshName();
    const owner = await tab(name);
    const writer = await tab(name);
    await survives(writer, () => owner.goto('chrome://crash').catch(() => undefined));
  });

  it('works without SharedWorker, over a broadcast channel', async () => {
    const name = freshName();
    const owner = await tab(name, { withoutSharedWorker: true });
    const writer = await tab(name, { withoutSharedWorker: true });
    await writer.evaluate(() => globalThis.tab.insert('first', 1));
    expect(await call(owner, 'length')).toBe(1);
    await survives(writer, () => owner.close());
  });

  it('applies every write once while tabs come and go', async () => {
    const name = freshName();
    const writer = await tab(name);
    await writer.evaluate(() => globalThis.tab.startWriting('writer'));
    const others: Page[] = [];
    for (let round = 0; round < 4; round++) {
      const other = await tab(name);
      others.push(other);
      await other.evaluate((n) => globalThis.tab.insert('other', n), round);
      if (others.length > 2) await others.shift()!.close();
      if (round === 1) await others[0].reload().then(() => others[0].evaluate((database) => globalThis.tab.open(database), name));
    }
    const { acknowledged, failed } = await call(writer, 'stopWriting');
    expect(failed).toEqual([]);
    await expectOnce(writer, 'writer', acknowledged);
    await expectOnce(others[0], 'other', 4);
  });
});
