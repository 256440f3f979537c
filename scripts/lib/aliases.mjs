/** The published names of the package and the sources behind them, for everything in this repository that imports `heddle`. */
import { fileURLToPath } from 'node:url';

const source = (path) => fileURLToPath(new URL(`../../src/${path}/index.ts`, import.meta.url));

const alias = (name, path) => ({ name: `${name}$`, find: new RegExp(`^${name}$`), replacement: source(path) });

export const ALIASES = [alias('heddle', 'client'), alias('heddle/minilm', 'minilm'), alias('heddle/transformers', 'transformers')];
