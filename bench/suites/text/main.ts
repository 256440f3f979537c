/**
 * npm run bench -- text [--rounds 3] [--sets wordnet,debian] [--engines heddle,minisearch,…] [--queries 500] [--json FILE]
 *
 * Keyword search in Chromium, one worker an engine, beside MiniSearch, FlexSearch, Orama and SQLite's FTS5, in alternating
 * rounds. Ours is measured at the shard and durable on OPFS; the peers keep everything in memory. Rates are per second of the
 * worker thread's processor time, latencies are wall time inside the worker.
 */
import { cpuMsOf, workerThreads, type Thread } from '../../run/cpu-time.ts';
import { openBrowser, openPage, type Browser } from '../../run/browser.ts';
import { median, medianRatio, quantile, rounded } from '../../run/statistics.ts';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { keystrokesOf, queriesOf, textsOf, type SetName } from './data.ts';
import type { Operator } from './subject.ts';
import type { EngineName, Step, StepResult } from './subject.worker.ts';

export { figures } from './figures.ts';

const ENGINES: readonly EngineName[] = ['heddle', 'minisearch', 'fts5', 'flexsearch', 'orama'];
const QUERIES = 500;
/** Of them, how many are typed letter by letter. */
const TYPED_SHARE = 0.08;

/** One engine in its worker. */
class Subject {
  private readonly page: Page;
  private readonly number: number;
  private readonly thread: Thread;

  private constructor(page: Page, number: number, thread: Thread) {
    this.page = page;
    this.number = number;
    this.thread = thread;
  }

