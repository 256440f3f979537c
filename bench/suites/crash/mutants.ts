/** Engines broken from inside: one line each, all of them on the way to "saved". Every one has to be caught. */
import type { Mutant } from './mutant-build.ts';

export const MUTANTS: readonly Mutant[] = [];
