/**
 * npm run bench -- storage [--rounds 3] [--growth 1000000] [--engines heddle,raw] [--json FILE]
 * npm run bench -- storage --probe: flushing on the engine's thread against a log worker of its own (docs/adr)
 *
 * Durable puts, gets, scans and reopening of 1 KB objects in Chromium on a persistent profile, inside a worker, beside raw
 * OPFS, SQLite, IndexedDB, Dexie and PGlite, in alternating rounds; then through the client API (`--engines api` alone); then
 * Heddle alone as it grows to `--growth` objects.
 */
import { join } from 'node:path';
import { type Browser, openBrowser, servePage } from '../../run/browser.ts';
import { measureThreads, workerThreads } from '../../run/cpu-time.ts';
import { median, medianRatio, quantile } from '../../run/statistics.ts';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { FIGURES } from './figures.ts';
import type { EngineName, Step, StepResult } from './subject.worker.ts';
import { textOf } from './subject.ts';
import { throughApi } from './through-api.ts';

export const figures = FIGURES;

const ENGINES: readonly EngineName[] = ['heddle', 'heddle-store', 'raw', 'sqlite', 'idb', 'dexie', 'pglite'];
const PEERS: readonly EngineName[] = ['sqlite', 'idb', 'dexie', 'pglite'];
/** PGlite compiles with `new Function`, which the product's own policy forbids; an isolated page has clocks of 5 µs instead of 100. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval' blob:; worker-src 'self' blob:; img-src data:",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const IN_FLIGHT_PUTS = 3200;
/** Enough that compiled code, not its compiling, is rated. */
const GETS = 20_000;
const SCANS = 3;

type Ask = (engine: EngineName, step: Step) => Promise<StepResult>;

/** What was measured of one engine, one value a round unless said otherwise. */
interface Measured {
  /** Every put's milliseconds, all rounds. */
  readonly put1Ms: number[];
  readonly put1P50Ms: number[];
  readonly putInFlightRate: number[];
  readonly batch100Rate: number[];
  readonly batch1000Rate: number[];
  /** Per second of the worker's processor time. */
  readonly getRate: number[];
  readonly scanRate: number[];
  /** Per second of wall time. */
  readonly getWallRate: number[];
  readonly scanWallRate: number[];
  objects: number;
  firstOpenMs: number;
  reopenMs: number;
  facts: Readonly<Record<string, number>>;
  /** The same before the first round. */
  factsBefore: Readonly<Record<string, number>>;
}

const fresh = (): Measured => ({
  put1Ms: [],
  put1P50Ms: [],
  putInFlightRate: [],
  batch100Rate: [],
  batch1000Rate: [],
  getRate: [],
  scanRate: [],
  getWallRate: [],
  scanWallRate: [],
  objects: 0,
  firstOpenMs: 0,
  reopenMs: 0,
  facts: {},
  factsBefore: {},
});

