import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from './prepare.mjs';

describe('scripts/run.mjs', () => {
  let folder;
  beforeAll(() => {
    mkdirSync(join(ROOT, '.cache'), { recursive: true });
    folder = mkdtempSync(join(ROOT, '.cache', 'run-test-'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'neighbour.txt'), 'neighbour');
    writeFileSync(
      join(folder, 'main.ts'),
      `import { readFileSync } from 'node:fs';
       import { Worker } from 'node:worker_threads';
       // new Worker(new URL('./not-there.ts', import.meta.url)) stands in a comment
       interface Shape { readonly words: string[] }
       const shape: Shape = { words: process.argv.slice(2) };
       if (shape.words[0] === 'fail') throw new Error('as asked');
       const text = readFileSync(new URL('neighbour.txt', import.meta.url), 'utf8');
       const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: 20 });
       worker.on('message', (sum: number) => console.log(JSON.stringify({ ...shape, text, sum, at: import.meta.dirname })));
      `,
    );
    writeFileSync(
      join(folder, 'thread.ts'),
      `import { parentPort, workerData } from 'node:worker_threads';
       parentPort!.postMessage((workerData as number) + 1);`,
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = join(ROOT, 'scripts', 'run.mjs');

  it('runs TypeScript with worker threads, and files beside the source are found', () => {
    const output = execFileSync(process.execPath, [run, join(folder, 'main.ts'), 'a', 'b'], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({ words: ['a', 'b'], text: 'neighbour', sum: 21, at: folder });
  });

  it('passes a failure on, with the place in the source, and leaves nothing behind', () => {
    const { status, stderr } = spawnSync(process.execPath, [run, join(folder, 'main.ts'), 'fail'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('main.ts:6');
    expect(readdirSync(join(folder, '.cache', 'run'))).toEqual([]);
  });
});
