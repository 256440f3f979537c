/**
 * The collections of a database. The catalog is derived: every shard keeps its collection's schema, and `schema.shards[0]` is
 * authoritative, being created first, changed first and dropped first. At open, what a crash left half done is completed
 * (a shard or a version missing) or cleaned up (shards whose first one is gone).
 *
 * Changes run one after another, so that two tabs that ensure the same collection at once get one collection.
 */
import type { Clock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { uuidV5 } from '../core/ids.ts';
import type { SchemaChange } from '../protocol/coordinator-api.ts';
import type { CollectionConfig } from '../schema/collection-config.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { normalize, shardCountOf } from '../schema/normalize.ts';
import { finishReindex, rebuilt, updateInvertedIndex, updateProperty } from '../schema/reindex.ts';
import {
  addProperty,
  addVector,
  dropProperty,
  fixDimensions,
  planEnsure,
  reembed,
  renameProperty,
  updateVector,
} from '../schema/schema-change.ts';
import { checkCollectionName } from '../schema/schema-names.ts';
import type { Engine } from './engine.ts';

/** Collections of one database. */
export const COLLECTIONS_MAX = 256;

/** Namespace of the namespaces: the same collection name gives the same object UUIDs on every device. */
const KEY_NAMESPACE = '8d0a5b0e-3c7b-5a44-9a62-2f6f0e7b5c11';
/** Collection ids count from here in seconds, so that an id is not used again after a drop. */
const ID_EPOCH_MS = Date.UTC(2025, 0, 1);

/** Objects are written and read as before. */
const INDEX_ONLY: ReadonlySet<SchemaChange['kind']> = new Set(['updateProperty', 'updateInvertedIndex', 'updateVector']);

export class Catalog {
  private readonly engines: readonly Engine[];
  private readonly clock: Clock;
  private readonly byId = new Map<number, CollectionSchema>();
  private readonly engineOf = new Map<number, Engine>();
  private changes: Promise<unknown> = Promise.resolve();
  /** A changed schema on its way to the shards: some have it, some not. */
  private spreading: Promise<void> | null = null;
  /** By collection: writes that were encoded for this version or a later one are written as they are. */
  private readonly encodedSince = new Map<number, number>();
  /** Told after every change: the new schema, or null for a drop. */
  onChange: (id: number, schema: CollectionSchema | null) => void = () => undefined;

  constructor(engines: readonly Engine[], clock: Clock) {
    this.engines = engines;
    this.clock = clock;
  }

  get all(): CollectionSchema[] {
    return [...this.byId.values()];
  }

  find(name: string): CollectionSchema | undefined {
    return this.all.find((schema) => schema.name === name);
  }

  /** `NotFound` when the collection is not, or no longer, there. */
  get(id: number): CollectionSchema {
    const schema = this.byId.get(id);
    if (schema === undefined)
      throw new HeddleError('NotFound', `collection ${id} does not exist`, {
        hint: 'It was deleted; create it with collections.ensure.',
        details: { collection: id },
      });
    return schema;
  }

  byName(name: string): CollectionSchema {
    const schema = this.find(name);
    if (schema === undefined)
      throw new HeddleError('NotFound', `collection "${name}" does not exist`, {
        hint: 'Create it with collections.ensure.',
        details: { collection: name },
      });
    return schema;
  }

  /** Whether a write that was encoded for `version` says the same under the schema as it is now. */
  isCurrent({ id, version: now }: CollectionSchema, version: number): boolean {
    return version <= now && version >= (this.encodedSince.get(id) ?? now);
  }

  /** Asks the shards again when the schema changed meanwhile, so that no answer is made of an old index here and a new one there. */
  async consistently<T>(find: () => CollectionSchema, ask: (schema: CollectionSchema) => Promise<T>): Promise<T> {
    for (let schema = find(); ; schema = find()) {
      const answer = await ask(schema);
      if (schema.shards.length === 1) return answer;
      if (this.spreading !== null) await this.spreading;
      if (find() === schema) return answer;
    }
  }

  /** The engine that hosts a shard. */
  engine(shard: number): Engine {
    return this.engineOf.get(shard) ?? this.engines[shard % this.engines.length];
  }

  /** Reads the shards of every engine and puts right what a crash left half done. */
  async load(): Promise<void> {
    const found = new Map<number, Map<number, CollectionSchema>>();
    for (const engine of this.engines) {
      for (const { shard, schema } of await engine.run((host) => host.shards())) {
        this.engineOf.set(shard, engine);
        const shards = found.get(schema.id) ?? new Map<number, CollectionSchema>();
        found.set(schema.id, shards.set(shard, schema));
      }
    }
    for (const [id, shards] of found) {
      const any = [...shards.values()][0];
      const leading = shards.get(any.shards[0]);
      if (leading === undefined) {
        for (const shard of shards.keys()) await this.engine(shard).run((host) => host.dropShard(shard));
        continue;
      }
      await Promise.all(
        leading.shards.filter((shard) => shards.get(shard)?.version !== leading.version).map((shard) => this.put(shard, leading, true)),
      );
      this.byId.set(id, leading);
    }
  }

  create(name: string, config: CollectionConfig): Promise<CollectionSchema> {
    return this.serially(async () => {
      if (this.find(name) !== undefined)
        throw new HeddleError('Conflict', `collection "${name}" exists already`, {
          hint: 'Use collections.ensure or collections.use.',
          details: { collection: name },
        });
      return this.createNow(name, config);
    });
  }

  ensure(name: string, config: CollectionConfig): Promise<CollectionSchema> {
    return this.serially(async () => {
      const schema = this.find(name);
      return schema === undefined ? this.createNow(name, config) : this.replace(schema, planEnsure(schema, config));
    });
  }

  change(id: number, change: SchemaChange): Promise<CollectionSchema> {
    return this.serially(async () => {
      const schema = this.get(id);
      const isIndexOnly = INDEX_ONLY.has(change.kind);
      return this.replace(schema, changed(schema, change), isIndexOnly);
    });
  }

  /** The indexes that were being built for `schema` are whole on every shard: they take the place of those in use. */
  finishReindex(schema: CollectionSchema): Promise<CollectionSchema> {
    return this.serially(async () => {
      const now = this.get(schema.id);
      return now === schema ? this.replace(schema, finishReindex(schema), true) : now;
    });
  }

  /** Indexes of these ordinals are damaged: they are built anew. */
  rebuild(id: number, damaged: ReadonlySet<number>): Promise<CollectionSchema> {
    return this.serially(async () => {
      const schema = this.get(id);
      return this.replace(schema, rebuilt(schema, damaged), true);
    });
  }

  drop(name: string): Promise<boolean> {
    return this.serially(async () => {
      const schema = this.find(name);
      if (schema === undefined) return false;
      this.byId.delete(schema.id);
      for (const shard of schema.shards) {
        await this.engine(shard).run((host) => host.dropShard(shard));
        this.engineOf.delete(shard);
      }
      this.onChange(schema.id, null);
      return true;
    });
  }

  private serially<T>(action: () => Promise<T>): Promise<T> {
    const result = this.changes.then(action);
    this.changes = result.catch(() => undefined);
    return result;
  }

  /** Creates a collection with the schema of a backup, but for its id and shards. */
  restore(stored: CollectionSchema): Promise<CollectionSchema> {
    return this.serially(async () => {
      checkCollectionName(stored.name);
      if (this.find(stored.name) !== undefined)
        throw new HeddleError('Conflict', `collection "${stored.name}" exists already`, { details: { collection: stored.name } });
      const shards = this.freeShards(this.engines.length);
      const schema: CollectionSchema = {
        ...stored,
        id: this.freeId(),
        version: 1,
        shards,
        shardOf: stored.shardOf.map((_, v) => shards[v % shards.length]),
      };
      await this.spread(schema);
      return schema;
    });
  }

  private async createNow(name: string, config: CollectionConfig): Promise<CollectionSchema> {
    const count = shardCountOf(name, config, this.engines.length);
    const schema = normalize(name, config, {
      id: this.freeId(),
      shards: this.freeShards(count),
      keyNamespace: await uuidV5(KEY_NAMESPACE, name),
    });
    await this.spread(schema);
    return schema;
  }

  private freeId(): number {
    if (this.byId.size >= COLLECTIONS_MAX)
      throw new HeddleError('InvalidInput', `a database holds at most ${COLLECTIONS_MAX} collections`, {
        hint: 'Delete one, or keep kinds of objects apart by a property.',
      });
    return Math.max(Math.floor((this.clock.now() - ID_EPOCH_MS) / 1_000), ...[...this.byId.keys()].map((known) => known + 1), 1);
  }

  /** Shard ids not in use, spread evenly: the host of a new shard is its id modulo the number of engines. */
  private freeShards(count: number): number[] {
    const first = Math.max(-1, ...this.engineOf.keys()) + 1;
    const aligned = Math.ceil(first / this.engines.length) * this.engines.length;
    return Array.from({ length: count }, (_, i) => aligned + i);
  }

  /** `isIndexOnly`: objects are written and read as before. */
  private async replace(old: CollectionSchema, next: CollectionSchema, isIndexOnly = false): Promise<CollectionSchema> {
    if (next === old) return next;
    const spread = this.spread(next);
    const done = (this.spreading = spread.catch(() => undefined));
    try {
      await spread;
    } finally {
      if (this.spreading === done) this.spreading = null;
    }
    this.encodedSince.set(next.id, isIndexOnly ? (this.encodedSince.get(next.id) ?? old.version) : next.version);
    return next;
  }

  /** First shard first: from the moment it is durable there the change holds, and `load` completes it elsewhere. */
  private async spread(schema: CollectionSchema): Promise<void> {
    const [first, ...others] = schema.shards;
    await this.put(first, schema);
    await Promise.all(others.map((shard) => this.put(shard, schema)));
    this.byId.set(schema.id, schema);
    this.onChange(schema.id, schema);
  }

  private async put(shard: number, schema: CollectionSchema, completes = false): Promise<void> {
    const engine = this.engine(shard);
    await engine.run((host) => host.putShard(shard, schema, completes));
    this.engineOf.set(shard, engine);
  }
}

function changed(schema: CollectionSchema, change: SchemaChange): CollectionSchema {
  switch (change.kind) {
    case 'addProperty':
      return addProperty(schema, change.name, change.config);
    case 'addVector':
      return addVector(schema, change.name, change.config);
    case 'dropProperty':
      return dropProperty(schema, change.name);
    case 'renameProperty':
      return renameProperty(schema, change.from, change.to);
    case 'fixDimensions':
      return fixDimensions(schema, change.ordinal, change.dimensions);
    case 'reembed':
      return reembed(schema, change.name, change.vectorizer);
    case 'updateVector':
      return updateVector(schema, change.name, change.tuning);
    case 'updateProperty':
      return updateProperty(schema, change.name, change.index);
    case 'updateInvertedIndex':
      return updateInvertedIndex(schema, change.invertedIndex);
  }
}
