/**
 * A vfs in memory: for tests, for Node scripts and for databases opened with `storage: 'memory'`.
 *
 * A `MemoryDirectory` is the storage; every vfs made on it sees the same files, so that closing and opening again works
 * within one process. Nothing survives the process, and `flush` has nothing to do.
 */
import { assert, HeddleError } from '../core/errors.ts';
import { FileContent } from './file-content.ts';
import { checkName } from './names.ts';
import type { Vfs, VfsFile } from './vfs.ts';

/** What a memory vfs stores; keep it to open the same files again. */
export class MemoryDirectory {
  readonly files = new Map<string, FileContent>();
  readonly children = new Map<string, MemoryDirectory>();
  readonly open = new Set<FileContent>();
}

class MemoryFile implements VfsFile {
  readonly name: string;
  private readonly content: FileContent;
  private readonly release: () => void;
  private closed = false;

  constructor(name: string, content: FileContent, release: () => void) {
    this.name = name;
    this.content = content;
    this.release = release;
  }

  private checkOpen(): void {
    if (this.closed) throw new HeddleError('Closed', `file ${this.name} is closed`);
  }
  read(into: Uint8Array, at: number): number {
    this.checkOpen();
    return this.content.read(into, at);
  }
  write(bytes: Uint8Array, at: number): void {
    this.checkOpen();
    this.content.write(bytes, at);
  }
  flush(): void {
    this.checkOpen();
  }
  size(): number {
    return this.content.sizeBytes;
  }
  truncate(sizeBytes: number): void {
    this.checkOpen();
    this.content.truncate(sizeBytes);
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.release();
  }
}

class MemoryVfs implements Vfs {
  readonly kind = 'memory';
  private readonly root: MemoryDirectory;
  private readonly path: readonly string[];
  /** The directory found when this vfs first touched it; tells a directory that was destroyed and made anew. */
  private seen: MemoryDirectory | null = null;

  constructor(root: MemoryDirectory, path: readonly string[]) {
    this.root = root;
    this.path = path;
  }

  private find(create: boolean): MemoryDirectory | null {
    let directory = this.root;
    for (const name of this.path) {
      let child = directory.children.get(name);
      if (child === undefined) {
        if (!create) return null;
        child = new MemoryDirectory();
        directory.children.set(name, child);
      }
      directory = child;
    }
    this.seen ??= directory;
    return directory;
  }

  async list(): Promise<string[]> {
    return [...(this.find(false)?.files.keys() ?? [])];
  }
  async directories(): Promise<string[]> {
    return [...(this.find(false)?.children.keys() ?? [])];
  }

  async open(name: string, options: { readonly create: boolean }): Promise<VfsFile> {
    checkName(name);
    const directory = this.find(options.create);
    let content = directory?.files.get(name);
    if (directory === null || content === undefined) {
      if (!options.create) throw new HeddleError('NotFound', `file ${name} does not exist`, { details: { name } });
      assert(directory !== null, 'a directory to create in');
      content = new FileContent();
      directory.files.set(name, content);
    }
    const found = content;
    if (directory.open.has(found)) throw new HeddleError('StorageUnavailable', `file ${name} is open elsewhere`, { details: { name } });
    directory.open.add(found);
    return new MemoryFile(name, found, () => directory.open.delete(found));
  }

  async remove(name: string): Promise<void> {
    const directory = this.find(false);
    const content = directory?.files.get(name);
    if (directory === null || content === undefined) return;
    if (directory.open.has(content))
      throw new HeddleError('StorageUnavailable', `file ${name} is open and can't be removed`, { details: { name } });
    directory.files.delete(name);
  }

  directory(name: string): Vfs {
    checkName(name);
    return new MemoryVfs(this.root, [...this.path, name]);
  }

  async destroy(): Promise<void> {
    this.seen = null;
    const parent = new MemoryVfs(this.root, this.path.slice(0, -1)).find(false);
    const name = this.path.at(-1);
    if (name !== undefined) parent?.children.delete(name);
    else {
      this.root.files.clear();
      this.root.children.clear();
    }
  }

  async alive(): Promise<boolean> {
    const seen = this.seen;
    return seen === null || this.find(false) === seen;
  }
}

/** A vfs over `storage`; a fresh one when none is given. */
export function memoryVfs(storage: MemoryDirectory = new MemoryDirectory()): Vfs {
  return new MemoryVfs(storage, []);
}
