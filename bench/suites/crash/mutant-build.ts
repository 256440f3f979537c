/**
 * Builds the harness's worker around an engine in which one line was changed. A mutant names the line by its text, which must
 * be in its file exactly once, so that a mutant whose line has moved on fails loudly instead of testing nothing.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { ALIASES } from '../../../scripts/lib/aliases.mjs';

export interface Mutant {
  readonly name: string;
  /** Path in the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Why the mutant can't be made, or null. */
export function whyNot(mutant: Mutant, root: string): string | null {
  const count = readFileSync(join(root, mutant.file), 'utf8').split(mutant.find).length - 1;
  return count === 1 ? null : `${mutant.file} has the text of mutant "${mutant.name}" ${count} times, not once`;
}

/**
 * Not a broken engine but one with smaller limits: graphs are built from a few rows on and their logs become snapshots after
 * a kilobyte, so that a small workload crosses what takes thousands of rows otherwise.
 */
export const SMALL_GRAPHS: readonly Mutant[] = [
  {
    name: 'graphs from 12 rows on',
    file: 'src/vector/graph-upkeep.ts',
    find: 'export const TRAINED_FROM = 1_000;',
    replace: 'export const TRAINED_FROM = 12;',
  },
  {
    name: 'graph logs of a kilobyte',
    file: 'src/vector/graph-persistence.ts',
    find: 'const LOG_BYTES_FLOOR = 4 * 1024 * 1024;',
    replace: 'const LOG_BYTES_FLOOR = 1024;',
  },
  {
    name: 'graph logs of half a kilobyte while nothing is written',
    file: 'src/vector/graph-persistence.ts',
    find: 'const IDLE_LOG_BYTES_FLOOR = 1024 * 1024;',
    replace: 'const IDLE_LOG_BYTES_FLOOR = 512;',
  },
];

/** Bundles the worker with these changes into `folder`; returns the path of its entry. */
export async function buildChanged(
  changes: readonly Mutant[],
  root: string,
  folder: string,
  entry = 'bench/suites/crash/worker.ts',
): Promise<string> {
  for (const change of changes) {
    const reason = whyNot(change, root);
    if (reason !== null) throw new Error(reason);
  }
  const build = await rolldown({
    input: { worker: join(root, entry) },
    platform: 'node',
    external: (id) => !/^(\.|\/|[A-Za-z]:|\0)/.test(id) && !ALIASES.some(({ find }) => find.test(id)),
    resolve: { alias: Object.fromEntries(ALIASES.map(({ name, replacement }) => [name, replacement])) },
    plugins: [
      {
        name: 'changes',
        transform: (code, id) => {
          const here = changes.filter(({ file }) => resolve(root, file) === id);
          return here.length === 0
            ? null
            : { code: here.reduce((text, { find, replace }) => text.replace(find, () => replace), code), map: null };
        },
      },
    ],
    tsconfig: false,
    logLevel: 'warn',
  });
  try {
    await build.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' });
  } finally {
    await build.close();
  }
  return join(folder, 'worker.mjs');
}
