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

/** Bundles the worker into `folder`; returns the path of its entry. */
export async function buildMutant(mutant: Mutant, root: string, folder: string): Promise<string> {
  const reason = whyNot(mutant, root);
  if (reason !== null) throw new Error(reason);
  const changed = resolve(root, mutant.file);
  const build = await rolldown({
    input: { worker: join(root, 'bench/suites/crash/worker.ts') },
    platform: 'node',
    external: (id) => !/^(\.|\/|[A-Za-z]:|\0)/.test(id) && !ALIASES.some(({ find }) => find.test(id)),
    resolve: { alias: Object.fromEntries(ALIASES.map(({ name, replacement }) => [name, replacement])) },
    plugins: [{ name: 'mutant', transform: (code, id) => (id === changed ? { code: code.replace(mutant.find, () => mutant.replace), map: null } : null) }],
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
