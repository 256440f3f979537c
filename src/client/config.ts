/** `collection.config`: the schema, and changing it while data is in place. Re-indexing goes on in the background. */
import type { CollectionConfig, PropertyConfig, VectorConfig } from '../schema/collection-config.ts';
import type { CollectionSchema, GraphTuning, IndexSettings } from '../schema/collection-schema.ts';
import type { SchemaChange } from '../protocol/coordinator-api.ts';
import type { Handle } from './handle.ts';
import type { CallSettings, Progress } from './types.ts';
import type { Vectorizer } from './vectorizer.ts';

/** A vector whose vectorizer is given whole, so that it is registered too. */
export type VectorDeclaration = Omit<VectorConfig, 'vectorizer'> & { readonly vectorizer?: Vectorizer };

export class Config {
  private readonly handle: Handle;

  constructor(handle: Handle) {
    this.handle = handle;
  }

  /** The schema as it is now, every default filled in. */
  get(): Promise<CollectionSchema> {
    return this.handle.refresh();
  }

  /** Adds an optional property. */
  addProperty(name: string, config: PropertyConfig, settings?: CallSettings): Promise<CollectionSchema> {
    return this.change({ kind: 'addProperty', name, config }, settings);
  }

  /** Adds a vector; with a vectorizer, the objects that are there are embedded in the background. */
  addVector(name: string, declaration: VectorDeclaration, settings?: CallSettings): Promise<CollectionSchema> {
    const { vectorizer } = declaration;
    if (vectorizer !== undefined) this.handle.connection.vectorizers.set(vectorizer.id, vectorizer);
    const config = { ...declaration, vectorizer: vectorizer && { id: vectorizer.id, dimensions: vectorizer.dimensions } };
    return this.change({ kind: 'addVector', name, config }, settings);
  }

  dropProperty(name: string, settings?: CallSettings): Promise<CollectionSchema> {
    return this.change({ kind: 'dropProperty', name }, settings);
  }

  /** Touches no data: objects are stored by ordinal. */
  renameProperty(from: string, to: string, settings?: CallSettings): Promise<CollectionSchema> {
    return this.change({ kind: 'renameProperty', from, to }, settings);
  }

  /**
   * Changes how a property (a dotted path within objects) is indexed. The new index is built in the background; until
   * `reindexed` says so, the old one answers.
   */
  updateProperty(path: string, index: Partial<IndexSettings>, settings?: CallSettings): Promise<CollectionSchema> {
    return this.change({ kind: 'updateProperty', name: path, index }, settings);
  }

  /** `k1`, `b` and stopwords hold at once; for null states, lengths and time stamps indexes are built as for `updateProperty`. */
  updateInvertedIndex(invertedIndex: NonNullable<CollectionConfig['invertedIndex']>, settings?: CallSettings): Promise<CollectionSchema> {
    return this.change({ kind: 'updateInvertedIndex', invertedIndex }, settings);
  }

  /** Changes how wide the graph of a vector is searched, and built from now on: `updateVector('default', { ef: 64 })`. */
  updateVector(name: string, tuning: GraphTuning, settings?: CallSettings): Promise<CollectionSchema> {
    return this.change({ kind: 'updateVector', name, tuning }, settings);
  }

  /** Resolves once everything is indexed as the schema says. */
  async reindexed(settings?: CallSettings & { readonly onProgress?: (progress: Progress) => void }): Promise<CollectionSchema> {
    const { connection, schema } = this.handle;
    return connection.learn(await connection.call('reindexed', [schema.id], settings));
  }

  /** Changes the model of a vector: every object is embedded again, in the background; until then it is not found by that vector. */
  reembed(vectorizer: Vectorizer, options: CallSettings & { readonly vector?: string } = {}): Promise<CollectionSchema> {
    this.handle.connection.vectorizers.set(vectorizer.id, vectorizer);
    const { id, dimensions } = vectorizer;
    return this.change({ kind: 'reembed', name: options.vector ?? 'default', vectorizer: { id, dimensions } }, options);
  }

  private async change(change: SchemaChange, settings?: CallSettings): Promise<CollectionSchema> {
    const { connection, schema } = this.handle;
    return connection.learn(await connection.call('changeCollection', [schema.id, change], settings));
  }
}
