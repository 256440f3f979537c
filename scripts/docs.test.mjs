/** The documents are part of what must hold: links lead somewhere, and every figure that is written is described. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './lib/prepare.mjs';

function* markdownFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* markdownFiles(path);
    else if (entry.name.endsWith('.md')) yield path;
  }
}

const withoutCode = (text) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchors that a Markdown text has, made from its headings as code hosts do. */
function anchorsOf(text) {
  const headings = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6}\s+(.+)$/gm)].map(([, heading]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[`*]/g, '')
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links of a Markdown text that lead nowhere; addresses on the web are not asked for. */
function deadLinks(file, text) {
  const dead = [];
  for (const [, target] of withoutCode(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
    if (/^[a-z]+:/i.test(target)) continue;
    const [path, anchor] = target.split('#');
    const goal = path === '' ? file : join(dirname(file), decodeURIComponent(path));
    if (!existsSync(goal)) dead.push(target);
    else if (anchor && goal.endsWith('.md') && !anchorsOf(goal === file ? text : readFileSync(goal, 'utf8')).has(anchor)) dead.push(target);
  }
  return dead;
}

/** Names in backticks that look like figures (`suite.part.unit`), with their placeholders as wildcards. */
const figurePatterns = () =>
  [...readFileSync(join(ROOT, 'docs', 'benchmarks.md'), 'utf8').matchAll(/`([a-z]+(?:\.[\w<>-]+)+)`/g)].map(([, name]) => name);

const matcher = (pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/<[\w-]+>/g, '[\\w-]+')}$`);

describe('documents', () => {
  it('have links that lead somewhere', () => {
    const files = [...markdownFiles(ROOT)];
    expect(files.length).toBeGreaterThan(0);
    const dead = files.flatMap((file) => deadLinks(file, readFileSync(file, 'utf8')).map((link) => `${relative(ROOT, file)}: ${link}`));
    expect(dead).toEqual([]);
  });

  it('would not get away with a dead link', () => {
    const here = join(ROOT, 'docs', 'benchmarks.md');
    expect(deadLinks(here, '[a](../package.json) [b](missing.md) [c](#benchmarks) [d](https://x.y/z)\n# Benchmarks')).toEqual([
      'missing.md',
    ]);
    expect(deadLinks(here, '# One two\n[a](#one-two) [b](#three) `[c](no.md)`')).toEqual(['#three']);
  });

  it('describe every suite and every figure it promises', async () => {
    const patterns = figurePatterns();
    const suites = readdirSync(join(ROOT, 'bench', 'suites')).filter((name) => existsSync(join(ROOT, 'bench', 'suites', name, 'main.ts')));
    const faults = [];
    for (const suite of suites) {
      const listing = join(ROOT, 'bench', 'suites', suite, 'figures.ts');
      const { figures = [] } = existsSync(listing) ? await import(listing) : {};
      for (const name of figures)
        if (!patterns.some((pattern) => matcher(pattern).test(name))) faults.push(`${suite}: ${name} is not in docs/benchmarks.md`);
    }
    expect(faults).toEqual([]);
  });

  it('name no file of the repository that is not there', () => {
    const tracked = new Set(execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' }).split('\n'));
    const folders = new Set([...tracked].flatMap((path) => path.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/'))));
    const faults = [];
    for (const file of markdownFiles(ROOT))
      for (const [, path] of readFileSync(file, 'utf8').matchAll(/`((?:src|workers|bench|scripts|docs|e2e|demo)\/[\w./-]+?)\/?`/g))
        if (!folders.has(path) && !/[*<>]/.test(path) && !path.includes('/dist')) faults.push(`${relative(ROOT, file)}: ${path}`);
    expect(faults).toEqual([]);
  });
});
