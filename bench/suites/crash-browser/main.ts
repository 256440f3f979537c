/**
 * npm run crash:browser -- [--kills 50] [--cuts 20] [--browsers chromium,firefox] [--json FILE]
 *
 * Kills real browsers and cuts their power while the engine writes on OPFS, and holds what is there afterwards against what
 * was acknowledged. Kills can't see a missing flush (the page cache survives them), power cuts can; the control, the same
 * power cuts with flushes that do nothing, has to lose something or the test is blind.
 *
 * Power cuts come in two kinds: in a database's first minute, where file names are not yet durable and the mirror has to
 * help, and on a database whose files have settled.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../../src/core/clock.ts';
import { servePage } from '../../run/browser.ts';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { type BrowserName, programOf, RunningBrowser, siteStorage } from './browsers.ts';
import { LoopImage, whyNoPowerCuts } from './loop-image.ts';
import { judge, type Verdict } from './verdict.ts';
import { Witness } from './witness.ts';

export const figures = ['browser.chromium.kills', 'browser.firefox.kills', 'browser.power-cuts', 'browser.lost', 'browser.noflush-lost'];

const START_LIMIT_MS = 60_000;
const SETTLE_LIMIT_MS = 120_000;
/** A killed browser's renderer may still write for this long; half of the restarts don't wait for it. */
const ORPHAN_MS = 300;

interface Tally {
  kills: number;
  cuts: number;
  lost: number;
  partial: number;
  wrong: number;
  unopenable: number;
  /** After a kill the browser had nothing of the site any more, neither in OPFS nor in IndexedDB. */
  wiped: number;
  /** Starts in which the browser loaded the site once more by itself, with other storage. */
  doubled: number;
  acknowledged: number;
}

class Trials {
  readonly witness = new Witness();
  readonly rows: Record<string, unknown>[] = [];
  private readonly random = new SeededRandom(1);
  private readonly folder = mkdtempSync(join(tmpdir(), 'heddle-crash-'));
  private readonly pageUrl: string;
  private readonly context: BenchContext;

  constructor(context: BenchContext, pageUrl: string) {
    this.context = context;
    this.pageUrl = pageUrl;
  }

  private start(name: BrowserName, profile: string): Promise<RunningBrowser> {
    this.witness.forget();
    return RunningBrowser.start(name, profile, `${this.pageUrl}?witness=${encodeURIComponent(this.witness.url)}`);
  }

  private record(
    kind: string,
    name: BrowserName,
    trial: number,
    acknowledged: number,
    verdict: Verdict | { readonly unopenable: string },
  ): void {
    this.rows.push({ kind, browser: name, trial, acknowledged, ...verdict });
    if ('unopenable' in verdict) this.context.log(`${kind} ${name} ${trial}: DOES NOT OPEN: ${verdict.unopenable}`);
    else if (verdict.lost.length + verdict.partial.length + verdict.wrong.length > 0)
      this.context.log(
        `${kind} ${name} ${trial}: ${verdict.lost.length} lost, ${verdict.partial.join('; ')} ${verdict.wrong.slice(0, 3).join('; ')}`,
      );
  }

