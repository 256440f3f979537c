/** Rows of the storage suite through the client API, by the clock on the page: what an app has of the storage. */
import { join } from 'node:path';
import { type Browser, servePage } from '../../run/browser.ts';
import { median, quantile } from '../../run/statistics.ts';

const round3 = (value: number): number => Number(value.toPrecision(3));

/** One row; `headers`: of the page. Waits a minute first, so that the first minute's mirror is no part of it. */
export async function throughApi(
  browser: Browser,
  headers: Readonly<Record<string, string>>,
  rounds: number,
): Promise<Record<string, unknown>> {
  const served = await servePage(join(import.meta.dirname, 'api-page.ts'), { headers });
  const newPage = async () => {
    const page = await browser.context.newPage();
    page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`));
    await page.goto(served.url);
    await page.waitForFunction(() => 'storageApiBench' in globalThis);
    return page;
  };
  try {
    const page = await newPage();
    await page.evaluate(async () => {
      await globalThis.storageApiBench.open();
      await globalThis.storageApiBench.settled();
    });
    const put = (batch: number, times: number, inFlight: number) =>
      page.evaluate(([a, b, c]) => globalThis.storageApiBench.put(a, b, c), [batch, times, inFlight] as const);
    const get = (times: number, inFlight: number) =>
      page.evaluate(([a, b]) => globalThis.storageApiBench.get(a, b), [times, inFlight] as const);
    const rates: Record<'put64' | 'batch100' | 'batch1000' | 'get32' | 'scan', number[]> = {
      put64: [],
      batch100: [],
      batch1000: [],
      get32: [],
      scan: [],
    };
    const put1Ms: number[] = [];
    const get1Ms: number[] = [];
    for (let round = 0; round < rounds; round++) {
      put1Ms.push(...(await put(1, 300, 1)).calls);
      rates.put64.push(3200 / (await put(1, 3200, 64)).ms);
      rates.batch100.push(1000 / (await put(100, 10, 1)).ms);
      rates.batch1000.push(4000 / (await put(1000, 4, 1)).ms);
      get1Ms.push(...(await get(2000, 1)).calls);
      rates.get32.push(10_000 / (await get(10_000, 32)).ms);
      const { count, ms } = await page.evaluate(() => globalThis.storageApiBench.scan());
      rates.scan.push(count / ms);
    }
    const [first] = await page.evaluate(() => globalThis.storageApiBench.uuids().slice(0, 1));
    await page.evaluate(() => globalThis.storageApiBench.close());
    await page.close();
    const reopenMs: number[] = [];
    for (let n = 0; n < 3; n++) {
      const again = await newPage();
      reopenMs.push(await again.evaluate((uuid) => globalThis.storageApiBench.reopen(uuid), first));
      await again.evaluate(() => globalThis.storageApiBench.close());
      await again.close();
    }
    const perSecond = (perMs: readonly number[]): number => Math.round(median(perMs) * 1000);
    return {
      row: 'api',
      objects: rounds * 8500,
      put1P50Ms: round3(median(put1Ms)),
      put1P99Ms: round3(quantile(put1Ms, 0.99)),
      put64PerSecond: perSecond(rates.put64),
      batch100PerSecond: perSecond(rates.batch100),
      batch1000PerSecond: perSecond(rates.batch1000),
      get1P50Ms: round3(median(get1Ms)),
      get1P99Ms: round3(quantile(get1Ms, 0.99)),
      get32PerSecond: perSecond(rates.get32),
      scanPerSecond: perSecond(rates.scan),
      reopenMs: round3(Math.min(...reopenMs)),
    };
  } finally {
    await served.close();
  }
}
