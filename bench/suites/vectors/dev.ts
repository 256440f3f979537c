import { join } from 'node:path';
import { openBrowser, openPage } from '../../run/browser.ts';
import { cpuMsOf, workerThreads } from '../../run/cpu-time.ts';
import { dataSet } from './datasets.ts';
import { compileNative, NativePeer } from './native.ts';

const root = process.cwd();
const cache = join(root, 'bench/.cache/vectors');
const name = (process.argv[2] ?? 'minilm') as 'minilm';
const native = process.argv[3] !== 'no';
const rowsMax = Number(process.argv[4] ?? Infinity);
const set = dataSet(name, root, cache);
console.log(set.rows, set.dimensions);
const efs = [16, 24, 32, 48, 64, 96, 128, 200];
if (native) {
  const program = compileNative('hnswlib-peer', cache, [join(root, 'bench/node_modules/hnswlib-node/src/hnswlib')]);
  const peer = new NativePeer(program, [set.base, set.query, set.truth, String(set.dimensions), set.distance === 'cosine' ? 'ip' : 'l2', '16', '200', '10']);
  const index = join(set.folder, 'hnswlib.bin');
  const { existsSync } = await import('node:fs');
  if (!existsSync(index)) { console.log(await peer.ask('build')); console.log(await peer.ask('save ' + index)); }
  else console.log(await peer.ask('reopen ' + index));
  for (const ef of efs) console.log(JSON.stringify(await peer.ask(`search ${ef}`)), JSON.stringify(await peer.ask(`search ${ef}`)));
  peer.close();
}
const browser = await openBrowser();
const { page } = await openPage(browser, join(root, 'bench/suites/vectors/page.ts'), { mounts: { '/data/': set.folder } });
await page.evaluate(() => (globalThis as any).engine.load('/data/base.f32', '/data/queries.f32', '/data/truth.u32'));
const thread = workerThreads(browser.profile).at(-1)!;
for (const quantizer of (process.argv[5] ?? 'sq').split(',')) {
  const settings = { dimensions: set.dimensions, distance: set.distance, quantizer, maxConnections: 16, efConstruction: 200, memoryBytesMax: 2 ** 31 };
  let before = cpuMsOf(thread);
  const built = await page.evaluate(([s, r]: any) => (globalThis as any).engine.build(s, r), [settings, rowsMax]);
  const cpu = cpuMsOf(thread) - before;
  console.log(quantizer, await page.evaluate(() => (globalThis as any).engine.engineBuild()), JSON.stringify(built), 'inserts per cpu s', (built.rows / cpu) * 1000);
  for (const ef of efs) {
    const out: any[] = [];
    for (let i = 0; i < 3; i++) {
      before = cpuMsOf(thread);
      const found = await page.evaluate((ef) => (globalThis as any).engine.search(ef, 10), ef);
      out.push({ ...found, qps: Math.round(set.queries / (cpuMsOf(thread) - before) * 1000) });
    }
    console.log(ef, out[2].recall.toFixed(4), out.map((o) => o.qps).join(' '), 'wall', Math.round(set.queries / out[2].wallMs * 1000), 'dist', out[2].distances, 'hops', out[2].hops, 'resc', out[2].rescored);
  }
}
console.log(JSON.stringify(await page.evaluate(() => (globalThis as any).engine.searchFiltered(0.1, 100, 10, 300))));
console.log(JSON.stringify(await page.evaluate(() => (globalThis as any).engine.searchFiltered(0.01, 100, 10, 300))));
console.log(JSON.stringify(await page.evaluate(() => (globalThis as any).engine.reopen())));
await browser.close();
process.exit(0);
