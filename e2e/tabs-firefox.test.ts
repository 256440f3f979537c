/** Two tabs in Firefox: its file handles, locks and workers are another implementation. Where Firefox is not installed the test is skipped. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { firefox } from 'playwright';
import { expect, it } from 'vitest';
import { servePage } from '../bench/run/browser.ts';

const PROGRAM = process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr';
/** Over BiDi this Firefox knows no emulation of media features. */
const NO_EMULATION = { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null } as const;

it.skipIf(!existsSync(PROGRAM))(
  'goes on in the other tab when the owner closes, every write applied once',
  { timeout: 120_000 },
  async () => {
    const served = await servePage(join(import.meta.dirname, 'tabs-page.ts'));
    const browser = await firefox.launch({ channel: 'moz-firefox', executablePath: PROGRAM, headless: true });
    try {
      const context = await browser.newContext(NO_EMULATION);
      const [owner, writer] = [await context.newPage(), await context.newPage()];
      for (const page of [owner, writer]) {
        await page.goto(served.url);
        await page.evaluate(() => globalThis.tab.open('firefox'));
      }
      await owner.evaluate(() => globalThis.tab.insert('owner', 1));
      await writer.evaluate(() => globalThis.tab.startWriting('writer'));
      await new Promise((resolve) => setTimeout(resolve, 500));
      await owner.close();
      const before = await writer.evaluate(() => globalThis.tab.length());
      await expect.poll(() => writer.evaluate(() => globalThis.tab.length()), { timeout: 30_000 }).toBeGreaterThan(before);
      const { acknowledged, failed } = await writer.evaluate(() => globalThis.tab.stopWriting());
      expect(failed).toEqual([]);
      const numbers = await writer.evaluate(() => globalThis.tab.numbersOf('writer'));
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(numbers).toHaveLength(acknowledged);
      expect(await writer.evaluate(() => globalThis.tab.numbersOf('owner'))).toEqual([1]);
    } finally {
      await browser.close();
      await served.close();
    }
  },
);
