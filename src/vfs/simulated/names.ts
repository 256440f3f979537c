/**
 * The name table of a simulated device: which path leads to which file, and which changes of it a power cut may undo.
 *
 * Measured on real browsers (Chromium 156, Firefox ESR 153; see `docs/adr/what-survives-a-crash.md`):
 * - Chromium never syncs the table: names made in about the last half minute are lost, flushed or not. Firefox syncs it
 *   when a name is made.
 * - A file moved over another: after a power cut the target is gone altogether in both browsers, neither old nor new. Its
 *   old content is unlinked at once while the new name is not yet durable; the source shows again if its name had settled.
 * - A removal may be undone.
 */
import type { FileSnapshot } from './device-file.ts';
import { DeviceFile } from './device-file.ts';

export type NameProfile = 'chromium' | 'firefox';

interface Moment {
  /** Index of the call that made the change. */
  readonly at: number;
  readonly atMs: number;
  /** Synced as it was made: a power cut can't undo it. */
  readonly certain: boolean;
}

export type NameChange<F> = Moment &
  (
    | { readonly kind: 'create'; readonly path: string; readonly file: F }
    | { readonly kind: 'remove'; readonly path: string }
    | { readonly kind: 'move'; readonly from: string; readonly to: string }
  );

/** Applies a change to a table as it takes effect, or as a power cut that lost it leaves things. */
export function applyChange<F>(table: Map<string, F>, change: NameChange<F>, survives: boolean): void {
  if (change.kind === 'create') {
    if (survives) table.set(change.path, change.file);
    return;
  }
  if (change.kind === 'remove') {
    if (survives) table.delete(change.path);
    return;
  }
  table.delete(change.to);
  if (!survives) return;
  const moved = table.get(change.from);
  table.delete(change.from);
  if (moved !== undefined) table.set(change.to, moved);
}

export interface NamesSnapshot<F> {
  readonly settled: ReadonlyMap<string, F>;
  readonly changes: readonly NameChange<F>[];
}

export class NameTable {
  private readonly settled: Map<string, DeviceFile>;
  private changes: NameChange<DeviceFile>[];
  /** What a lookup finds: `settled` with all `changes` applied. */
  readonly current: Map<string, DeviceFile>;

  constructor(settled: Map<string, DeviceFile>, changes: NameChange<DeviceFile>[]) {
    this.settled = settled;
    this.changes = changes;
    this.current = new Map(settled);
    for (const change of changes) applyChange(this.current, change, true);
  }

  apply(change: NameChange<DeviceFile>): void {
    applyChange(this.current, change, true);
    this.changes.push(change);
  }

  /** Changes from before `beforeMs` can no longer be lost. The table is a log: they settle in order. */
  settle(beforeMs: number): void {
    while (this.changes.length > 0 && this.changes[0].atMs <= beforeMs)
      applyChange(this.settled, this.changes.shift() as NameChange<DeviceFile>, true);
  }

  clear(): void {
    this.settled.clear();
    this.changes = [];
    this.current.clear();
  }

  freeze(): NamesSnapshot<FileSnapshot> {
    return {
      settled: new Map([...this.settled].map(([path, file]) => [path, file.freeze()])),
      changes: this.changes.map((change) => (change.kind === 'create' ? { ...change, file: change.file.freeze() } : change)),
    };
  }
}
