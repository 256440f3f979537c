/** The published names of the package and the sources behind them, for everything in this repository that imports `heddle`. */
import { fileURLToPath } from 'node:url';

const source = (path) => fileURLToPath(new URL(`../../src/${path}/index.ts`, import.meta.url));

export const ALIASES = [
  { find: /^heddle$/, replacement: source('client') },
  { find: /^heddle\/minilm$/, replacement: source('minilm') },
  { find: /^heddle\/transformers$/, replacement: source('transformers') },
];
