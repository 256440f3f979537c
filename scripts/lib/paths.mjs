/** Where the data scripts keep things. Everything under `.cache` can be made again; `demo/public/data` is committed. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const wordnetCache = join(root, '.cache', 'wordnet');
export const embedTools = join(root, '.cache', 'embed');
export const demoData = join(root, 'demo', 'public', 'data');
