/** Visits to the demo as a person makes them, measured from inside the page by its own marks. */
import type { BrowserContext, CDPSession, Page } from 'playwright';

export type Mode = 'meaning' | 'words' | 'both';
const VISIT_MS = 900_000;

/** Types `query` as soon as there is a field to type into, and notes when an answer with results was painted. */
export async function askAtOnce(page: Page, query: string, mode: Mode): Promise<void> {
  await page.addInitScript(
    ([text, how]) => {
      const state = globalThis as unknown as { answeredAt?: number };
      const look = setInterval(() => {
        const field = document.querySelector<HTMLInputElement>('#query');
        const radio = document.querySelector<HTMLInputElement>(`input[name=mode][value=${how}]`);
        if (field === null) return;
        if (radio !== null && !radio.checked) radio.click();
        if (field.value !== text) {
          field.value = text;
          field.dispatchEvent(new Event('input', { bubbles: true }));
        }
        const list = document.querySelector<HTMLElement>('[data-results]');
        if (list?.dataset.query === text && list.dataset.mode === how && list.querySelector('[data-word]') !== null) {
          state.answeredAt = performance.now();
          clearInterval(look);
        }
      }, 4);
    },
    [query, mode] as const,
  );
}

/** Keeps the sentence model's worker from starting. Its requests can't be kept back: the service worker answers them. */
export const withoutModel = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const Started = globalThis.Worker;
    globalThis.Worker = class extends Started {
      constructor(url: string | URL, options?: WorkerOptions) {
        if (options?.name === 'heddle minilm') throw new Error('kept from starting');
        super(url, options);
      }
    };
  });

/** Milliseconds from the navigation to the painted answer. */
export async function answeredAfterMs(page: Page, timeout = VISIT_MS): Promise<number> {
  await page.waitForFunction(() => (globalThis as unknown as { answeredAt?: number }).answeredAt !== undefined, null, { timeout });
  return page.evaluate(() => (globalThis as unknown as { answeredAt: number }).answeredAt);
}

export const waitForStage = (page: Page, stage: 'text' | 'vectors' | 'model', timeout = VISIT_MS): Promise<unknown> =>
  page.waitForFunction((name) => document.documentElement.dataset[name] === 'done', stage, { timeout });

/** 10 Mbit/s both ways; counts the bytes that come. */
export async function slowNetwork(page: Page): Promise<{ session: CDPSession; bytes: () => number }> {
  const session = await page.context().newCDPSession(page);
  let received = 0;
  session.on('Network.dataReceived', ({ encodedDataLength }) => (received += encodedDataLength));
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 20,
    downloadThroughput: 1_250_000,
    uploadThroughput: 1_250_000,
  });
  return { session, bytes: () => received };
}

/** Milliseconds from each key to its painted answer, typing like a person. */
export async function keystrokes(page: Page, sentence: string, mode: Mode, pauseMs: number): Promise<number[]> {
  await page.check(`input[name=mode][value=${mode}]`, { force: true });
  await page.fill('#query', '');
  await page.evaluate(() => {
    const state = globalThis as unknown as { keys: Map<string, number>; times: number[] };
    state.keys = new Map();
    state.times = [];
    const field = document.querySelector<HTMLInputElement>('#query')!;
    field.addEventListener('input', (event) => state.keys.set(field.value.trim(), event.timeStamp), { capture: true });
    new PerformanceObserver((list) => {
      for (const mark of list.getEntriesByName('heddle:painted')) {
        const asked = (mark as PerformanceMark).detail as { query: string };
        const pressed = state.keys.get(asked.query);
        if (pressed !== undefined) state.times.push(mark.startTime - pressed);
        state.keys.delete(asked.query);
      }
    }).observe({ type: 'mark' });
  });
  await page.type('#query', sentence, { delay: pauseMs });
  await page.waitForTimeout(2_000);
  return page.evaluate(() => (globalThis as unknown as { times: number[] }).times);
}

export async function newTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`));
  return page;
}
