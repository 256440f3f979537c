/**
 * A build plugin: the Snowball stemmers of `@orama/stemmers` each carry a copy of the same base class, 2.7 KB of it; a bundle
 * gets one. A file whose copy differs from the first one met, other than in the names of its local variables, stays as it is.
 */
const BASE = '\0snowball-base';
const STEMMER = /@orama[\\/]stemmers[\\/]dist[\\/]\w+\.js$/;

/** The function that the file begins with, or null. */
function baseOf(code) {
  if (!code.startsWith('function r(){')) return null;
  let depth = 0;
  for (let at = code.indexOf('{'); at < code.length; at++) {
    if (code[at] === '{') depth++;
    if (code[at] === '}' && --depth === 0) return code.slice(0, at + 1);
  }
  return null;
}

/** Without the names of local variables, which are single letters; those of properties stay. */
const canonical = (base) => base.replace(/(?<![.\w])[a-z]\b/g, '_');

export function sharedSnowball() {
  let shared = null;
  return {
    name: 'shared-snowball',
    resolveId: (id) => (id === BASE ? id : null),
    load: (id) => (id === BASE ? `export ${shared}` : null),
    transform(code, id) {
      const base = STEMMER.test(id) ? baseOf(code) : null;
      if (base === null) return null;
      shared ??= base;
      if (canonical(base) !== canonical(shared)) return null;
      return { code: `import { r } from ${JSON.stringify(BASE)};${code.slice(base.length)}`, map: null };
    },
  };
}
