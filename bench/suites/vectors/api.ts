/** The API figures: latency and rate of nearVector from the page, on OPFS, idle and under writes. */
import { join } from 'node:path';
import { openBrowser, openPage } from '../../run/browser.ts';
import { median, quantile, rounded } from '../../run/statistics.ts';
import type { BenchContext, Figure } from '../../run/suite.ts';
import type { DataSet } from './datasets.ts';
import { EnginePage } from './engine-page.ts';
import { settingsOf } from './minilm.ts';

/** An isolated page has a clock of 5 µs instead of 100. */
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
const ROUNDS = 3;
/** The defaults of a collection, and the width they give ten results. */
const API_EF_CONSTRUCTION = 128;
const API_EF = 100;

/** The engine alone at the API's own settings, queries per second of wall time. */
async function engineRate(set: DataSet): Promise<number> {
  const engine = await EnginePage.open(set);
  try {
    await engine.build({ ...settingsOf(set), efConstruction: API_EF_CONSTRUCTION });
    await engine.warm(API_EF);
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rates.push((await engine.search(API_EF, 10)).wallQps);
    return median(rates);
  } finally {
    await engine.close();
  }
}

export async function measureApi(context: BenchContext, set: DataSet, rows: Record<string, unknown>[]): Promise<Figure[]> {
  const alone = await engineRate(set);
  const browser = await openBrowser();
  const { page, close } = await openPage(browser, join(import.meta.dirname, 'api-page.ts'), {
    mounts: { '/data/': set.folder },
    headers: ISOLATED,
  });
  try {
    const importRate = await page.evaluate(([dims, count]) => globalThis.vectorsApi.open(dims, count), [set.dimensions, set.rows] as const);
    const recall = await page.evaluate(() => globalThis.vectorsApi.recall(300));
    await page.evaluate(() => globalThis.vectorsApi.oneByOne(1_000));
    const p50: number[] = [];
    const p99: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const times = await page.evaluate(() => globalThis.vectorsApi.oneByOne(2_000));
      p50.push(quantile(times, 0.5));
      p99.push(quantile(times, 0.99));
      rates.push(await page.evaluate(() => globalThis.vectorsApi.inFlight(32, 5_000)));
    }
    const busy = await page.evaluate((first) => globalThis.vectorsApi.underWrite(500, 10, first), set.rows);
    rows.push({
      set: set.name,
      engine: 'heddle through the API',
      rows: set.rows,
      importPerS: importRate,
      recall,
      p50,
      p99,
      inFlight32PerS: rates,
      engineRate: alone,
    });
    rows.push({
      set: set.name,
      engine: 'heddle through the API, under writes',
      puts: busy.puts,
      searches: busy.times.length,
      p50: quantile(busy.times, 0.5),
      p99: quantile(busy.times, 0.99),
      max: Math.max(...busy.times),
    });
    context.log(
      `api: recall ${recall.toFixed(3)}, p50 ${median(p50).toFixed(3)} ms, p99 ${median(p99).toFixed(3)} ms, 32 in flight ${median(rates).toFixed(0)}/s`,
    );
    return [
      { name: 'vectors.api.p50-ms', value: rounded(median(p50)), unit: 'ms', goal: '<= 0.4' },
      { name: 'vectors.api.p99-ms', value: rounded(median(p99)), unit: 'ms', goal: '<= 2' },
      { name: 'vectors.api.inflight32.vs-engine', value: rounded(median(rates) / alone, 3), unit: '×', goal: '>= 0.6' },
      { name: 'vectors.api.under-write.p99-ms', value: rounded(quantile(busy.times, 0.99)), unit: 'ms', goal: '<= 10' },
    ];
  } finally {
    await close();
    await browser.close();
  }
}
