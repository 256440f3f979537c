/**
 * The package as others get it: packed, installed into an empty Vite app that is not configured in any way, run under a
 * Content-Security-Policy of `script-src 'self' 'wasm-unsafe-eval'`, in `vite dev` and after `vite build`.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from '../bench/run/browser.ts';
import { serveFolder } from '../scripts/lib/static-server.mjs';
import { type ConsumerApp, makeConsumerApp, underPolicy } from './setup/consumer-app.ts';
import { readmeBlocks, readmeExample } from './setup/readme.ts';

const POLICY = "script-src 'self' 'wasm-unsafe-eval'";
const CLIENT_GZIP_BYTES_MAX = 20 * 1024;
const ENGINE_GZIP_BYTES_MAX = 150 * 1024;
/** A thread in Node, which imports Node's own modules. */
const NODE_WORKER = 'engine-thread.worker.js';
/** Loaded by those who ask for it: a vectorizer with its model's runtime, the GPU's kernels where a GPU wins, threads in Node. */
const OPTIONAL_WORKERS = ['minilm.worker.js', 'gpu.worker.js', NODE_WORKER];

/** The README's example as the app's only module; the title tells how it ended. */
function writeExample(app: ConsumerApp): void {
  const { code } = readmeExample();
  writeFileSync(join(app.folder, 'example.js'), code);
  writeFileSync(
    join(app.folder, 'main.js'),
    `import('./example.js').then(() => (document.title = 'done'), (error) => { console.error(String(error?.stack ?? error)); document.title = 'failed'; });\n`,
  );
  writeFileSync(
    join(app.folder, 'index.html'),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>\n',
  );
}

interface Outcome {
  readonly title: string;
  readonly printed: string[];
  readonly faults: string[];
}

/** Opens `url` and waits for the example to end. */
async function open(browser: Browser, url: string): Promise<Outcome> {
  const page = await browser.context.newPage();
  const printed: string[] = [];
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
    else if (message.type() === 'log') printed.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(url);
  await page
    .waitForFunction(() => ['done', 'failed'].includes(document.title), null, { timeout: 60_000 })
    .catch((error) => faults.push(String(error)));
  const title = await page.title();
  await page.close();
  return { title, printed, faults };
}

const gzipBytes = (code: string | Buffer): number => gzipSync(code, { level: 9 }).length;

describe('the package in an app that is not configured', () => {
  let app: ConsumerApp;
  let browser: Browser;
  beforeAll(async () => {
    app = await makeConsumerApp();
    writeExample(app);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    app?.remove();
  });

  it("runs the README's example in vite dev", async () => {
    const server = await app.serve();
    const proxy = await underPolicy(server.url, POLICY);
    const outcome = await open(browser, proxy.url);
    await proxy.stop();
    await server.stop();
    expect(outcome).toMatchObject({ title: 'done', faults: [] });
    expect(outcome.printed.length).toBeGreaterThan(0);
  });

  it("runs the README's example after vite build", async () => {
    app.run('npx', 'vite', 'build');
    const server = await serveFolder(join(app.folder, 'dist'), { headers: { 'content-security-policy': POLICY } });
    const outcome = await open(browser, server.url);
    await server.close();
    expect(outcome).toMatchObject({ title: 'done', faults: [] });
    expect(outcome.printed.length).toBeGreaterThan(0);
  });

  it("runs the README's example in Node, over the file system", () => {
    const printed = app.run(process.execPath, '--input-type=module', '--eval', readmeExample().code);
    expect(printed.trim()).not.toBe('');
    expect(readdirSync(app.folder)).toContain('my-app');
  });

  it('gives every example of the README its types; one that does not connect goes on from the first', () => {
    const opening = readmeExample().code;
    const files = readmeBlocks().map(({ code, line }) => {
      const name = `readme-line-${line}.ts`;
      const imports = code.match(/^import\b.*$/gm) ?? [];
      const rest = code.replace(/^import\b.*$/gm, '');
      const whole = /\bconnect\(/.test(code) ? code : `${opening}\n${imports.join('\n')}\n{\n${rest}}\n`;
      writeFileSync(join(app.folder, name), whole);
      return name;
    });
    writeFileSync(
      join(app.folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2022',
          module: 'ESNext',
          moduleResolution: 'Bundler',
          lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
          types: [],
          strict: true,
          noEmit: true,
          skipLibCheck: false,
        },
        files,
      }),
    );
    expect(app.run('npx', 'tsc', '-p', '.')).toBe('');
  });

  it('keeps every worker in one file that bundlers can follow', () => {
    const dist = join(app.installed, 'dist');
    const files = readdirSync(dist).filter((name) => name.endsWith('.js'));
    const workers = new Set(files.filter((name) => name.endsWith('.worker.js')));
    expect(workers.size).toBeGreaterThanOrEqual(3);
    const named = new Set<string>();
    for (const name of files) {
      const whole = readFileSync(join(dist, name), 'utf8');
      const code = name === NODE_WORKER ? whole.replace(/import[^;"']+from\s*["']node:\w+["'];/g, '') : whole;
      if (workers.has(name)) expect(/(?:^|[;}\n])import\s*[\w{*'"]/.test(code), `${name} imports nothing`).toBe(false);
      for (const [, url] of code.matchAll(
        /new (?:Shared)?Worker\(\s*new URL\((?:'|")\.\/([\w-]+\.worker\.js)(?:'|"),\s*import\.meta\.url\)/g,
      ))
        named.add(url);
    }
    expect([...workers].filter((name) => !named.has(name))).toEqual([]);
    expect([...named].filter((name) => !workers.has(name))).toEqual([]);
  });

  it('costs the page no more than 20 KB and the workers no more than 150 KB, compressed', async () => {
    const build = await rolldown({ input: join(app.installed, 'dist', 'index.js'), platform: 'browser', cwd: app.folder });
    const { output } = await build.generate({ format: 'esm', minify: true, comments: false });
    await build.close();
    const chunks = new Map(output.flatMap((part) => (part.type === 'chunk' ? [[part.fileName, part]] : [])));
    const atOnce = new Set([...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName));
    for (const name of atOnce) for (const imported of chunks.get(name)?.imports ?? []) atOnce.add(imported);
    const client = [...atOnce].reduce((sum, name) => sum + gzipBytes(chunks.get(name)?.code ?? ''), 0);
    expect(client, 'client, without what it loads when asked').toBeLessThanOrEqual(CLIENT_GZIP_BYTES_MAX);
    const workers = readdirSync(join(app.installed, 'dist')).filter(
      (name) => name.endsWith('.worker.js') && !OPTIONAL_WORKERS.includes(name),
    );
    const sizes = Object.fromEntries(workers.map((name) => [name, gzipBytes(readFileSync(join(app.installed, 'dist', name)))]));
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    expect(total, `workers: ${JSON.stringify(sizes)}`).toBeLessThanOrEqual(ENGINE_GZIP_BYTES_MAX);
  });

  it('ships nothing but the build, its types and the papers', () => {
    const shipped = readdirSync(app.installed).filter((name) => name !== 'node_modules');
    expect(shipped.sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  });
});
