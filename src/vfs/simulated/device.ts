/**
 * A simulated device with an Origin Private File System on it: files, names, the mirror, a clock, and everything that goes
 * wrong with them. Deterministic and synchronous.
 *
 * - Every call that reaches the device is counted and announced to `onCall` before it takes effect, so that a harness can
 *   freeze the device there, and to `faults`, which may make it fail.
 * - `freeze` is cheap (snapshots share sectors). `images.ts` makes what a power cut at that moment may leave on the disk;
 *   `afterKill` is the device after a killed process: nothing lost, but still unflushed.
 * - `crashAt` makes one call and all after it throw, for engines that must not be able to do anything after a crash.
 */
import { HeddleError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import { DeviceFile } from './device-file.ts';
import type { FileSnapshot, Version } from './device-file.ts';
import { NameTable } from './names.ts';
import type { NameChange, NameProfile, NamesSnapshot } from './names.ts';

export type CallKind =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'flush'
  | 'truncate'
  | 'close'
  | 'list'
  | 'remove'
  | 'move'
  | 'destroy'
  | 'mirror-read'
  | 'mirror-append'
  | 'mirror-commit'
  | 'mirror-clear';

export interface DeviceCall {
  /** Position among all calls that can change what is on the disk; a call that only reads repeats the last. */
  readonly index: number;
  readonly kind: CallKind;
  readonly path: string;
  /** Of a write: offset and length. Of a truncation: the new length. */
  readonly at: number;
  readonly bytes: number;
}

/** What makes a call fail. `keepBytes`: of a write, how much reaches the file first. */
export interface Fault {
  readonly error: 'io' | 'quota' | 'busy';
  readonly keepBytes?: number;
}

/** Thrown by every call from `crashAt` on. Not a `HeddleError`, so that no engine mistakes it for one of its own. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

/** Time on a simulated device; shared by the engine on it. */
export class SimulatedClock implements Clock {
  ms: number;
  constructor(ms = 1_700_000_000_000) {
    this.ms = ms;
  }
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  advance(ms: number): void {
    this.ms += ms;
  }
}

/** One append to the mirror; IndexedDB commits it whole or not at all, and in order. */
export interface MirrorRow {
  readonly stream: string;
  readonly records: readonly Uint8Array[];
}

/** A frozen device. */
export interface DeviceSnapshot {
  readonly names: NamesSnapshot<FileSnapshot>;
  readonly mirror: readonly Version<readonly MirrorRow[]>[];
  readonly call: number;
  readonly atMs: number;
}

export interface DeviceOptions {
  readonly clock?: SimulatedClock;
  readonly profile?: NameProfile;
  /** How long a name can be lost. */
  readonly nameRiskMs?: number;
  readonly from?: DeviceSnapshot;
}

/** How long a dead browser's renderer was seen to go on writing. */
const ORPHAN_MS = 300;
/** Longest time after which a new name can still be lost; the engine's settle rule has to wait at least as long. */
const NAME_RISK_MS = 60_000;

const CHANGES: ReadonlySet<CallKind> = new Set<CallKind>([
  'create',
  'write',
  'flush',
  'truncate',
  'remove',
  'move',
  'destroy',
  'mirror-append',
  'mirror-commit',
  'mirror-clear',
]);

export class SimulatedDevice {
  readonly clock: SimulatedClock;
  readonly profile: NameProfile;
  readonly nameRiskMs: number;
  /** Bytes all files together may take. */
  quotaBytes = Number.POSITIVE_INFINITY;
  onCall: ((call: DeviceCall) => void) | null = null;
  faults: ((call: DeviceCall) => Fault | null) | null = null;
  crashAt = Number.POSITIVE_INFINITY;
  /** Calls so far that can change the disk. */
  calls = 0;
  /** All calls so far, reads too. */
  allCalls = 0;
  /** Rises when storage is cleared beneath its users. */
  clearings = 0;
  /** Files that a live handle holds. */
  readonly held = new Set<DeviceFile>();
  private session = 0;
  private orphansUntilMs = 0;
  private table: NameTable;
  /** Versions of the mirror since it was last power-safe, oldest first; the last is what readers see. */
  private mirrorVersions: Version<readonly MirrorRow[]>[];

  constructor(options: DeviceOptions = {}) {
    this.clock = options.clock ?? new SimulatedClock();
    this.profile = options.profile ?? 'chromium';
    this.nameRiskMs = options.nameRiskMs ?? NAME_RISK_MS;
    const from = options.from;
    const thawed = new Map<FileSnapshot, DeviceFile>();
    const thaw = (snapshot: FileSnapshot): DeviceFile => {
      let file = thawed.get(snapshot);
      if (file === undefined) thawed.set(snapshot, (file = new DeviceFile(snapshot)));
      return file;
    };
    this.table = new NameTable(
      new Map([...(from?.names.settled ?? [])].map(([path, file]) => [path, thaw(file)])),
      (from?.names.changes ?? []).map((change): NameChange<DeviceFile> =>
        change.kind === 'create' ? { ...change, file: thaw(change.file) } : change,
      ),
    );
    this.mirrorVersions = from?.mirror.slice() ?? [{ value: [], at: 0 }];
  }

  /** Counts a call, announces it and makes it fail where a fault says so. Returns how many bytes of a failing write to keep first. */
  begin(kind: CallKind, path: string, at = 0, bytes = 0): { readonly keepBytes: number; readonly error: HeddleError } | null {
    this.allCalls++;
    if (CHANGES.has(kind)) this.calls++;
    const call: DeviceCall = { index: this.calls, kind, path, at, bytes };
    if (this.calls >= this.crashAt) throw new SimulatedCrash(`crashed at call ${this.crashAt} (${kind} ${path})`);
    this.table.settle(this.clock.ms - this.nameRiskMs);
    this.onCall?.(call);
    const fault = this.faults?.(call) ?? null;
    if (fault === null) return null;
    const what = `${kind} ${path}: simulated ${fault.error} error at call ${call.index}`;
    const error = new HeddleError(fault.error === 'quota' ? 'StorageFull' : 'StorageUnavailable', what, {
      details: { bytesWanted: bytes },
    });
    return { keepBytes: fault.keepBytes ?? 0, error };
  }

  /** As `begin`, for calls of which nothing can be kept. */
  call(kind: CallKind, path: string, at = 0, bytes = 0): void {
    const failed = this.begin(kind, path, at, bytes);
    if (failed !== null) throw failed.error;
  }

  find(path: string): DeviceFile | undefined {
    return this.table.current.get(path);
  }
  paths(): IterableIterator<string> {
    return this.table.current.keys();
  }

  private moment(certain: boolean): { at: number; atMs: number; certain: boolean } {
    return { at: this.calls, atMs: this.clock.ms, certain };
  }
  create(path: string): DeviceFile {
    const file = new DeviceFile();
    this.table.apply({ kind: 'create', path, file, ...this.moment(this.profile === 'firefox') });
    return file;
  }
  remove(path: string): void {
    this.table.apply({ kind: 'remove', path, ...this.moment(false) });
  }
  /** Renames, over an existing file too; no vfs offers it. Kept to show why. */
  move(from: string, to: string): void {
    this.call('move', from);
    if (!this.table.current.has(from)) throw new HeddleError('NotFound', `move ${from}: no such file`);
    this.table.apply({ kind: 'move', from, to, ...this.moment(false) });
  }

  /** Throws `StorageFull` if growing `file` to `sizeBytes` would go beyond the quota. */
  admit(file: DeviceFile, sizeBytes: number, path: string): void {
    const growth = sizeBytes - file.sizeBytes;
    if (growth <= 0 || this.quotaBytes === Number.POSITIVE_INFINITY) return;
    if (this.usedBytes() + growth > this.quotaBytes)
      throw new HeddleError('StorageFull', `${path}: quota of ${this.quotaBytes} bytes exceeded`, { details: { bytesWanted: growth } });
  }
  usedBytes(): number {
    let used = 0;
    for (const file of new Set(this.table.current.values())) used += file.sizeBytes;
    return used;
  }

  get mirror(): readonly MirrorRow[] {
    return this.mirrorVersions[this.mirrorVersions.length - 1].value;
  }
  /** A transaction on the mirror that has begun: a power cut may keep it or not. */
  changeMirror(rows: readonly MirrorRow[]): void {
    this.mirrorVersions.push({ value: rows, at: this.calls });
  }
  /** The transaction that gave the mirror these rows, and all before it, are power-safe. */
  commitMirror(rows: readonly MirrorRow[]): void {
    const index = this.mirrorVersions.findIndex((version) => version.value === rows);
    if (index > 0) this.mirrorVersions.splice(0, index);
  }

  /** Site data cleared: names and mirror are gone at once, open handles go on into nothing. */
  clear(): void {
    this.table.clear();
    this.mirrorVersions = [{ value: [], at: this.calls }];
    this.clearings++;
  }

  /** Handles belong to the session that opened them. */
  get currentSession(): number {
    return this.session;
  }
  /** Whether a handle of `session` still works: of the living process, or of an orphan within its 300 ms. */
  isUsable(session: number): boolean {
    return session === this.session || (session === this.session - 1 && this.clock.ms < this.orphansUntilMs);
  }
  /** The browser was killed and started again: handles are free; those of before go on writing for a while where `orphans`. */
  restart(orphans: boolean): void {
    this.session++;
    this.held.clear();
    this.orphansUntilMs = orphans ? this.clock.ms + ORPHAN_MS : 0;
  }

  freeze(): DeviceSnapshot {
    this.table.settle(this.clock.ms - this.nameRiskMs);
    return { names: this.table.freeze(), mirror: this.mirrorVersions.slice(), call: this.calls, atMs: this.clock.ms };
  }
}

/** The device after its processes were killed at the moment of `snapshot`: nothing is lost, nothing more is flushed. */
export function afterKill(snapshot: DeviceSnapshot, options: DeviceOptions = {}): SimulatedDevice {
  return new SimulatedDevice({ clock: new SimulatedClock(snapshot.atMs), ...options, from: snapshot });
}
