/**
 * Merges the cursors of several sections of one bucket, newest first, into one ordered stream under the bucket's operator.
 *
 * Invariants: keys rise strictly; a tombstone hides every older value of its key, and stays in the stream only while an
 * older segment outside the inputs may hold that key.
 */
import { compareBytes } from '../core/bytes.ts';
import { NO_BYTES } from './block.ts';
import type { Entry, MergeOperator, SortedEntries } from './bucket.ts';

export interface MergeRules {
  /** Whether a segment older than all inputs may hold the key; null: there is none. */
  readonly mayBeOlder: ((key: Uint8Array) => boolean) | null;
  /** Whether `replace` entries that the operator's `keep` refuses are left out: in merges only. */
  readonly dropsUnwanted: boolean;
}

export class MergeCursor implements SortedEntries {
  private readonly inputs: readonly SortedEntries[];
  private readonly heads: (Entry | null)[];
  private readonly operator: MergeOperator;
  private readonly rules: MergeRules;
  /** Inputs whose head has the key that was given out, newest first: the first `dueCount`. */
  private readonly due: Uint32Array;
  private dueCount = 0;
  private readonly values: Uint8Array[] = [];
  private readonly out: { key: Uint8Array; value: Uint8Array | null } = { key: NO_BYTES, value: null };

  /** `inputs`: newest first. */
  constructor(inputs: readonly SortedEntries[], operator: MergeOperator, rules: MergeRules) {
    this.inputs = inputs;
    this.operator = operator;
    this.rules = rules;
    this.heads = inputs.map((input) => input.next());
    this.due = new Uint32Array(inputs.length);
  }

  next(): Entry | null {
    for (;;) {
      for (let i = 0; i < this.dueCount; i++) this.heads[this.due[i]] = this.inputs[this.due[i]].next();
      const newest = this.pickSmallest();
      if (newest === null) return null;
      const entry = this.operator.kind === 'replace' ? this.replaced(newest, this.operator.keep) : this.merged(newest, this.operator.merge);
      if (entry !== null) return entry;
    }
  }

  /** The smallest key's newest entry; `due` then names every input that has this key, newest first. */
  private pickSmallest(): Entry | null {
    const { heads, due } = this;
    let count = 0;
    let best: Entry | null = null;
    for (let i = 0; i < heads.length; i++) {
      const head = heads[i];
      if (head === null) continue;
      const order = best === null ? -1 : compareBytes(head.key, best.key);
      if (order > 0) continue;
      if (order < 0) {
        best = head;
        count = 0;
      }
      due[count++] = i;
    }
    this.dueCount = count;
    return best;
  }

  private replaced(newest: Entry, keep: ((key: Uint8Array, value: Uint8Array) => boolean) | undefined): Entry | null {
    if (newest.value === null) return this.tombstone(newest.key);
    if (!this.rules.dropsUnwanted || keep === undefined || keep(newest.key, newest.value)) return newest;
    return this.tombstone(newest.key);
  }

  private tombstone(key: Uint8Array): Entry | null {
    if (this.rules.mayBeOlder === null || !this.rules.mayBeOlder(key)) return null;
    this.out.key = key;
    this.out.value = null;
    return this.out;
  }

  private merged(
    newest: Entry,
    merge: (key: Uint8Array, newestFirst: readonly Uint8Array[], isOldest: boolean) => Uint8Array | null,
  ): Entry | null {
    const values = this.values;
    values.length = 0;
    for (let i = 0; i < this.dueCount; i++) {
      const { value } = this.heads[this.due[i]]!;
      if (value !== null) values.push(value);
    }
    const isOldest = this.rules.mayBeOlder === null || !this.rules.mayBeOlder(newest.key);
    const value = values.length === 0 ? null : merge(newest.key, values, isOldest);
    if (value === null) return null;
    this.out.key = newest.key;
    this.out.value = value;
    return this.out;
  }
}
