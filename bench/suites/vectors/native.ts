/**
 * Native peers: programs compiled here with `g++ -O3 -march=native`, spoken to line by line.
 */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createInterface, type Interface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Compiles `native/<name>.cc` unless that was done; returns the program's path. */
export function compileNative(name: string, cache: string, includes: readonly string[], root = rootOf()): string {
  const source = join(root, 'bench/suites/vectors/native', `${name}.cc`);
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex');
  const program = join(cache, name);
  const stamp = `${program}.stamp`;
  if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return program;
  mkdirSync(cache, { recursive: true });
  const flags = ['-std=c++17', '-O3', '-march=native', '-DNDEBUG', ...includes.map((folder) => `-I${folder}`)];
  if (name === 'ground-truth') flags.push('-ffast-math');
  execFileSync('g++', [...flags, source, '-o', program], { stdio: 'inherit' });
  writeFileSync(stamp, hash);
  return program;
}

function rootOf(): string {
  let folder = fileURLToPath(new URL('.', import.meta.url));
  while (!existsSync(join(folder, 'bench/suites/vectors/native'))) {
    const above = join(folder, '..');
    if (above === folder) throw new Error('the sources of the native peers are not found');
    folder = above;
  }
  return folder;
}

/** A native peer that answers each line with one line of JSON. */
export class NativePeer {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;
  private waiting: ((line: string) => void)[] = [];

  constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args);
    this.child.stderr.pipe(process.stderr);
    this.lines = createInterface({ input: this.child.stdout });
    this.lines.on('line', (line) => this.waiting.shift()?.(line));
  }

  ask<Answer>(line: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.waiting.push((answer) => resolve(JSON.parse(answer) as Answer));
      this.child.stdin.write(`${line}\n`);
    });
  }

  close(): void {
    this.child.stdin.end('quit\n');
    this.lines.close();
  }
}
