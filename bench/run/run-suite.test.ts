import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { reaches, runSuite } from './run-suite.ts';
import type { BenchContext } from './suite.ts';

describe('the suite runner', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-bench-'));
    vi.spyOn(console, 'log').mockReturnValue();
    vi.spyOn(console, 'error').mockReturnValue();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('writes the report and exits with 0 when every figure is there', async () => {
    const file = join(folder, 'out', 'report.json');
    let seen: BenchContext | undefined;
    const run = async (context: BenchContext) => {
      seen = context;
      return { figures: [{ name: 'x.rate', value: 12.5, unit: '1/s', goal: '>= 10' }], rows: [{ n: 1 }] };
    };
    const code = await runSuite('x', { run, figures: ['x.rate'] }, ['--json', file, '--rows', '5', '--quick'], folder);
    expect(code).toBe(0);
    expect(seen?.option('rows')).toBe('5');
    expect(seen?.flag('quick')).toBe(true);
    expect(seen?.args).toEqual(['--rows', '5', '--quick']);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      suite: 'x',
      commit: 'unknown',
      figures: [{ name: 'x.rate' }],
      rows: [{ n: 1 }],
    });
  });

  it('exits with 1 when a promised figure is not given, and names it', async () => {
    const file = join(folder, 'report.json');
    const module = { run: async () => ({ figures: [], rows: [] }), figures: ['x.rate'] };
    expect(await runSuite('x', module, ['--json', file], folder)).toBe(1);
    expect(JSON.parse(readFileSync(file, 'utf8')).missing).toEqual([{ name: 'x.rate', reason: 'the suite did not give it' }]);
  });

  it('exits with 1 when the suite itself says that a figure could not be taken', async () => {
    const run = async () => ({ figures: [], rows: [], missing: [{ name: 'x.rate', reason: 'no such peer' }] });
    expect(await runSuite('x', { run }, [], folder)).toBe(1);
  });

  it.each([
    ['<= 3', 3, true],
    ['<= 3', 3.1, false],
    ['>= 1.8', 2, true],
    ['= 0', 0, true],
    ['= 0', 1, false],
    ['as large as fits', 1, undefined],
  ])('compares with the goal %s', (goal, value, verdict) => {
    expect(reaches({ name: 'x', unit: '', value, goal })).toBe(verdict);
  });
});
