/**
 * What a host of shards must hold, on plain Maps: the write semantics said once more, independently of the engine, and a
 * fingerprint of a shard's content that is cheap to keep for every operation of a long workload.
 */
import { utf8 } from '../../../src/core/bytes.ts';
import { murmur3 } from '../../../src/core/ids.ts';
import { WriteKind } from '../../../src/protocol/write-batch.ts';

/** An object as the model has it; values by ordinal, absent ones at the end cut off. */
export interface ModelObject {
  readonly values: readonly unknown[];
  readonly vector: readonly number[] | null;
}

export interface ModelEntry {
  readonly kind: WriteKind;
  readonly id: number;
  /** For update: pairs of ordinal and new value. */
  readonly values: readonly unknown[];
  readonly patch: Readonly<Record<number, unknown>>;
  readonly vector: readonly number[] | null;
}

export interface ModelShard {
  readonly objects: ReadonlyMap<number, ModelObject>;
  readonly schemaVersion: number;
}

/** Ordinal of the property a background vector is made from. */
const TITLE = 0;

export function trimmed(values: readonly unknown[]): unknown[] {
  const out = values.map((value) => value ?? null);
  while (out.length > 0 && out[out.length - 1] === null) out.pop();
  return out;
}

/** The object after `entry`, undefined when there is none. `background`: the shard's vector follows its title. */
function after(entry: ModelEntry, before: ModelObject | undefined, background: boolean): ModelObject | undefined {
  if (entry.kind === WriteKind.delete) return undefined;
  if (entry.kind === WriteKind.attach)
    return before === undefined ? undefined : { values: before.values, vector: before.vector ?? entry.vector };
  const isUpdate = entry.kind === WriteKind.update;
  const values = (isUpdate ? before?.values : entry.values)?.slice() ?? [];
  if (isUpdate)
    for (const [ordinal, value] of Object.entries(entry.patch)) {
      while (values.length < Number(ordinal)) values.push(null);
      values[Number(ordinal)] = value;
    }
  const sameTitle = JSON.stringify(before?.values[TITLE] ?? null) === JSON.stringify(values[TITLE] ?? null);
  const carried = background ? sameTitle : isUpdate;
  return { values: trimmed(values), vector: entry.vector ?? (carried ? (before?.vector ?? null) : null) };
}

export function applyEntries(shard: ModelShard, entries: readonly ModelEntry[], background: boolean): ModelShard {
  const objects = new Map(shard.objects);
  for (const entry of entries) {
    const object = after(entry, objects.get(entry.id), background);
    if (object === undefined) objects.delete(entry.id);
    else objects.set(entry.id, object);
  }
  return { ...shard, objects };
}

/** A 53-bit sum over objects, in no order. */
export class Fingerprint {
  private low = 0;
  private high = 0;
  add(id: number, values: readonly unknown[], vector: ArrayLike<number> | null): void {
    const bytes = utf8(`${id}|${JSON.stringify(trimmed(values))}|${vector === null ? '' : Array.from(vector).join()}`);
    this.low = (this.low + murmur3(bytes, 1)) >>> 0;
    this.high = (this.high + murmur3(bytes, 2)) >>> 0;
  }
  get value(): number {
    return this.low * 0x20_0000 + (this.high >>> 11);
  }
}

export function fingerprintOf(objects: ReadonlyMap<number, ModelObject>): number {
  const fingerprint = new Fingerprint();
  for (const [id, { values, vector }] of objects) fingerprint.add(id, values, vector);
  return fingerprint.value;
}