  /** Kills in a row on one profile: each start checks what the one before was promised. */
  async kills(name: BrowserName, count: number, tally: Tally): Promise<void> {
    const profile = join(this.folder, `kill-${name}`);
    this.witness.acks.clear();
    let isFresh = true;
    for (let trial = 0; trial <= count; trial++) {
      this.witness.order = { mode: trial === count ? 'look' : 'write', noFlush: false };
      const before = siteStorage(name, profile);
      const browser = await this.start(name, profile);
      try {
        const found = await this.witness.findings(START_LIMIT_MS);
        if (!isFresh && found.originIsEmpty) {
          // The browser itself forgot the whole site: nothing an engine can keep, but an application has to hear of it (`Evicted`).
          tally.wiped++;
          this.context.log(`kill ${name} ${trial}: the browser has no storage at all for the site any more`);
          const after = siteStorage(name, profile);
          this.rows.push({ kind: 'wiped', browser: name, trial, acknowledged: this.witness.acks.size, before, after });
          this.witness.acks.clear();
        } else if (!isFresh) {
          const verdict = judge(this.witness.acks, 'kill', found);
          tally.kills++;
          this.add(tally, verdict);
          this.record('kill', name, trial, this.witness.acks.size, verdict);
          for (const n of found.numbers) if (!this.witness.acks.has(n)) this.witness.acks.set(n, 'process');
        }
        isFresh = false;
        if (trial === count) break;
        await this.witness.acked(1 + this.random.int(60), START_LIMIT_MS);
        await sleep(this.random.int(20));
        if (this.witness.otherPages.size > 0) tally.doubled++;
        browser.kill();
        if (this.random.next() < 0.5) await sleep(ORPHAN_MS);
      } catch (thrown) {
        tally.kills++;
        tally.unopenable++;
        this.record('kill', name, trial, this.witness.acks.size, { unopenable: String(thrown) });
        await browser.end();
        rmSync(profile, { recursive: true, force: true });
        this.witness.acks.clear();
        isFresh = true;
      } finally {
        // Without waiting: the next browser starts while this one's renderer may still be writing.
        void browser.end();
      }
    }
    tally.acknowledged += this.witness.acks.size;
    await sleep(ORPHAN_MS);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** An image with a database that has lived its first minute, closed in good order. */
  async settledImage(name: BrowserName): Promise<{ image: LoopImage; acks: Map<number, 'power' | 'process'> }> {
    const image = LoopImage.make(join(this.folder, `settled-${name}`));
    const profile = join(image.mount(), 'profile');
    this.witness.acks.clear();
    this.witness.order = { mode: 'write', noFlush: false };
    const browser = await this.start(name, profile);
    try {
      await this.witness.settled(SETTLE_LIMIT_MS);
      await this.witness.acked(10, START_LIMIT_MS);
    } finally {
      await browser.end();
      image.unmount();
    }
    return { image, acks: new Map(this.witness.acks) };
  }

  /** One cut on a copy of `base` (null: a fresh database in its first minute). */
  async cut(
    name: BrowserName,
    trial: number,
    base: { image: LoopImage; acks: Map<number, 'power' | 'process'> } | null,
    noFlush: boolean,
    tally: Tally,
  ): Promise<void> {
    const kind = `${base === null ? 'first-minute' : 'settled'} power cut${noFlush ? ' without flush' : ''}`;
    const file = join(this.folder, `${name}-${trial}`);
    const image = base === null ? LoopImage.make(file) : base.image.copy(file);
    let copy: LoopImage | null = null;
    let browser: RunningBrowser | null = null;
    this.witness.acks.clear();
    for (const [n, durability] of base?.acks ?? []) this.witness.acks.set(n, durability);
    try {
      this.witness.order = { mode: 'write', noFlush };
      browser = await this.start(name, join(image.mount(), 'profile'));
      await this.witness.findings(START_LIMIT_MS);
      await this.witness.acked(1 + this.random.int(base === null ? 60 : 120), START_LIMIT_MS);
      await sleep(this.random.int(20));
      browser.freeze();
      copy = image.copy(`${file}-cut`);
      const promised = new Map(this.witness.acks);
      await browser.end();
      image.discard();

      this.witness.order = { mode: 'look', noFlush: false };
      browser = await this.start(name, join(copy.mount(), 'profile'));
      tally.cuts++;
      tally.acknowledged += promised.size - (base?.acks.size ?? 0);
      const verdict = judge(promised, 'power cut', await this.witness.findings(START_LIMIT_MS));
      this.add(tally, verdict);
      this.record(kind, name, trial, promised.size, verdict);
    } catch (thrown) {
      tally.unopenable++;
      this.record(kind, name, trial, this.witness.acks.size, { unopenable: String(thrown) });
    } finally {
      await browser?.end();
      copy?.discard();
      image.discard();
    }
  }

  private add(tally: Tally, verdict: Verdict): void {
    tally.lost += verdict.lost.length;
    tally.partial += verdict.partial.length;
    tally.wrong += verdict.wrong.length;
  }

  close(): void {
    this.witness.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const emptyTally = (): Tally => ({
  kills: 0,
  cuts: 0,
  lost: 0,
  partial: 0,
  wrong: 0,
  unopenable: 0,
  wiped: 0,
  doubled: 0,
  acknowledged: 0,
});

export async function run(context: BenchContext): Promise<SuiteResult> {
  const kills = Number(context.option('kills') ?? 50);
  const cuts = Number(context.option('cuts') ?? 20);
  const browsers = (context.option('browsers') ?? 'chromium,firefox').split(',') as BrowserName[];
  const result: Figure[] = [];
  const missing: { name: string; reason: string }[] = [];
  const noCuts = cuts === 0 ? 'not asked for' : whyNoPowerCuts();
  const served = await servePage(join(context.root, 'bench/suites/crash-browser/page.ts'), {
    headers: { 'content-security-policy': "default-src 'self' 'wasm-unsafe-eval'; connect-src *" },
  });
  const trials = new Trials(context, served.url);
  await trials.witness.listen();
  const tally = emptyTally();
  const control = emptyTally();
  try {
    for (const name of ['chromium', 'firefox'] as const) {
      const figure = `browser.${name}.kills`;
      if (!browsers.includes(name) || (await programOf(name)) === null) {
        missing.push({ name: figure, reason: browsers.includes(name) ? `${name} is not installed` : 'not asked for' });
        continue;
      }
      const before = tally.kills;
      await trials.kills(name, kills, tally);
      result.push({ name: figure, value: tally.kills - before, unit: 'kills', goal: `>= ${kills}` });
      context.log(`${name}: ${tally.kills - before} kills, ${tally.lost} acknowledged records lost`);
      if (noCuts !== null) continue;
      for (let trial = 0; trial < Math.ceil(cuts / 4); trial++) await trials.cut(name, trial, null, false, tally);
      const base = await trials.settledImage(name);
      for (let trial = 0; trial < Math.floor(cuts / 4); trial++) await trials.cut(name, trial, base, false, tally);
      for (let trial = 0; trial < Math.max(2, Math.floor(cuts / 8)); trial++) {
        await trials.cut(name, trial, base, true, control);
        await trials.cut(name, trial, null, true, control);
      }
      base.image.discard();
      context.log(
        `${name}: ${tally.cuts} power cuts, ${tally.lost} lost; control without flush: ${control.cuts} cuts, ${control.lost} lost, ${control.unopenable} do not open`,
      );
    }
  } finally {
    trials.close();
    await served.close();
  }
  const broken = tally.lost + tally.partial + tally.wrong + tally.unopenable;
  if (noCuts === null) {
    result.push({ name: 'browser.power-cuts', value: tally.cuts, unit: 'cuts' });
    result.push({ name: 'browser.noflush-lost', value: control.lost + control.unopenable, unit: 'records or databases', goal: '> 0' });
  } else for (const name of ['browser.power-cuts', 'browser.noflush-lost']) missing.push({ name, reason: noCuts });
  result.push({ name: 'browser.lost', value: broken, unit: 'records lost, partial or wrong, or databases that do not open', goal: '= 0' });
  return { figures: result, rows: [{ kind: 'totals', ...tally }, { kind: 'totals without flush', ...control }, ...trials.rows], missing };
}
