/** One Chromium with one measured worker: the engine's, or a browser peer's. Rates come from the worker thread's CPU time. */
import { join } from 'node:path';
import type { Page } from 'playwright';
import { openBrowser, openPage, type Browser } from '../../run/browser.ts';
import { cpuMsOf, workerThreads, type Thread } from '../../run/cpu-time.ts';
import type { DataSet } from './datasets.ts';
import type { IndexSettings, MeasuredIndex } from './measured-index.ts';

type Built = Awaited<ReturnType<MeasuredIndex['build']>>;

export class EnginePage {
  private readonly browser: Browser;
  private readonly page: Page;
  private readonly closePage: () => Promise<void>;
  private readonly set: DataSet;
  private thread: Thread;
  private peersLoaded = false;

  private constructor(browser: Browser, page: Page, closePage: () => Promise<void>, set: DataSet, thread: Thread) {
    this.browser = browser;
    this.page = page;
    this.closePage = closePage;
    this.set = set;
    this.thread = thread;
  }

  /** `evalAllowed`: for peers that make functions out of text (embind), which the product's policy forbids. */
  static async open(set: DataSet, evalAllowed = false): Promise<EnginePage> {
    const browser = await openBrowser();
    const headers: Record<string, string> = evalAllowed
      ? { 'content-security-policy': "default-src 'self' data: 'unsafe-eval' 'wasm-unsafe-eval' 'unsafe-inline'" }
      : {};
    const { page, close } = await openPage(browser, join(import.meta.dirname, 'page.ts'), { mounts: { '/data/': set.folder }, headers });
    await page.evaluate(() => globalThis.engine.ping());
    const thread = workerThreads(browser.profile).at(-1);
    if (!thread) throw new Error('the worker thread is not found');
    return new EnginePage(browser, page, close, set, thread);
  }

  private async timed<Value>(work: () => Promise<Value>): Promise<{ value: Value; cpuMs: number }> {
    const before = cpuMsOf(this.thread);
    const value = await work();
    return { value, cpuMs: cpuMsOf(this.thread) - before };
  }

  async build(settings: IndexSettings): Promise<{ rate: number; built: Built }> {
    // Does nothing where rows were generated.
    await this.page.evaluate(
      (rows) => globalThis.engine.load('/data/base.f32', '/data/queries.f32', '/data/truth.u32', rows),
      this.set.rows * this.set.dimensions,
    );
    const { value, cpuMs } = await this.timed(() => this.page.evaluate((given) => globalThis.engine.build(given), settings));
    return { rate: (value.rows / cpuMs) * 1000, built: value };
  }

  /** Rows and queries drawn in the worker instead of fetched. */
  async generate(dimensions: number, rows: number, queries: number): Promise<void> {
    await this.page.evaluate(([dims, n, q]) => globalThis.engine.generate(dims, n, q), [dimensions, rows, queries] as const);
  }
  /** The true answers of generated queries, by exact scan of what was built. */
  async findTruth(): Promise<void> {
    await this.page.evaluate(() => globalThis.engine.findTruth());
  }

  async warm(ef: number): Promise<void> {
    await this.page.evaluate((width) => globalThis.engine.warm(width), ef);
  }
  engineBuild(): Promise<string> {
    return this.page.evaluate(() => globalThis.engine.engineBuild());
  }

  async search(
    ef: number,
    k: number,
  ): Promise<{ ef: number; recall: number; qps: number; wallQps: number; distances: number; rescored: number }> {
    const { value, cpuMs } = await this.timed(() =>
      this.page.evaluate(([width, count]) => globalThis.engine.search(width, count), [ef, k] as const),
    );
    const { queries } = this.set;
    return {
      ef,
      recall: value.recall,
      qps: (queries / cpuMs) * 1000,
      wallQps: (queries / value.wallMs) * 1000,
      distances: value.distances,
      rescored: value.rescored,
    };
  }

  async searchFiltered(share: number, ef: number, k: number): Promise<{ recall: number; qps: number; paths: Record<string, number> }> {
    const call = (checked: boolean) =>
      this.page.evaluate(([s, e, c, t]) => globalThis.engine.searchFiltered(s, e, c, t), [share, ef, k, checked] as const);
    const { recall } = await call(true);
    const { value, cpuMs } = await this.timed(() => call(false));
    return { recall, qps: (this.set.queries / cpuMs) * 1000, paths: value.paths };
  }

  churn(rounds: number, ef: number, k: number): ReturnType<MeasuredIndex['churn']> extends infer Value ? Promise<Value> : never {
    return this.page.evaluate(([r, e, c]) => globalThis.engine.churn(r, e, c), [rounds, ef, k] as const);
  }
  reopen(): Promise<{ wallMs: number; diskBytes: number; bytesPerVector: number }> {
    return this.page.evaluate(() => globalThis.engine.reopen());
  }

  /** Builds a browser peer in a worker of its own; vectors per CPU second. */
  async buildPeer(name: 'hnswlib-wasm' | 'edgevec', m: number, efConstruction: number): Promise<number> {
    if (!this.peersLoaded) {
      const before = new Set(workerThreads(this.browser.profile).map(({ tid }) => tid));
      await this.page.evaluate(() => globalThis.startPeers());
      const { dimensions } = this.set;
      await this.page.evaluate(
        (dims) => globalThis.peers.load(['/data/base.f32', '/data/queries.f32', '/data/truth.u32'], dims),
        dimensions,
      );
      this.thread = workerThreads(this.browser.profile).find(({ tid }) => !before.has(tid)) as Thread;
      this.peersLoaded = true;
    }
    const given = [name, this.set.distance, m, efConstruction] as const;
    const { value, cpuMs } = await this.timed(() =>
      this.page.evaluate(([n, d, links, ef]) => globalThis.peers.build(n, d, links, ef), given),
    );
    return (value / cpuMs) * 1000;
  }
  async searchPeer(ef: number, k: number): Promise<{ ef: number; recall: number; qps: number }> {
    const { value, cpuMs } = await this.timed(() =>
      this.page.evaluate(([width, count]) => globalThis.peers.search(width, count), [ef, k] as const),
    );
    return { ef, recall: value.recall, qps: (this.set.queries / cpuMs) * 1000 };
  }

  async close(): Promise<void> {
    await this.closePage();
    await this.browser.close();
  }
}
