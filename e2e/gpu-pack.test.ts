/** The packed GPU suite runs where nothing else is: in an empty folder, without this repository, its packages or a network. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findChromium } from '../scripts/lib/chromium.mjs';
import { ROOT } from '../scripts/lib/prepare.mjs';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpu-pack-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The driver of the software adapter that Chromium carries: the machine's part, as a card's driver would be. */
async function softwareDriver(): Promise<string> {
  const chromium = await findChromium();
  const folders = chromium ? [dirname(chromium), '/usr/lib/chromium'] : [];
  const file = folders.map((at) => join(at, 'vk_swiftshader_icd.json')).find((at) => existsSync(at));
  if (!file) throw new Error('no vk_swiftshader_icd.json beside Chromium');
  return file;
}

it.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('runs with only what it carries', async () => {
  const archive = join(folder, 'pack.tar');
  const packed = spawnSync(process.execPath, [join(ROOT, 'bench/suites/gpu/pack.mjs'), archive], { encoding: 'utf8', cwd: folder });
  expect(packed.status, packed.stderr).toBe(0);
  expect(spawnSync('tar', ['-xf', archive, '-C', folder]).status).toBe(0);
  rmSync(archive);
  const home = join(folder, 'gpu-bench');
  expect(readdirSync(home).toSorted()).toEqual(['COMMIT', 'lib', 'node', 'node_modules', 'package.json', 'run', 'suite']);
  const suite = readFileSync(join(home, 'suite', 'entry.mjs'), 'utf8');
  const imported = new Set([...suite.matchAll(/(?:^(?:import|export) .*from |\bimport\()\s*["']([^"']+)["']/gm)].map(([, name]) => name));
  // Playwright is asked for a browser's driver only where no adapter was found, and done without.
  expect([...imported].filter((name) => !name.startsWith('node:')).toSorted()).toEqual(['playwright', 'webgpu']);
  const report = join(folder, 'report.json');
  const run = spawnSync(join(home, 'run'), ['--only', 'exact', '--rows', '64', '--dimensions', '8', '--json', report], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: folder, VK_ICD_FILENAMES: await softwareDriver() },
  });
  expect(run.status, run.stderr).not.toBeNull();
  const { figures, rows } = JSON.parse(readFileSync(report, 'utf8')) as {
    figures: { name: string; value: string }[];
    rows: { what: string; rowType?: string; rows?: number }[];
  };
  expect(figures).toMatchObject([{ name: 'gpu.adapter', value: expect.stringMatching(/swiftshader.*\(software\)/i) }]);
  expect(rows.filter(({ what }) => what === 'exact')).toMatchObject([
    { rowType: 'f32', rows: 64 },
    { rowType: 'f16', rows: 64 },
    { rowType: 'u7', rows: 64 },
  ]);
});
