/** The vfs and the mirror of a simulated device, as an engine sees them. */
import { HeddleError } from '../../core/errors.ts';
import { checkName } from '../names.ts';
import type { Mirror, Vfs, VfsFile } from '../vfs.ts';
import type { DeviceFile } from './device-file.ts';
import type { MirrorRow, SimulatedDevice } from './device.ts';
import { SimulatedCrash } from './device.ts';

class SimulatedFile implements VfsFile {
  readonly name: string;
  private readonly device: SimulatedDevice;
  private readonly path: string;
  private readonly file: DeviceFile;
  private readonly session: number;
  private closed = false;

  constructor(device: SimulatedDevice, path: string, name: string, file: DeviceFile) {
    this.device = device;
    this.path = path;
    this.name = name;
    this.file = file;
    this.session = device.currentSession;
    device.held.add(file);
  }

  private check(what: string): void {
    if (!this.device.isUsable(this.session)) throw new SimulatedCrash(`${what} ${this.path}: the process of this handle is gone`);
    if (this.closed) throw new HeddleError('Closed', `${what} ${this.path}: the file is closed`);
  }

  read(into: Uint8Array, at: number): number {
    this.check('read');
    this.device.call('read', this.path, at, into.length);
    return this.file.read(into, at);
  }
  write(bytes: Uint8Array, at: number): void {
    this.check('write');
    const failed = this.device.begin('write', this.path, at, bytes.length);
    if (failed !== null) {
      this.file.write(bytes.subarray(0, failed.keepBytes), at, this.device.calls);
      throw failed.error;
    }
    this.device.admit(this.file, at + bytes.length, this.path);
    this.file.write(bytes, at, this.device.calls);
  }
  flush(): void {
    this.check('flush');
    this.device.call('flush', this.path);
    this.file.flush();
  }
  size(): number {
    return this.file.sizeBytes;
  }
  truncate(sizeBytes: number): void {
    this.check('truncate');
    this.device.call('truncate', this.path, sizeBytes);
    this.device.admit(this.file, sizeBytes, this.path);
    this.file.truncate(sizeBytes, this.device.calls);
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.session === this.device.currentSession) this.device.held.delete(this.file);
  }
}

/** Directories whose first file was made; so that one destroyed and made again is another. */
const identities = new WeakMap<SimulatedDevice, Map<string, object>>();
function identityOf(device: SimulatedDevice, prefix: string): object | undefined {
  return identities.get(device)?.get(`${device.clearings}:${prefix}`);
}

class SimulatedVfs implements Vfs {
  readonly kind = 'simulated';
  private readonly device: SimulatedDevice;
  private readonly prefix: string;
  private seen: object | null = null;

  constructor(device: SimulatedDevice, prefix: string) {
    this.device = device;
    this.prefix = prefix;
  }

  private below(): string[] {
    return [...this.device.paths()].filter((path) => path.startsWith(this.prefix)).map((path) => path.slice(this.prefix.length));
  }
  async list(): Promise<string[]> {
    this.device.call('list', this.prefix);
    return this.below().filter((rest) => !rest.includes('/'));
  }
  async directories(): Promise<string[]> {
    this.device.call('list', this.prefix);
    return [
      ...new Set(
        this.below()
          .filter((rest) => rest.includes('/'))
          .map((rest) => rest.slice(0, rest.indexOf('/'))),
      ),
    ];
  }

  async open(name: string, options: { readonly create: boolean }): Promise<VfsFile> {
    checkName(name);
    const path = this.prefix + name;
    let file = this.device.find(path);
    if (file === undefined) {
      if (!options.create) {
        this.device.call('open', path);
        throw new HeddleError('NotFound', `file ${path} does not exist`, { details: { name } });
      }
      this.device.call('create', path);
      file = this.device.create(path);
    } else {
      this.device.call('open', path);
      if (this.device.held.has(file)) throw new HeddleError('StorageUnavailable', `file ${path} is open elsewhere`, { details: { name } });
    }
    this.identify();
    return new SimulatedFile(this.device, path, name, file);
  }

  private identify(): void {
    let known = identities.get(this.device);
    if (known === undefined) identities.set(this.device, (known = new Map()));
    const key = `${this.device.clearings}:${this.prefix}`;
    let identity = known.get(key);
    if (identity === undefined) known.set(key, (identity = {}));
    this.seen ??= identity;
  }

  async remove(name: string): Promise<void> {
    const path = this.prefix + name;
    this.device.call('remove', path);
    const file = this.device.find(path);
    if (file === undefined) return;
    if (this.device.held.has(file))
      throw new HeddleError('StorageUnavailable', `file ${path} is open and can't be removed`, { details: { name } });
    this.device.remove(path);
  }

  directory(name: string): Vfs {
    checkName(name);
    return new SimulatedVfs(this.device, `${this.prefix}${name}/`);
  }

  async destroy(): Promise<void> {
    this.device.call('destroy', this.prefix);
    for (const rest of this.below()) this.device.remove(this.prefix + rest);
    const known = identities.get(this.device);
    for (const key of known?.keys() ?? []) if (key.startsWith(`${this.device.clearings}:${this.prefix}`)) known?.delete(key);
    this.seen = null;
  }

  async alive(): Promise<boolean> {
    return this.seen === null || identityOf(this.device, this.prefix) === this.seen;
  }
}

class SimulatedMirror implements Mirror {
  private readonly device: SimulatedDevice;
  private readonly prefix: string;
  private readonly session: number;

  constructor(device: SimulatedDevice, scope: string) {
    this.device = device;
    this.prefix = `${scope}/`;
    this.session = device.currentSession;
  }

  private check(): void {
    if (!this.device.isUsable(this.session)) throw new SimulatedCrash('the process of this mirror is gone');
  }
  private async transact(rows: readonly MirrorRow[]): Promise<void> {
    this.device.changeMirror(rows);
    await Promise.resolve();
    this.check();
    this.device.call('mirror-commit', this.prefix);
    this.device.commitMirror(rows);
  }

  async append(stream: string, records: readonly Uint8Array[]): Promise<void> {
    this.check();
    const bytes = records.reduce((sum, record) => sum + record.length, 0);
    this.device.call('mirror-append', this.prefix + stream, 0, bytes);
    await this.transact([...this.device.mirror, { stream: this.prefix + stream, records: records.map((record) => record.slice()) }]);
  }
  async read(stream: string): Promise<Uint8Array[]> {
    this.check();
    this.device.call('mirror-read', this.prefix + stream);
    return this.device.mirror
      .filter((row) => row.stream === this.prefix + stream)
      .flatMap((row) => row.records.map((record) => record.slice()));
  }
  async streams(): Promise<string[]> {
    this.check();
    this.device.call('mirror-read', this.prefix);
    const mine = this.device.mirror.filter((row) => row.stream.startsWith(this.prefix));
    return [...new Set(mine.map((row) => row.stream.slice(this.prefix.length)))];
  }
  async clear(): Promise<void> {
    this.check();
    this.device.call('mirror-clear', this.prefix);
    await this.transact(this.device.mirror.filter((row) => !row.stream.startsWith(this.prefix)));
  }
  close(): void {}
}

/** The root directory of the device. */
export const simulatedVfs = (device: SimulatedDevice): Vfs => new SimulatedVfs(device, '');

/** The mirror of one worker on the device. */
export const simulatedMirror = (device: SimulatedDevice, scope: string): Mirror => new SimulatedMirror(device, scope);