/** A page on the origin `url`; the same for all of a run, because storage belongs to the origin. */
async function withPage<T>(browser: Browser, url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  const page = await browser.context.newPage();
  page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`));
  try {
    await page.goto(url);
    await page.waitForFunction(() => 'storageBench' in globalThis);
    return await work((engine, step) => page.evaluate(([name, one]) => globalThis.storageBench.step(name, one), [engine, step] as const));
  } finally {
    await page.close();
  }
}

async function round(browser: Browser, ask: Ask, engine: EngineName, into: Measured, seed: number): Promise<void> {
  const put = async (batch: number, times: number): Promise<StepResult> => {
    const result = await ask(engine, { kind: 'put', from: into.objects, batch, times });
    into.objects += result.count;
    return result;
  };
  const { calls } = await put(1, 300);
  into.put1Ms.push(...calls);
  into.put1P50Ms.push(median(calls));
  if (engine === 'heddle') {
    const result = await ask(engine, { kind: 'put-in-flight', from: into.objects, count: IN_FLIGHT_PUTS, inFlight: 64 });
    into.objects += IN_FLIGHT_PUTS;
    into.putInFlightRate.push(rateOf(result));
  } else await put(800, IN_FLIGHT_PUTS / 800); // as many objects for every engine
  into.batch100Rate.push(rateOf(await put(100, 10)));
  into.batch1000Rate.push(rateOf(await put(1000, 4)));
  await ask(engine, { kind: 'rest' });
  const threads = workerThreads(browser.profile);
  const cpuOf = async (step: Step, rate: number[], wallRate: number[]): Promise<void> => {
    const { value, cpuMs } = await measureThreads(threads, () => ask(engine, step));
    rate.push(rateOf({ ...value, ms: cpuMs.reduce((sum, ms) => sum + ms, 0) }));
    wallRate.push(rateOf(value));
  };
  await cpuOf({ kind: 'get', below: into.objects, times: engine === 'pglite' ? 500 : GETS, seed }, into.getRate, into.getWallRate);
  await cpuOf({ kind: 'scan', times: SCANS }, into.scanRate, into.scanWallRate);
}

const rateOf = ({ count, ms }: StepResult): number => (count / ms) * 1000;

/** Every engine, round by round in turn; then each is closed and opened again. */
async function compare(
  browser: Browser,
  url: string,
  engines: readonly EngineName[],
  rounds: number,
  log: (text: string) => void,
): Promise<Map<EngineName, Measured>> {
  const measured = new Map(engines.map((engine) => [engine, fresh()]));
  await withPage(browser, url, async (ask) => {
    for (const engine of engines) measured.get(engine)!.firstOpenMs = (await ask(engine, { kind: 'open', engine })).ms;
    for (const engine of engines) measured.get(engine)!.factsBefore = (await ask(engine, { kind: 'facts' })).facts;
    for (let n = 0; n < rounds; n++)
      for (const engine of engines) {
        log(`round ${n + 1} of ${rounds}: ${engine}`);
        await round(browser, ask, engine, measured.get(engine)!, n + 1);
      }
    for (const engine of engines) {
      await ask(engine, { kind: 'compact' });
      measured.get(engine)!.facts = (await ask(engine, { kind: 'facts' })).facts;
      await ask(engine, { kind: 'close' });
    }
  });
  for (let n = 0; n < 3; n++)
    await withPage(browser, url, async (ask) => {
      for (const engine of engines) {
        if (engine === 'raw') continue;
        const opened = await ask(engine, { kind: 'open', engine });
        const got = await ask(engine, { kind: 'get', below: 100, times: 1, seed: n });
        const ms = opened.ms + got.ms;
        const one = measured.get(engine)!;
        one.reopenMs = one.reopenMs === 0 ? ms : Math.min(one.reopenMs, ms);
        await ask(engine, { kind: 'close' });
      }
    });
  return measured;
}

interface GrowthPoint {
  readonly objects: number;
  readonly putRate: number;
  readonly callMaxMs: number;
  readonly callP99Ms: number;
  readonly getsPerSecond: number;
}

/** Heddle alone, filled in batches of 100; what the last tenth before each size cost. */
async function grow(
  browser: Browser,
  url: string,
  most: number,
  log: (text: string) => void,
): Promise<{ points: GrowthPoint[]; facts: Readonly<Record<string, number>> }> {
  return withPage(browser, url, async (ask) => {
    await ask('heddle', { kind: 'open', engine: 'heddle' });
    const points: GrowthPoint[] = [];
    let have = 0;
    let window: StepResult[] = [];
    for (const size of [10_000, 100_000, 1_000_000].filter((size) => size <= most)) {
      while (have < size) {
        const result = await ask('heddle', { kind: 'put', from: have, batch: 100, times: 50 });
        have += result.count;
        window.push(result);
        if (window.length * 5000 > Math.max(10_000, size / 10)) window.shift();
      }
      const calls = window.flatMap(({ calls }) => calls);
      const got = await ask('heddle', { kind: 'get', below: have, times: 4000, seed: size });
      points.push({
        objects: size,
        putRate: rateOf({ ...window[0], count: window.length * 5000, ms: window.reduce((sum, { ms }) => sum + ms, 0) }),
        callMaxMs: Math.max(...calls),
        callP99Ms: quantile(calls, 0.99),
        getsPerSecond: rateOf(got),
      });
      window = [];
      log(`grown to ${size}: ${JSON.stringify(points.at(-1))}`);
    }
    await ask('heddle', { kind: 'compact' });
    const { facts } = await ask('heddle', { kind: 'facts' });
    await ask('heddle', { kind: 'close' });
    return { points, facts };
  });
}

const round3 = (value: number): number => Number(value.toPrecision(3));

/** Rows of the probe behind `docs/adr/flush-on-the-engine-thread.md`. */
async function probe(url: string): Promise<SuiteResult> {
  const browser = await openBrowser();
  try {
    const page = await browser.context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => 'storageBench' in globalThis);
    const results = await page.evaluate(() => globalThis.storageBench.probe());
    const rows = results.map(({ way, commitMs, queryMs }) => ({
      row: 'probe',
      way,
      commitP50Ms: round3(median(commitMs)),
      commitP99Ms: round3(quantile(commitMs, 0.99)),
      queryP50Ms: round3(median(queryMs)),
      queryP99Ms: round3(quantile(queryMs, 0.99)),
      queryMaxMs: round3(Math.max(...queryMs)),
    }));
    for (const row of rows) console.log(JSON.stringify(row));
    return { figures: [], rows, missing: FIGURES.map((name) => ({ name, reason: '--probe measures something else' })) };
  } finally {
    await browser.close();
  }
}

/** A browser with a profile of its own. */
async function inBrowser<T>(work: (browser: Browser) => Promise<T>): Promise<T> {
  const browser = await openBrowser();
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

export async function run(context: BenchContext): Promise<SuiteResult> {
  const rounds = Number(context.option('rounds') ?? 3);
  const most = Number(context.option('growth') ?? 1_000_000);
  const chosen = context.option('engines')?.split(',');
  const engines = ENGINES.filter((engine) => chosen?.includes(engine) ?? true);
  const served = await servePage(join(import.meta.dirname, 'page.ts'), { headers: HEADERS });
  try {
    if (context.flag('probe')) return await probe(served.url);
    const measured = await inBrowser((browser) => compare(browser, served.url, engines, rounds, context.log));
    const api = chosen?.includes('api') === false ? [] : [await inBrowser((browser) => throughApi(browser, HEADERS, rounds))];
    for (const row of api) context.log(`through the API: ${JSON.stringify(row)}`);
    if (chosen !== undefined)
      return {
        figures: [],
        rows: [...rowsOf(measured, []), ...api],
        missing: FIGURES.map((name) => ({ name, reason: '--engines leaves peers out' })),
      };
    const growth = await inBrowser((browser) => grow(browser, served.url, most, context.log));
    return { figures: figuresOf(measured, growth), rows: [...rowsOf(measured, growth.points), ...api], missing: missingOf(growth.points) };
  } finally {
    await served.close();
  }
}

function figuresOf(measured: ReadonlyMap<EngineName, Measured>, growth: Awaited<ReturnType<typeof grow>>): Figure[] {
  const ours = measured.get('heddle')!;
  const raw = measured.get('raw')!;
  const sqlite = measured.get('sqlite')!;
  const best = (pick: (engine: Measured) => number): number => Math.max(...PEERS.map((name) => pick(measured.get(name)!)));
  const put1Rate = (engine: Measured): number => 1000 / (engine.put1Ms.reduce((sum, ms) => sum + ms, 0) / engine.put1Ms.length);
  const jsonBytes = Array.from({ length: 1000 }, (_, n) => textOf(n).length).reduce((a, b) => a + b) / 1000;
  const list: Figure[] = [
    { name: 'storage.put1-p50.vs-raw', value: round3(medianRatio(ours.put1P50Ms, raw.put1P50Ms)), unit: '× ms', goal: '<= 1.2' },
    {
      name: 'storage.put1-p50.vs-best-peer',
      value: round3(Math.max(...PEERS.map((name) => medianRatio(ours.put1P50Ms, measured.get(name)!.put1P50Ms)))),
      unit: '× ms',
      goal: '< 1',
    },
    {
      name: 'storage.put64.vs-best-peer-put1',
      value: round3(median(ours.putInFlightRate) / best(put1Rate)),
      unit: '× puts/s',
      goal: '>= 10',
    },
    {
      name: 'storage.batch1000.vs-best-peer',
      value: round3(Math.min(...PEERS.map((name) => medianRatio(ours.batch1000Rate, measured.get(name)!.batch1000Rate)))),
      unit: '× objects/s',
      goal: '>= 1.5',
    },
    {
      name: 'storage.batch1000.vs-raw',
      value: round3(medianRatio(ours.batch1000Rate, raw.batch1000Rate)),
      unit: '× objects/s',
      goal: '>= 0.5',
    },
    { name: 'storage.get.vs-sqlite', value: round3(medianRatio(ours.getRate, sqlite.getRate)), unit: '× gets/s', goal: '>= 1' },
    { name: 'storage.scan.vs-sqlite', value: round3(medianRatio(ours.scanRate, sqlite.scanRate)), unit: '× objects/s', goal: '>= 0.7' },
    { name: 'storage.reopen-ms', value: round3(ours.reopenMs), unit: 'ms', goal: '<= 50' },
    {
      name: 'storage.flushes-per-commit',
      value: round3((ours.facts.flushes - ours.factsBefore.flushes) / (ours.facts.commits - ours.factsBefore.commits)),
      unit: 'flushes',
      goal: '<= 1',
    },
  ];
  const at = (size: number): GrowthPoint | undefined => growth.points.find(({ objects }) => objects === size);
  const most = growth.points.at(-1);
  if (most !== undefined && most.objects >= 100_000)
    list.push({
      name: 'storage.bytes-per-json-byte',
      value: round3(growth.facts.segmentBytes / most.objects / jsonBytes),
      unit: 'bytes',
      goal: '<= 1.1',
    });
  if (at(1_000_000) !== undefined)
    list.push({
      name: 'storage.put-1m.vs-10k',
      value: round3(at(1_000_000)!.putRate / at(10_000)!.putRate),
      unit: '× objects/s',
      goal: '>= 0.8',
    });
  if (most !== undefined)
    list.push({
      name: 'storage.stall-max-ms',
      value: round3(Math.max(...growth.points.map(({ callMaxMs }) => callMaxMs))),
      unit: 'ms',
      goal: '<= 50',
    });
  return list;
}

function missingOf(points: readonly GrowthPoint[]): { name: string; reason: string }[] {
  const most = points.at(-1)?.objects ?? 0;
  const missing = most < 1_000_000 ? [{ name: 'storage.put-1m.vs-10k', reason: `--growth ended at ${most} objects` }] : [];
  if (most < 100_000) missing.push({ name: 'storage.bytes-per-json-byte', reason: `--growth ended at ${most} objects` });
  return missing;
}

function rowsOf(measured: ReadonlyMap<EngineName, Measured>, points: readonly GrowthPoint[]): Record<string, unknown>[] {
  const engines = [...measured].map(([engine, one]) => ({
    row: 'engine',
    engine,
    objects: one.objects,
    put1P50Ms: round3(median(one.put1Ms)),
    put1P99Ms: round3(quantile(one.put1Ms, 0.99)),
    put64PerSecond: one.putInFlightRate.length > 0 ? Math.round(median(one.putInFlightRate)) : null,
    batch100PerSecond: Math.round(median(one.batch100Rate)),
    batch1000PerSecond: Math.round(median(one.batch1000Rate)),
    getsPerCpuSecond: Math.round(median(one.getRate)),
    scanPerCpuSecond: Math.round(median(one.scanRate)),
    getsPerSecond: Math.round(median(one.getWallRate)),
    scanPerSecond: Math.round(median(one.scanWallRate)),
    firstOpenMs: round3(one.firstOpenMs),
    reopenMs: round3(one.reopenMs),
    ...one.facts,
  }));
  return [...engines, ...points.map((point) => ({ row: 'growth', ...point }))];
}
