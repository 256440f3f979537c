/**
 * The demo as a person meets it: the first visit, the twenty descriptions, a reload, the network gone. The same profile goes
 * through all of it, in this order.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from '../bench/run/browser.ts';
import { REVERSE_QUERIES } from '../scripts/lib/reverse-queries.mjs';
import { ask, hasAnswer, stateOf, waitForRows, waitForStages } from './setup/demo-page.ts';
import { type ServedDemo, serveDemo } from './setup/demo.ts';

const SYNSETS = 117_791;
const WANTED = 16;

describe('the demo', () => {
  let demo: ServedDemo;
  let browser: Browser;
  let page: Page;
  let profile: string;
  const faults: string[] = [];
  let answered: string[][][];

  const open = async (): Promise<void> => {
    page = await browser.context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.goto(demo.url);
  };
  const askAll = async (): Promise<string[][][]> => {
    const answers = [];
    for (const [query] of REVERSE_QUERIES) answers.push(await ask(page, query, 'meaning'));
    return answers;
  };

  beforeAll(async () => {
    demo = await serveDemo();
    profile = mkdtempSync(join(tmpdir(), 'heddle-demo-'));
    browser = await openBrowser({ profile });
  });
  afterAll(async () => {
    await browser.close();
    await demo.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  it('answers by words while the dictionary is still arriving', async () => {
    await open();
    await waitForRows(page, 2000);
    const entries = await ask(page, 'somebody mortal soul', 'words');
    expect(entries.slice(0, 5).flat()).toContain('person');
    expect((await stateOf(page)).text).toBe('running');
  });

  it('brings all of WordNet, its vectors and the model onto the device', async () => {
    await waitForStages(page, ['text', 'vectors', 'model']);
    const { textDone, vectorsDone } = await stateOf(page);
    expect({ textDone, vectorsDone }).toEqual({ textDone: SYNSETS, vectorsDone: SYNSETS });
  });

  it(`finds at least ${WANTED} of the ${REVERSE_QUERIES.length} words by their meaning`, async () => {
    answered = await askAll();
    const missed = REVERSE_QUERIES.filter(([, answers], i) => !hasAnswer(answered[i], answers)).map(([query]) => query);
    expect(REVERSE_QUERIES.length - missed.length, `missed: ${missed.join(' · ')}`).toBeGreaterThanOrEqual(WANTED);
  });

  it('narrows to a part of speech and a domain before it searches, so that the list stays full', async () => {
    await ask(page, 'one who pretends to be ill to avoid work', 'meaning');
    await page.click('[data-facet="pos:verb"]');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('[data-results] .kind')].every((kind) => kind.textContent?.startsWith('verb')),
    );
    expect(await page.$$eval('[data-results] > li', (entries) => entries.length)).toBe(20);
    await page.click('[data-facet="pos:verb"]');
  });

  it('forgives a typo, and matches the word being typed by its beginning', async () => {
    expect(hasAnswer(await ask(page, 'claustrophobai', 'words'), ['claustrophobia'])).toBe(true);
    expect(hasAnswer(await ask(page, 'claustroph', 'words'), ['claustrophobia'])).toBe(true);
  });

  it('gives the same answers after a reload, without another import', async () => {
    const fetched: string[] = [];
    page.on('request', (request) => fetched.push(request.url()));
    await page.reload();
    await waitForStages(page, ['text', 'vectors', 'model'], 120_000);
    expect(await askAll()).toEqual(answered);
    expect(fetched.filter((url) => /\/data\/wordnet\/(text|vectors)-/.test(url))).toEqual([]);
  });

  it('keeps a note, and finds it by meaning', async () => {
    await page.evaluate(() => (location.hash = '#notes'));
    await page.fill('#query', '');
    await page.fill('#draft', '# The kitchen tap\n\nIt drips since March. The washer is worn out.');
    await page.click('button.primary');
    await page.waitForSelector('[data-note="The kitchen tap"]');
    await page.waitForFunction(() => document.documentElement.dataset.noteVectors === 'done');
    await page.fill('#query', 'leaking faucet');
    await page.waitForSelector('[data-results][data-mode=meaning] > [data-title="The kitchen tap"]');
  });

  it('works with the network off, after a reload too', async () => {
    await page.waitForFunction(() => document.documentElement.dataset.offline === 'true');
    await browser.context.setOffline(true);
    await demo.close();
    await page.goto(demo.url);
    await waitForStages(page, ['text', 'vectors', 'model'], 120_000);
    expect(await ask(page, REVERSE_QUERIES[0][0], 'meaning')).toEqual(answered[0]);
    await browser.context.setOffline(false);
  });

  it('has told of no error meanwhile', () => {
    // The server is gone by now: what a page asks of it in vain is no fault of the page.
    expect(faults.filter((fault) => !/ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED|FAILED)|Failed to load resource/.test(fault))).toEqual(
      [],
    );
  });
});
