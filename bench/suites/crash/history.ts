/**
 * The states a shard went through, one after each operation that changed it: what it may be found in after a crash.
 */
import { applyEntries, fingerprintOf, type ModelEntry, type ModelShard } from './model.ts';

export interface ShardState {
  /** Number of the operation after which the shard is in this state. */
  readonly after: number;
  /** Null: the shard does not exist. */
  readonly shard: ModelShard | null;
  readonly fingerprint: number;
}

const NOWHERE: ShardState = { after: 0, shard: null, fingerprint: 0 };

export class History {
  private readonly states = new Map<number, ShardState[]>();
  /** Operations so far; the first is number 1. */
  operations = 0;

  get shards(): IterableIterator<number> {
    return this.states.keys();
  }

  private push(id: number, shard: ModelShard | null): void {
    const states = this.states.get(id) ?? [NOWHERE];
    states.push({ after: this.operations, shard, fingerprint: shard === null ? 0 : fingerprintOf(shard.objects) });
    this.states.set(id, states);
  }

  latest(id: number): ModelShard | null {
    return this.states.get(id)?.at(-1)?.shard ?? null;
  }

  write(id: number, entries: readonly ModelEntry[], background: boolean): void {
    this.operations++;
    const shard = this.latest(id);
    if (shard === null) throw new Error(`operation ${this.operations} writes to shard ${id}, which does not exist`);
    this.push(id, applyEntries(shard, entries, background));
  }
  schema(id: number, version: number): void {
    this.operations++;
    this.push(id, { objects: this.latest(id)?.objects ?? new Map(), schemaVersion: version });
  }
  drop(id: number): void {
    this.operations++;
    this.push(id, null);
  }

  /** The states of a shard after operation `first`, `first` + 1 … `last`. */
  between(id: number, first: number, last: number): ShardState[] {
    const states = this.states.get(id) ?? [NOWHERE];
    const from = states.findLastIndex((state) => state.after <= first);
    return states.filter((state, index) => index >= from && state.after <= last);
  }

  /** Whether a shard ever held this state, and when; for saying what went wrong. */
  when(id: number, fingerprint: number): number | null {
    return this.states.get(id)?.find((state) => state.fingerprint === fingerprint)?.after ?? null;
  }
}
