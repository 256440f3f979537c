/** The code blocks of the README, for running and type-checking what readers will copy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/prepare.mjs';

export interface CodeBlock {
  readonly language: string;
  readonly code: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

/** Fenced blocks in `js` or `ts`; `<!-- not run -->` on the line before leaves one out. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const lines = markdown.split('\n');
  const blocks: CodeBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(js|ts|javascript|typescript)\b/.exec(lines[at])?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`README.md:${at + 1}: code block without an end`);
    if (!/<!-- not run -->/.test(lines[at - 1] ?? ''))
      blocks.push({ language, code: `${lines.slice(at + 1, end).join('\n')}\n`, line: at + 1 });
    at = end;
  }
  return blocks;
}

export const readmeBlocks = (): CodeBlock[] => codeBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8'));

/** The first example of the README, complete as it stands: it imports `heddle` itself. */
export function readmeExample(): CodeBlock {
  const block = readmeBlocks().find(({ code }) => /from ['"]heddle['"]/.test(code));
  if (block === undefined) throw new Error('README.md has no example that imports heddle');
  return block;
}
