/** The API figures: latency and rate of nearVector from the page, on OPFS, idle and under writes. */
import { join } from 'node:path';
import type { Page } from 'playwright';
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
/** Widths among which the narrowest is looked for that has the recall asked for. */
const WIDTHS = [12, 14, 16, 18, 20, 22, 24, 28, 32, 48, 64, 100];
const RECALL = 0.95;
const DEFAULT_WIDTH = 0;

/** The engine alone at the API's own settings, queries per second of wall time at each of `widths`. */
async function engineRates(set: DataSet, widths: readonly number[]): Promise<number[]> {
  const engine = await EnginePage.open(set);
  try {
    await engine.build({ ...settingsOf(set), efConstruction: API_EF_CONSTRUCTION });
    const medians: number[] = [];
    for (const ef of widths) {
      await engine.warm(ef);
      const rates: number[] = [];
      for (let round = 0; round < ROUNDS; round++) rates.push((await engine.search(ef, 10)).wallQps);
      medians.push(median(rates));
    }
    return medians;
  } finally {
    await engine.close();
  }
}

interface MeasuredWidth {
  readonly ef: number;
  readonly recall: number;
  /** Milliseconds, by round. */
  readonly p50: readonly number[];
  readonly p99: readonly number[];
  readonly inFlight32PerS: readonly number[];
}

async function narrowestWidth(recallAt: (ef: number) => Promise<number>): Promise<number> {
  for (const ef of WIDTHS) {
    await recallAt(ef); // the first walks at a width show how far the others go
    if ((await recallAt(ef)) >= RECALL) return ef;
  }
  throw new Error(`recall ${RECALL} is not reached at ef ${WIDTHS.at(-1)}`);
}

async function measureWidth(page: Page, set: DataSet, ef: number): Promise<MeasuredWidth> {
  const oneByOne = (count: number) => page.evaluate(([n, width]) => globalThis.vectorsApi.oneByOne(n, width), [count, ef] as const);
  const recall = await page.evaluate(([n, width]) => globalThis.vectorsApi.recall(n, width), [set.queries, ef] as const);
  const measured = { ef, recall, p50: [] as number[], p99: [] as number[], inFlight32PerS: [] as number[] };
  await oneByOne(1_000);
  for (let round = 0; round < ROUNDS; round++) {
    const times = await oneByOne(2_000);
    measured.p50.push(quantile(times, 0.5));
    measured.p99.push(quantile(times, 0.99));
    measured.inFlight32PerS.push(
      await page.evaluate(([lanes, n, width]) => globalThis.vectorsApi.inFlight(lanes, n, width), [32, 5_000, ef] as const),
    );
  }
  return measured;
}

interface ThroughApi {
  readonly importRate: number;
  /** The narrowest, and the collection's own. */
  readonly widths: readonly MeasuredWidth[];
  readonly busy: { readonly times: readonly number[]; readonly puts: number };
}

async function throughApi(set: DataSet): Promise<ThroughApi> {
  const browser = await openBrowser();
  const { page, close } = await openPage(browser, join(import.meta.dirname, 'api-page.ts'), {
    mounts: { '/data/': set.folder },
    headers: ISOLATED,
  });
  try {
    const importRate = await page.evaluate(([dims, count]) => globalThis.vectorsApi.open(dims, count), [set.dimensions, set.rows] as const);
    const narrow = await narrowestWidth((ef) =>
      page.evaluate(([count, width]) => globalThis.vectorsApi.recall(count, width), [set.queries, ef] as const),
    );
    const widths: MeasuredWidth[] = [];
    for (const ef of [narrow, DEFAULT_WIDTH]) widths.push(await measureWidth(page, set, ef));
    const busy = await page.evaluate((first) => globalThis.vectorsApi.underWrite(500, 10, first), set.rows);
    return { importRate, widths, busy };
  } finally {
    await close();
    await browser.close();
  }
}

export async function measureApi(context: BenchContext, set: DataSet, rows: Record<string, unknown>[]): Promise<Figure[]> {
  const { importRate, widths, busy } = await throughApi(set);
  const [narrow, wide] = widths;
  const alone = await engineRates(set, [narrow.ef, API_EF]);
  widths.forEach((width, i) => {
    rows.push({ set: set.name, engine: 'heddle through the API', rows: set.rows, importPerS: importRate, ...width, engineRate: alone[i] });
    const { ef, recall, p50, p99, inFlight32PerS } = width;
    context.log(
      `api: ${ef === DEFAULT_WIDTH ? 'own width' : `ef ${ef}`}: recall ${recall.toFixed(3)}, p50 ${median(p50).toFixed(3)} ms, p99 ${median(p99).toFixed(3)} ms, 32 in flight ${median(inFlight32PerS).toFixed(0)}/s, engine alone ${alone[i].toFixed(0)}/s`,
    );
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
  return [
    { name: 'vectors.api.p50-ms', value: rounded(median(narrow.p50)), unit: 'ms', goal: '<= 0.4' },
    { name: 'vectors.api.p99-ms', value: rounded(median(narrow.p99)), unit: 'ms', goal: '<= 2' },
    { name: 'vectors.api.own-width.p50-ms', value: rounded(median(wide.p50)), unit: 'ms' },
    { name: 'vectors.api.inflight32.vs-engine', value: rounded(median(wide.inFlight32PerS) / alone[1], 3), unit: '×', goal: '>= 0.6' },
    { name: 'vectors.api.under-write.p99-ms', value: rounded(quantile(busy.times, 0.99)), unit: 'ms', goal: '<= 10' },
  ];
}