  static async start(browser: Browser, page: Page, number: number): Promise<Subject> {
    const before = new Set(workerThreads(browser.profile).map(({ tid }) => tid));
    await page.evaluate((n) => globalThis.textBench.start(n), number);
    for (;;) {
      const thread = workerThreads(browser.profile).find(({ tid }) => !before.has(tid));
      if (thread) return new Subject(page, number, thread);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The step's result and the processor milliseconds it took. */
  async step(step: Step): Promise<StepResult & { cpuMs: number }> {
    const before = cpuMsOf(this.thread);
    const result = await this.page.evaluate(([n, one]) => globalThis.textBench.step(n, one), [this.number, step] as const);
    return { ...result, cpuMs: cpuMsOf(this.thread) - before };
  }

  end(): Promise<void> {
    return this.page.evaluate((n) => globalThis.textBench.end(n), this.number);
  }
}

interface Measured {
  /** Texts per second of processor time. */
  readonly indexRate: number[];
  /** By operator, one a round: processor ms a query, and wall quantiles. */
  readonly cpuMs: Record<Operator, number[]>;
  readonly p50: Record<Operator, number[]>;
  readonly p95: Record<Operator, number[]>;
  readonly p99: Record<Operator, number[]>;
  bytes: number;
  reopenMs: number;
  /** After that first answer: the first prefix query, cold as its part of the term dictionary. */
  firstKeystrokeMs: number;
}

const perOperator = (): Record<Operator, number[]> => ({ or: [], and: [], prefix: [] });

export async function run(context: BenchContext): Promise<SuiteResult> {
  const rounds = Number(context.option('rounds') ?? 3);
  const sets = (context.option('sets') ?? 'wordnet,debian').split(',') as SetName[];
  const engines = (context.option('engines')?.split(',') as EngineName[] | undefined) ?? ENGINES;
  const rows: Record<string, unknown>[] = [];
  const missing: { name: string; reason: string }[] = [];
  let figures: Figure[] = [];
  for (const set of sets) {
    const data = textsOf(set, context.cache);
    if (data === null) {
      missing.push({ name: `text ${set}`, reason: 'apt-cache gives no descriptions on this machine' });
      continue;
    }
    const measured = await measureSet(context, set, data, engines, rounds);
    for (const [engine, one] of measured) rows.push(rowOf(set, engine, data.texts.length, one));
    if (set === 'wordnet') figures = figuresOf(measured);
  }
  return { figures, rows, missing };
}

async function measureSet(
  context: BenchContext,
  set: SetName,
  data: { file: string; texts: readonly string[] },
  engines: readonly EngineName[],
  rounds: number,
): Promise<Map<EngineName, Measured>> {
  const browser = await openBrowser();
  const { page, close } = await openPage(browser, join(import.meta.dirname, 'page.ts'), { mounts: { '/texts/': context.cache } });
  const queries = queriesOf(data.texts, Number(context.option('queries') ?? QUERIES));
  const asked: Record<Operator, readonly string[]> = {
    or: queries,
    and: queries,
    prefix: keystrokesOf(queries.slice(0, Math.ceil(queries.length * TYPED_SHARE))),
  };
  const measured = new Map<EngineName, Measured>();
  const subjects = new Map<EngineName, Subject>();
  let number = 0;
  const open = async (engine: EngineName, name: string): Promise<Subject> => {
    const subject = await Subject.start(browser, page, number++);
    await subject.step({ kind: 'load', url: `/texts/${data.file}` });
    await subject.step({ kind: 'open', engine, name });
    return subject;
  };
  try {
    await page.waitForFunction(() => 'textBench' in globalThis);
    for (const engine of engines)
      measured.set(engine, {
        indexRate: [],
        cpuMs: perOperator(),
        p50: perOperator(),
        p95: perOperator(),
        p99: perOperator(),
        bytes: NaN,
        reopenMs: NaN,
        firstKeystrokeMs: NaN,
      });
    for (let round = 0; round < rounds; round++)
      for (const engine of round % 2 === 0 ? engines : engines.toReversed()) {
        context.log(`${set}, round ${round + 1} of ${rounds}: ${engine} indexes`);
        const before = subjects.get(engine);
        if (before) {
          await before.step({ kind: 'close' });
          await before.end();
        }
        const subject = await open(engine, `${set}-${round}`);
        subjects.set(engine, subject);
        const { cpuMs } = await subject.step({ kind: 'index' });
        measured.get(engine)!.indexRate.push(data.texts.length / (cpuMs / 1000));
        await subject.step({ kind: 'settle' });
      }
    for (const engine of engines) measured.get(engine)!.bytes = (await subjects.get(engine)!.step({ kind: 'bytes' })).value;
    for (let round = -1; round < rounds; round++)
      for (const engine of round % 2 === 0 ? engines : engines.toReversed())
        for (const operator of ['or', 'and', 'prefix'] as const) {
          const { calls, cpuMs } = await subjects.get(engine)!.step({ kind: 'search', operator, queries: asked[operator] });
          if (round < 0) continue; // warms up
          const into = measured.get(engine)!;
          into.cpuMs[operator].push(cpuMs / calls.length);
          into.p50[operator].push(median(calls));
          into.p95[operator].push(quantile(calls, 0.95));
          into.p99[operator].push(quantile(calls, 0.99));
        }
    if (subjects.has('heddle'))
      Object.assign(measured.get('heddle')!, await reopen(browser, page, subjects, number, `${set}-${rounds - 1}`, queries));
    return measured;
  } finally {
    await close();
    await browser.close();
  }
}

/** From a closed database in a new worker to its first answer, and then to that of the first keystroke. */
async function reopen(
  browser: Browser,
  page: Page,
  subjects: ReadonlyMap<EngineName, Subject>,
  number: number,
  name: string,
  [asked, typed]: readonly string[],
): Promise<Pick<Measured, 'reopenMs' | 'firstKeystrokeMs'>> {
  await subjects.get('heddle')!.step({ kind: 'close' });
  const times: number[] = [];
  const keystrokes: number[] = [];
  for (let i = 0; i < 3; i++) {
    const subject = await Subject.start(browser, page, number + i);
    const opened = await subject.step({ kind: 'open', engine: 'heddle', name });
    const answered = await subject.step({ kind: 'search', operator: 'or', queries: [asked] });
    times.push(opened.ms + answered.ms);
    keystrokes.push((await subject.step({ kind: 'search', operator: 'prefix', queries: [typed.slice(0, 2)] })).ms);
    await subject.step({ kind: 'close' });
    await subject.end();
  }
  return { reopenMs: median(times), firstKeystrokeMs: median(keystrokes) };
}

function rowOf(set: SetName, engine: EngineName, texts: number, one: Measured): Record<string, unknown> {
  const row: Record<string, unknown> = { set, texts, engine, indexPerCpuSecond: Math.round(median(one.indexRate)) };
  for (const operator of ['or', 'and', 'prefix'] as const)
    row[operator] = {
      cpuMs: rounded(median(one.cpuMs[operator])),
      p50Ms: rounded(median(one.p50[operator])),
      p95Ms: rounded(median(one.p95[operator])),
      p99Ms: rounded(median(one.p99[operator])),
    };
  if (!Number.isNaN(one.bytes) && one.bytes > 0) row.bytes = one.bytes;
  if (!Number.isNaN(one.reopenMs)) {
    row.reopenMs = rounded(one.reopenMs);
    row.firstKeystrokeMs = rounded(one.firstKeystrokeMs);
  }
  return row;
}

function figuresOf(measured: ReadonlyMap<EngineName, Measured>): Figure[] {
  const [ours, mini, fts] = [measured.get('heddle'), measured.get('minisearch'), measured.get('fts5')];
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string, goal: string): void =>
    void figures.push({ name, value: rounded(value), unit, goal });
  if (ours && mini) {
    add('text.or.p50.vs-minisearch', medianRatio(ours.p50.or, mini.p50.or), 'ratio of wall ms', '<= 1');
    add('text.or.p99.vs-minisearch', medianRatio(ours.p99.or, mini.p99.or), 'ratio of wall ms', '<= 0.25');
    add('text.index.vs-minisearch', medianRatio(ours.indexRate, mini.indexRate), 'ratio of texts per CPU s', '>= 1');
  }
  if (ours && fts) {
    add('text.and.vs-fts5', medianRatio(ours.cpuMs.and, fts.cpuMs.and), 'ratio of CPU ms', '<= 1');
    add('text.index.vs-fts5', medianRatio(ours.indexRate, fts.indexRate), 'ratio of texts per CPU s', '>= 1');
    add('text.bytes.vs-fts5', ours.bytes / fts.bytes, 'ratio of bytes', '<= 1');
  }
  if (ours) {
    add('text.reopen-ms', ours.reopenMs, 'ms', '<= 60');
    add('text.prefix.p95-ms', median(ours.p95.prefix), 'ms', '<= 5');
  }
  return figures;
}
