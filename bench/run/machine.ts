/** What the figures were taken on, in words and by commit. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, totalmem, type as osType } from 'node:os';
import { join } from 'node:path';

export function machineInWords(): string {
  const processors = cpus();
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${memoryGiB} GiB, ${osType()} ${arch()}, Node ${process.versions.node}`;
}

/** The commit checked out, with `+` behind it when tracked files differ from it. */
export function commitInWords(root: string): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+');
  } catch {
    // Outside a checkout: a packed suite says what it was packed from.
    const packed = join(root, 'COMMIT');
    return existsSync(packed) ? readFileSync(packed, 'utf8').trim() : 'unknown';
  }
}
