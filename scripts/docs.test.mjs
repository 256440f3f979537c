/** The documents are part of what must hold: links lead somewhere, and every figure that is written is described. */
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

  it('describe every figure that a suite promises', async () => {
    const patterns = figurePatterns().map(matcher);
    expect(patterns.length).toBeGreaterThan(20);
    const folder = join(ROOT, 'bench', 'suites');
    const listings = readdirSync(folder)
      .map((suite) => join(folder, suite, 'figures.ts'))
      .filter(existsSync);
    const undescribed = [];
    for (const listing of listings) {
      const { figures, FIGURES } = await import(listing);
      for (const name of figures ?? FIGURES) if (!patterns.some((pattern) => pattern.test(name))) undescribed.push(name);
    }
    expect(undescribed).toEqual([]);
  });

  it('name no file of the repository that is not there', () => {
    const faults = [];
    for (const file of markdownFiles(ROOT))
      for (const [, path] of readFileSync(file, 'utf8').matchAll(/`((?:src|workers|bench|scripts|docs|e2e|demo)\/[\w./-]+?)\/?`/g))
        if (!/\/(dist|\.cache)/.test(path) && ![ROOT, dirname(file)].some((base) => existsSync(join(base, path))))
          faults.push(`${relative(ROOT, file)}: ${path}`);
    expect(faults).toEqual([]);
  });
});
