import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { memoryVfs } from './memory.ts';
import { MemoryMirror } from './mirror-memory.ts';
import { nodeVfs } from './node.ts';
import { MIRROR_CASES, VFS_CASES } from './vfs-conformance.ts';

const root = mkdtempSync(join(tmpdir(), 'heddle-vfs-'));
let next = 0;
const freshPath = (): string => join(root, String(next++), 'database');

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('vfs: memory', () => {
  for (const { title, run } of VFS_CASES) it(title, () => run(async () => memoryVfs()));
});
describe('vfs: Node', () => {
  for (const { title, run } of VFS_CASES) it(title, () => run(async () => nodeVfs(freshPath())));
});
describe('mirror: memory', () => {
  for (const { title, run } of MIRROR_CASES) it(title, () => run(async () => new MemoryMirror()));
});

describe.skipIf(process.platform !== 'linux')('the lock of a Node directory', () => {
  it('keeps a second process out and is taken over from one that is gone', async () => {
    const path = freshPath();
    const vfs = nodeVfs(path);
    (await vfs.open('f', { create: true })).close();
    // Process 1 always runs; its start time is read as the lock does it.
    const stat = readFileSync('/proc/1/stat', 'latin1');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(path, '.lock'), `1 ${start}`);
    await expect(vfs.open('f', { create: true })).rejects.toMatchObject({ code: 'StorageUnavailable' });
    writeFileSync(join(path, '.lock'), `1 ${Number(start) + 1}`);
    (await vfs.open('f', { create: true })).close();
    writeFileSync(join(path, '.lock'), 'not a lock');
    const file = await vfs.open('f', { create: true });
    expect(readFileSync(join(path, '.lock'), 'latin1')).toContain(String(process.pid));
    file.close();
  });
});
