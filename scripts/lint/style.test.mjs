/** What can be checked of how the code should read. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../lib/prepare.mjs';

/** Far past the 400 from which on one asks what the second concept is. */
const LINES_MAX = 650;
const WORKER_LINES_MAX = 40;

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((path) => existsSync(join(ROOT, path)));
const code = listed.filter(
  (path) => /^(src|workers|demo|bench|e2e|scripts)\/.*\.(ts|tsx|mjs)$/.test(path) && !/\/(generated|public)\//.test(path),
);
const engine = code.filter((path) => /^(src|workers)\//.test(path));
const read = (path) => readFileSync(join(ROOT, path), 'utf8');
const isTest = (path) => /\.test\.(ts|tsx|mjs)$/.test(path);

/** Faults of one file, by the rule that finds them. */
const RULES = {
  'a file has one concept, and so not more than 650 lines': (path, text) => !isTest(path) && text.split('\n').length > LINES_MAX + 1,
  'a worker is a doorway of 40 lines at most': (path, text) =>
    path.startsWith('workers/') && path.endsWith('.worker.ts') && text.split('\n').length > WORKER_LINES_MAX + 1,
  'a module opens with what it is': (path, text) => !isTest(path) && !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(text),
  'names say what is inside': (path) => /(^|[-/])(utils?|helpers?|misc|common|stuff|manager)([-.]|$)/.test(basename(path)),
  'imports name the file, with its ending': (path, text) =>
    !path.includes('/assembly/') &&
    /\b(?:from|import)\s*\(?\s*'\.{1,2}\/[^']*(?<!\.(?:ts|tsx|mjs|js|json|css|wasm|svg)(?:\?[a-z&]+)?)'/.test(withoutComments(text)),
};

const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

describe('style', () => {
  it.each(Object.keys(RULES))('%s', (rule) => {
    const files = rule.startsWith('a module') ? engine : code;
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((path) => RULES[rule](path, read(path)))).toEqual([]);
  });

  it.each([
    ['a file has one concept, and so not more than 650 lines', 'src/a/b.ts', '\n'.repeat(700)],
    ['a worker is a doorway of 40 lines at most', 'workers/a.worker.ts', '\n'.repeat(50)],
    ['a module opens with what it is', 'src/a/b.ts', 'const a = 1;'],
    ['names say what is inside', 'src/a/string-utils.ts', ''],
    ['imports name the file, with its ending', 'src/a/b.ts', `import { a } from ${"'./c'"};`],
  ])('sees what offends: %s', (rule, path, text) => {
    expect(RULES[rule](path, text)).toBe(true);
  });

  it('a format page has a worked example in bytes', () => {
    const layouts = listed.filter((path) => /^docs\/format\/.*\.md$/.test(path) && path !== 'docs/format/host-files.md');
    expect(layouts.length).toBeGreaterThan(5);
    expect(layouts.filter((path) => !/\b[0-9a-f]{2} [0-9a-f]{2}\b/i.test(read(path)))).toEqual([]);
  });

  it('nothing names a place that only one machine knows', () => {
    const texts = listed.filter(
      (path) =>
        /\.(ts|tsx|mjs|md|json|html|css|svg)$/.test(path) && !path.endsWith('package-lock.json') && path !== 'scripts/lint/style.test.mjs',
    );
    const offending = /\/(?:work|root|home)\/[\w.-]+\/|\/tmp\/[\w.-]*\w|registry\.npmjs|deb\.debian/;
    expect(texts.filter((path) => offending.test(read(path)))).toEqual([]);
  });
});
