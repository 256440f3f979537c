/** Runs one suite, prints its figures against their goals, writes the report, and says by the exit code whether it is whole. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { commitInWords, machineInWords } from './machine.ts';
import type { BenchContext, Figure, Report, SuiteModule } from './suite.ts';

/** Whether `figure` reaches its goal; undefined where it has none that can be compared. */
export function reaches(figure: Figure): boolean | undefined {
  const goal = /^\s*(<=|>=|<|>|=)\s*(-?[\d.]+)\s*$/.exec(figure.goal ?? '');
  if (goal === null || typeof figure.value !== 'number') return undefined;
  const bound = Number(goal[2]);
  switch (goal[1]) {
    case '<=':
      return figure.value <= bound;
    case '>=':
      return figure.value >= bound;
    case '<':
      return figure.value < bound;
    case '>':
      return figure.value > bound;
    default:
      return figure.value === bound;
  }
}

/** Takes `--name value` out of `words`; returns the value. */
function takeOption(words: string[], name: string): string | undefined {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? undefined : words.splice(at, 2)[1];
}

export function contextOf(suite: string, args: readonly string[], root: string): BenchContext {
  const cache = join(root, 'bench', '.cache', suite);
  mkdirSync(cache, { recursive: true });
  return {
    suite,
    args,
    root,
    cache,
    option: (name) => takeOption([...args], name),
    flag: (name) => args.includes(`--${name}`),
    log: (text) => console.error(text),
  };
}

/** Names the suite promised that are neither among its figures nor accounted for. */
export function unaccounted(module: SuiteModule, result: { figures: readonly Figure[]; missing?: readonly { name: string }[] }): string[] {
  const known = new Set([...result.figures, ...(result.missing ?? [])].map(({ name }) => name));
  return (module.figures ?? []).filter((name) => !known.has(name));
}

function printFigures(figures: readonly Figure[]): void {
  const width = Math.max(0, ...figures.map(({ name }) => name.length));
  for (const figure of figures) {
    const verdict = reaches(figure);
    const goal = figure.goal === undefined ? '' : `   goal ${figure.goal}${verdict === undefined ? '' : verdict ? ' (met)' : ' (missed)'}`;
    console.log(`${figure.name.padEnd(width)}  ${figure.value} ${figure.unit}${goal}`);
  }
}

/** The runner's main: `words` is the command line after the suite's name. Returns the exit code. */
export async function runSuite(suite: string, module: SuiteModule, words: readonly string[], root: string): Promise<number> {
  const args = [...words];
  const file = takeOption(args, 'json');
  const result = await module.run(contextOf(suite, args, root));
  const missing = [
    ...(result.missing ?? []),
    ...unaccounted(module, result).map((name) => ({ name, reason: 'the suite did not give it' })),
  ];
  const report: Report = {
    suite,
    commit: commitInWords(root),
    machine: machineInWords(),
    date: new Date().toISOString(),
    figures: result.figures,
    rows: result.rows,
    ...(missing.length > 0 ? { missing } : {}),
  };
  printFigures(result.figures);
  for (const { name, reason } of missing) console.error(`missing: ${name}: ${reason}`);
  if (file !== undefined) {
    mkdirSync(dirname(resolve(file)), { recursive: true });
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`written to ${file}`);
  }
  return missing.length === 0 ? 0 : 1;
}
