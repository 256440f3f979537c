/**
 * A seeded workload for a host of several shards: inserts, batches, updates, deletes, imports, background vectors, schema
 * changes, shards that come and go, flushes, merges, reopening; enough of each that logs are recycled and manifests switch.
 *
 * Operations follow the model, so that all of them succeed: what an insert inserts does not exist yet, what an update
 * updates does. Attaching background vectors needs docIDs, which only the engine knows, so those entries are made while the
 * workload runs (`run.ts`).
 */
import { SeededRandom } from '../../../src/core/clock.ts';
import { WriteKind } from '../../../src/protocol/write-batch.ts';
import { applyEntries, type ModelEntry, type ModelShard } from './model.ts';

export type Operation =
  | { readonly kind: 'schema'; readonly shard: number; readonly version: number }
  | { readonly kind: 'drop'; readonly shard: number }
  /** Not `atomic`: part of an import, of which each object is refused by itself. */
  | { readonly kind: 'write'; readonly shard: number; readonly entries: readonly ModelEntry[]; readonly atomic: boolean }
  | { readonly kind: 'attach'; readonly shard: number; readonly limit: number }
  | { readonly kind: 'flush' | 'maintain' | 'compact' | 'reopen' }
  /** Simulated time passes; after a minute the files have settled. */
  | { readonly kind: 'wait'; readonly ms: number };

/** Operations issued without waiting for one another; a host commits them together. */
export type Group = readonly Operation[];

export interface WorkloadOptions {
  readonly seed: number;
  readonly operations: number;
  /** Objects a shard has at most. */
  readonly objectsMax: number;
}

/** Shard 1 brings its vectors, shard 2 gets them in the background; later ones come and go, each under a number of its own. */
export const BACKGROUND_SHARD = 2;

export const WORDS: readonly string[] = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta'];
export const TAGS: readonly string[] = ['red', 'green', 'blue'];
export const DIMENSIONS = 4;
export const STARS_MAX = 10;
const IMPORT_BATCHES = 3;
const IMPORT_ROWS = 12;

/** The vector that "the model" of the background shard makes of a title. */
export function vectorOfTitle(title: unknown): number[] {
  const words = String(title ?? '').split(' ');
  return Array.from({ length: DIMENSIONS }, (_, i) =>
    words.reduce((sum, word) => sum + ((word.length * (i + 3) + word.charCodeAt(word.length - 1)) % 17), i),
  );
}

export function* workload({ seed, operations, objectsMax }: WorkloadOptions): IterableIterator<Group> {
  const random = new SeededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random.int(items.length)];
  const shards = new Map<number, ModelShard>();
  let nextId = 1;
  let nextShard = 3;

  const vector = (): number[] => Array.from({ length: DIMENSIONS }, () => random.int(40) - 20);
  const title = (): string => Array.from({ length: 1 + random.int(4) }, () => pick(WORDS)).join(' ');
  const values = (): unknown[] => [title(), random.next() < 0.8 ? pick(TAGS) : null, random.next() < 0.9 ? random.int(STARS_MAX) : null];

  const entry = (shard: number, state: ModelShard): ModelEntry => {
    const ids = [...state.objects.keys()];
    const withVector = shard !== BACKGROUND_SHARD && random.next() < 0.8 ? vector() : null;
    const blank = { values: [], patch: {}, vector: null };
    const roll = ids.length === 0 ? 0 : ids.length >= objectsMax ? 0.75 + random.next() * 0.25 : random.next();
    if (roll < 0.35) return { ...blank, kind: WriteKind.insert, id: nextId++, values: values(), vector: withVector };
    if (roll < 0.5)
      return { ...blank, kind: WriteKind.upsert, id: random.next() < 0.7 ? pick(ids) : nextId++, values: values(), vector: withVector };
    if (roll < 0.6) return { ...blank, kind: WriteKind.replace, id: pick(ids), values: values(), vector: withVector };
    if (roll < 0.75)
      return {
        ...blank,
        kind: WriteKind.update,
        id: pick(ids),
        patch: random.next() < 0.5 ? { 2: random.int(STARS_MAX) } : { 0: title(), 1: pick(TAGS) },
        vector: random.next() < 0.3 ? withVector : null,
      };
    return { ...blank, kind: WriteKind.delete, id: pick(ids) };
  };

  const write = (shard: number): Operation => {
    let state = shards.get(shard) as ModelShard;
    const entries: ModelEntry[] = [];
    const count = random.next() < 0.6 ? 1 : 2 + random.int(random.next() < 0.1 ? 20 : 6);
    for (let n = 0; n < count; n++) {
      const one = entry(shard, state);
      entries.push(one);
      state = applyEntries(state, [one], shard === BACKGROUND_SHARD);
    }
    shards.set(shard, state);
    return { kind: 'write', shard, entries, atomic: true };
  };

  /** A few batches in flight at once, each about as large as a memtable. */
  const importing = (shard: number): Operation[] =>
    Array.from({ length: IMPORT_BATCHES }, (): Operation => {
      const entries = Array.from({ length: IMPORT_ROWS }, (): ModelEntry => {
        const withVector = shard === BACKGROUND_SHARD ? null : vector();
        return { kind: WriteKind.upsert, id: nextId++, values: values(), patch: {}, vector: withVector };
      });
      shards.set(shard, applyEntries(shards.get(shard) as ModelShard, entries, shard === BACKGROUND_SHARD));
      return { kind: 'write', shard, entries, atomic: false };
    });

  for (const shard of [1, 2]) {
    shards.set(shard, { objects: new Map(), schemaVersion: 1 });
    yield [{ kind: 'schema', shard, version: 1 }];
  }
  for (let n = 0; n < operations; n++) {
    const roll = random.next();
    if (roll < 0.67) yield [write(pick([...shards.keys()]))];
    else if (roll < 0.68) yield importing(pick([...shards.keys()]));
    else if (roll < 0.78) yield Array.from({ length: 2 + random.int(4) }, () => write(pick([...shards.keys()])));
    else if (roll < 0.85) {
      // What is attached depends on the engine's docIDs, but which objects have vectors does not matter to later operations.
      yield [{ kind: 'attach', shard: BACKGROUND_SHARD, limit: 1 + random.int(6) }];
    } else if (roll < 0.88) yield [{ kind: 'flush' }];
    else if (roll < 0.93) yield [{ kind: 'maintain' }];
    else if (roll < 0.94) yield [{ kind: 'compact' }];
    else if (roll < 0.95) yield [{ kind: 'reopen' }];
    else if (roll < 0.98) {
      const shard = pick([...shards.keys()]);
      const before = shards.get(shard) as ModelShard;
      const version = before.schemaVersion + 1;
      shards.set(shard, { ...before, schemaVersion: version });
      yield [{ kind: 'schema', shard, version }];
    } else if (roll < 0.985) {
      const passing = [...shards.keys()].find((shard) => shard > BACKGROUND_SHARD);
      if (passing !== undefined) {
        shards.delete(passing);
        yield [{ kind: 'drop', shard: passing }];
      } else {
        const shard = nextShard++;
        shards.set(shard, { objects: new Map(), schemaVersion: 1 });
        yield [{ kind: 'schema', shard, version: 1 }];
      }
    } else yield [{ kind: 'wait', ms: pick([5_000, 31_000, 61_000]) }];
  }
}
