/**
 * npm run bench -- api [--rounds 5] [--json FILE]
 *
 * What a call costs between page and engine worker, in Chromium on OPFS: one after another, and with 32 in flight. `ping` only crosses
 * page → coordinator → engine worker and back; `raw` is as many bare messages between as many threads, the others are rows for comparison.
 */
import { join } from 'node:path';
import { openBrowser, openPage } from '../../run/browser.ts';
import { median, quantile } from '../../run/statistics.ts';
import type { BenchContext, SuiteResult } from '../../run/suite.ts';
import type { CallName } from './page.ts';
import { FIGURES } from './figures.ts';

export const figures = FIGURES;

const OBJECTS = 2_000;
const WARM_UP = 2_000;
const ONE_BY_ONE = 3_000;
const IN_FLIGHT = 20_000;
/** An isolated page has a clock of 5 µs instead of 100. */
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
const CALLS: readonly CallName[] = ['raw', 'ping', 'get', 'near', 'insert'];

export async function run(context: BenchContext): Promise<SuiteResult> {
  const rounds = Number(context.option('rounds') ?? 5);
  const browser = await openBrowser();
  const { page, close } = await openPage(browser, join(import.meta.dirname, 'page.ts'), { headers: ISOLATED });
  const rows: Record<string, unknown>[] = [];
  try {
    await page.evaluate((objects) => globalThis.apiBench.open(objects), OBJECTS);
    await page.evaluate((count) => globalThis.apiBench.inFlight('ping', 32, count), WARM_UP);
    for (let round = 0; round < rounds; round++) {
      for (const call of CALLS) {
        const share = call === 'insert' ? 0.1 : 1;
        const times = await page.evaluate(([name, count]) => globalThis.apiBench.oneByOne(name, count), [
          call,
          ONE_BY_ONE * share,
        ] as const);
        const rate = await page.evaluate(([name, count]) => globalThis.apiBench.inFlight(name, 32, count), [
          call,
          IN_FLIGHT * share,
        ] as const);
        rows.push({ call, round, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), inFlight32PerS: rate });
        context.log(
          `${call}: p50 ${quantile(times, 0.5).toFixed(3)} ms, p99 ${quantile(times, 0.99).toFixed(3)} ms, 32 in flight ${rate.toFixed(0)}/s`,
        );
      }
    }
    await page.evaluate(() => globalThis.apiBench.close());
  } finally {
    await close();
    await browser.close();
  }
  const of = (call: CallName, key: 'p50Ms' | 'inFlight32PerS'): number =>
    median(rows.filter((row) => row.call === call).map((row) => row[key] as number));
  return {
    figures: [
      { name: 'api.call.p50-ms', value: of('ping', 'p50Ms'), unit: 'ms', goal: '<= 0.15' },
      { name: 'api.inflight32.calls-per-s', value: of('ping', 'inFlight32PerS'), unit: 'calls/s', goal: '>= 15000' },
    ],
    rows,
  };
}
