/**
 * The vfs over the Origin Private File System. Dedicated workers only: sync access handles exist nowhere else.
 *
 * - A sync access handle is exclusive and is the real fence between tabs; opening waits for the other holder to let go.
 * - Every asynchronous call has a time limit (see `backoff.ts`).
 * - A new name is power-safe only some time after it was made (Chromium never syncs its name table): the settle rule is
 *   `settle.ts`, and it is the caller's to apply. Nothing here is renamed, ever.
 * - Cleared site data leaves open handles working on unlinked files. A sentinel file with a random identity, made when a
 *   directory is first opened, tells: `alive` looks it up by name again.
 */
import { HeddleError } from '../core/errors.ts';
import { RETRY, retryWhileBusy, withTimeLimit } from './backoff.ts';
import type { RetryLimits } from './backoff.ts';
import { checkName } from './names.ts';
import { isBusy, isMissing, missingApiError, typedOpfsError } from './opfs-errors.ts';
import { OpfsFile } from './opfs-file.ts';
import type { SyncHandle } from './opfs-file.ts';
import type { Vfs, VfsFile } from './vfs.ts';

export interface OpfsOptions {
  readonly retry: RetryLimits;
  /** For one call that opens, lists or removes. */
  readonly callLimitMs: number;
}

export const OPFS_DEFAULTS: OpfsOptions = { retry: RETRY, callLimitMs: 15_000 };

/** Not in `list`, and refused by `checkName`, so that no caller meets it. */
const SENTINEL_NAME = '_sentinel';
const SENTINEL_BYTES = 16;

async function rootDirectory(): Promise<FileSystemDirectoryHandle> {
  const storage = globalThis.navigator?.storage as StorageManager | undefined;
  if (typeof storage?.getDirectory !== 'function') throw missingApiError('Origin Private File System (navigator.storage.getDirectory)');
  if (typeof FileSystemFileHandle === 'undefined' || !('createSyncAccessHandle' in FileSystemFileHandle.prototype))
    throw missingApiError('sync access handles (they exist in dedicated workers only)');
  return storage.getDirectory();
}

const openSync = (file: FileSystemFileHandle): Promise<SyncHandle> =>
  (file as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle();

class OpfsVfs implements Vfs {
  readonly kind = 'opfs';
  private readonly path: readonly string[];
  private readonly options: OpfsOptions;
  private sentinel: Promise<Uint8Array> | null = null;

  constructor(path: readonly string[], options: OpfsOptions) {
    this.path = path;
    this.options = options;
  }

  private call<T>(what: string, action: () => Promise<T>, discard?: (late: T) => void): Promise<T> {
    const { retry, callLimitMs } = this.options;
    const described = `${what} in /${this.path.join('/')}`;
    return withTimeLimit(retryWhileBusy(action, isBusy, retry), callLimitMs, described, discard).catch((thrown: unknown) => {
      throw typedOpfsError(thrown, described);
    });
  }

  private async handle(create: boolean, depth = this.path.length): Promise<FileSystemDirectoryHandle> {
    let directory = await rootDirectory();
    for (const name of this.path.slice(0, depth)) directory = await directory.getDirectoryHandle(name, { create });
    return directory;
  }

  private names(kind: FileSystemHandleKind): Promise<string[]> {
    return this.call('list', async () => {
      const names: string[] = [];
      try {
        for await (const [name, entry] of (await this.handle(false)).entries())
          if (entry.kind === kind && name !== SENTINEL_NAME) names.push(name);
      } catch (thrown) {
        if (!isMissing(thrown)) throw thrown;
      }
      return names;
    });
  }
  list(): Promise<string[]> {
    return this.names('file');
  }
  directories(): Promise<string[]> {
    return this.names('directory');
  }

  async open(name: string, options: { readonly create: boolean }): Promise<VfsFile> {
    checkName(name);
    const handle = await this.call(
      `open ${name}`,
      async () => {
        const directory = await this.handle(options.create);
        const file = await directory.getFileHandle(name, { create: options.create });
        return openSync(file);
      },
      (late) => late.close(),
    );
    try {
      await (this.sentinel ??= this.call('make the sentinel', () => this.ensureSentinel()));
      return new OpfsFile(name, handle);
    } catch (thrown) {
      this.sentinel = null;
      handle.close();
      throw typedOpfsError(thrown, `open ${name}`);
    }
  }

  /** Reads the directory's identity, or gives it one. */
  private async ensureSentinel(): Promise<Uint8Array> {
    const directory = await this.handle(false);
    const handle = await openSync(await directory.getFileHandle(SENTINEL_NAME, { create: true }));
    try {
      const identity = new Uint8Array(SENTINEL_BYTES);
      if (handle.read(identity, { at: 0 }) < SENTINEL_BYTES) {
        crypto.getRandomValues(identity);
        if (handle.write(identity, { at: 0 }) !== SENTINEL_BYTES)
          throw new HeddleError('StorageUnavailable', 'the sentinel was written in part');
        handle.flush();
      }
      return identity;
    } finally {
      handle.close();
    }
  }

  async alive(): Promise<boolean> {
    if (this.sentinel === null) return true;
    const identity = await this.sentinel;
    return this.call('look for the sentinel', async () => {
      try {
        const file = await (await (await this.handle(false)).getFileHandle(SENTINEL_NAME)).getFile();
        const found = new Uint8Array(await file.arrayBuffer());
        return found.length === identity.length && found.every((byte, i) => byte === identity[i]);
      } catch (thrown) {
        if (isMissing(thrown)) return false;
        throw thrown;
      }
    });
  }

  async remove(name: string): Promise<void> {
    checkName(name);
    await this.removeEntry(() => this.handle(false), name);
  }

  directory(name: string): Vfs {
    checkName(name);
    return new OpfsVfs([...this.path, name], this.options);
  }

  async destroy(): Promise<void> {
    const name = this.path.at(-1);
    if (name === undefined) throw new HeddleError('InvalidInput', "the origin's root can't be destroyed");
    this.sentinel = null;
    await this.removeEntry(() => this.handle(false, this.path.length - 1), name);
  }

  private removeEntry(parent: () => Promise<FileSystemDirectoryHandle>, name: string): Promise<void> {
    return this.call(`remove ${name}`, async () => {
      try {
        await (await parent()).removeEntry(name, { recursive: true });
      } catch (thrown) {
        if (!isMissing(thrown)) throw thrown;
      }
    });
  }
}

/** A vfs over the directory at `path` below the origin's root; nothing is made before the first file is opened. */
export function opfsVfs(path: readonly string[], options: OpfsOptions = OPFS_DEFAULTS): Vfs {
  path.forEach(checkName);
  return new OpfsVfs(path, options);
}

/** Throws `StorageUnavailable` with the reason unless OPFS can be used here: missing API, private window, blocked storage. */
export async function requireOpfs(options: OpfsOptions = OPFS_DEFAULTS): Promise<void> {
  try {
    await withTimeLimit(rootDirectory(), options.callLimitMs, 'open the Origin Private File System');
  } catch (thrown) {
    throw typedOpfsError(thrown, 'open the Origin Private File System');
  }
}
