/**
 * The vfs over a directory of the operating system, for Node: tests, edge servers, bulk builds.
 *
 * - `flush` is fdatasync; creating a file also syncs its directory, so that a name is power-safe as soon as `open` returns.
 * - A directory with open files holds a lock file naming the process, so that two processes never write one database. The
 *   lock of a process that is gone is taken over. Threads of one process are kept apart by their owner, not here.
 * - Length is cached: this handle is the only writer.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { HeddleError } from '../core/errors.ts';
import { checkName } from './names.ts';
import { lockDirectory } from './node-lock.ts';
import type { Vfs, VfsFile } from './vfs.ts';

/** Named so that `checkName` refuses it to callers. */
const LOCK_NAME = '.lock';

function typed(thrown: unknown, what: string, bytesWanted = 0): HeddleError {
  if (thrown instanceof HeddleError) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new HeddleError('StorageFull', `${what}: the disk is full`, {
      hint: 'Free some space; writes resume by themselves.',
      details: { bytesWanted },
      cause: thrown,
    });
  return new HeddleError('StorageUnavailable', `${what}: ${String(thrown)}`, { cause: thrown });
}

class NodeFile implements VfsFile {
  readonly name: string;
  private readonly fd: number;
  private sizeBytes: number;
  private readonly release: () => void;
  private closed = false;

  constructor(name: string, fd: number, release: () => void) {
    this.name = name;
    this.fd = fd;
    this.sizeBytes = fs.fstatSync(fd).size;
    this.release = release;
  }

  private guard<T>(what: string, bytesWanted: number, action: () => T): T {
    if (this.closed) throw new HeddleError('Closed', `${what} ${this.name}: the file is closed`);
    try {
      return action();
    } catch (thrown) {
      throw typed(thrown, `${what} ${this.name}`, bytesWanted);
    }
  }

  read(into: Uint8Array, at: number): number {
    return this.guard('read', 0, () => {
      let done = 0;
      while (done < into.length) {
        const count = fs.readSync(this.fd, into, done, into.length - done, at + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }
  write(bytes: Uint8Array, at: number): void {
    this.guard('write', bytes.length, () => {
      let done = 0;
      while (done < bytes.length) {
        done += fs.writeSync(this.fd, bytes, done, bytes.length - done, at + done);
        this.sizeBytes = Math.max(this.sizeBytes, at + done);
      }
    });
  }
  flush(): void {
    this.guard('flush', 0, () => fs.fdatasyncSync(this.fd));
  }
  size(): number {
    return this.sizeBytes;
  }
  truncate(sizeBytes: number): void {
    this.guard('truncate', Math.max(0, sizeBytes - this.sizeBytes), () => fs.ftruncateSync(this.fd, sizeBytes));
    this.sizeBytes = sizeBytes;
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    fs.closeSync(this.fd);
    this.release();
  }
}

/** Open files of this process, by path: the operating system would open them twice. */
const openPaths = new Set<string>();

class NodeVfs implements Vfs {
  readonly kind = 'node';
  private readonly root: string;
  private openCount = 0;
  private unlock: (() => void) | null = null;
  /** Device and inode of the directory when it was first used. */
  private identity: string | null = null;

  constructor(root: string) {
    this.root = root;
  }

  private entries(kind: 'file' | 'directory'): string[] {
    try {
      const entries = fs.readdirSync(this.root, { withFileTypes: true });
      return entries.filter((e) => (kind === 'file' ? e.isFile() && e.name !== LOCK_NAME : e.isDirectory())).map((e) => e.name);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw typed(thrown, `list ${this.root}`);
    }
  }
  async list(): Promise<string[]> {
    return this.entries('file');
  }
  async directories(): Promise<string[]> {
    return this.entries('directory');
  }

  async open(name: string, options: { readonly create: boolean }): Promise<VfsFile> {
    checkName(name);
    const full = path.join(this.root, name);
    if (openPaths.has(full)) throw new HeddleError('StorageUnavailable', `file ${full} is open elsewhere`, { details: { name } });
    try {
      const existed = fs.existsSync(full);
      if (!existed && !options.create) throw new HeddleError('NotFound', `file ${full} does not exist`, { details: { name } });
      if (!existed) makeDirectory(this.root);
      if (this.openCount === 0) this.unlock = lockDirectory(path.join(this.root, LOCK_NAME));
      this.openCount++;
      try {
        const fd = fs.openSync(full, existed ? 'r+' : 'wx+');
        if (!existed) syncDirectory(this.root);
        this.identity ??= identityOf(this.root);
        openPaths.add(full);
        return new NodeFile(name, fd, () => {
          openPaths.delete(full);
          this.releaseOne();
        });
      } catch (thrown) {
        this.releaseOne();
        throw thrown;
      }
    } catch (thrown) {
      throw typed(thrown, `open ${full}`);
    }
  }

  private releaseOne(): void {
    if (--this.openCount > 0) return;
    this.unlock?.();
    this.unlock = null;
  }

  async remove(name: string): Promise<void> {
    checkName(name);
    const full = path.join(this.root, name);
    if (openPaths.has(full))
      throw new HeddleError('StorageUnavailable', `file ${full} is open and can't be removed`, { details: { name } });
    try {
      fs.rmSync(full, { force: true });
    } catch (thrown) {
      throw typed(thrown, `remove ${full}`);
    }
  }

  directory(name: string): Vfs {
    checkName(name);
    return new NodeVfs(path.join(this.root, name));
  }

  async destroy(): Promise<void> {
    this.identity = null;
    try {
      fs.rmSync(this.root, { recursive: true, force: true });
    } catch (thrown) {
      throw typed(thrown, `remove ${this.root}`);
    }
  }

  async alive(): Promise<boolean> {
    return this.identity === null || this.identity === identityOf(this.root);
  }
}

function identityOf(directory: string): string | null {
  const stat = fs.statSync(directory, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}:${stat.birthtimeMs}`;
}

function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return; // a directory can't be opened there; NTFS journals names
  const fd = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Makes a directory and its missing parents, each name synced in the directory above it. */
function makeDirectory(directory: string): void {
  if (fs.existsSync(directory)) return;
  const parent = path.dirname(directory);
  makeDirectory(parent);
  try {
    fs.mkdirSync(directory);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
  syncDirectory(parent);
}

/** A vfs over the directory `root`, which is made when first written to. */
export function nodeVfs(root: string): Vfs {
  return new NodeVfs(path.resolve(root));
}
