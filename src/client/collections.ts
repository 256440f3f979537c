/** `db.collections`: creating, opening and deleting collections. Safe to call in several tabs at once. */
import { HeddleError } from '../core/errors.ts';
import type { CollectionConfig } from '../schema/collection-config.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { Collection } from './collection.ts';
import type { Connection } from './connection.ts';
import { Handle } from './handle.ts';
import type { CallSettings } from './types.ts';
import type { Vectorizer } from './vectorizer.ts';
import type { VectorizingWorker } from './vectorizing.ts';

export class Collections {
  private readonly connection: Connection;
  private readonly worker: VectorizingWorker;

  constructor(connection: Connection, worker: VectorizingWorker) {
    this.connection = connection;
    this.worker = worker;
  }

  /**
   * Creates the collection, or opens it and adds the properties and vectors that are new in `config`. `SchemaConflict` lists what
   * differs otherwise. Vectorizers in the config are registered in this tab.
   */
  async ensure<const C extends CollectionConfig>(name: string, config: C, settings?: CallSettings): Promise<Collection<C>> {
    return this.open(await this.connection.call('ensureCollection', [name, this.register(config)], settings));
  }

  /** `Conflict` when it exists. */
  async create<const C extends CollectionConfig>(name: string, config: C, settings?: CallSettings): Promise<Collection<C>> {
    return this.open(await this.connection.call('createCollection', [name, this.register(config)], settings));
  }

  /** A collection that exists; whether it does shows at its first use. `use<typeof config>('Note')` has the types. */
  use<C extends CollectionConfig = CollectionConfig>(name: string): Collection<C> {
    return new Collection<C>(new Handle(this.connection, name), this.worker);
  }

  async exists(name: string, settings?: CallSettings): Promise<boolean> {
    return (await this.listAll(settings)).some((schema) => schema.name === name);
  }

  /** Deletes the collection and all in it; whether it was there. */
  delete(name: string, settings?: CallSettings): Promise<boolean> {
    return this.connection.call('dropCollection', [name], settings);
  }

  /** The schemas of all collections, by name. */
  async listAll(settings?: CallSettings): Promise<CollectionSchema[]> {
    // A round trip, so that what another tab has just created is known.
    await this.connection.call('ping', [], settings);
    return this.connection.schemas.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private open<C extends CollectionConfig>(schema: CollectionSchema): Collection<C> {
    this.connection.learn(schema);
    this.worker.wake();
    return this.use<C>(schema.name);
  }

  /** The config as it travels: vectorizers are kept here, their identity goes along. */
  private register(config: CollectionConfig): CollectionConfig {
    if (typeof config !== 'object' || config === null)
      throw new HeddleError('InvalidInput', 'a collection needs a config: { properties: { title: "text" } }');
    const vectors: Record<string, CollectionConfig['vectors'] extends infer V ? NonNullable<V>[keyof NonNullable<V>] : never> = {};
    for (const [name, vector] of Object.entries(config.vectors ?? {})) {
      const { vectorizer } = vector;
      if (vectorizer !== undefined && 'embed' in vectorizer) this.connection.vectorizers.set(vectorizer.id, vectorizer as Vectorizer);
      vectors[name] =
        vectorizer === undefined ? vector : { ...vector, vectorizer: { id: vectorizer.id, dimensions: vectorizer.dimensions } };
    }
    return config.vectors === undefined ? config : { ...config, vectors };
  }
}
