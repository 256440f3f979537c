/** One collection: `data` to write, `query` to find, `aggregate`, `config`, `vectorizing`; and going through all of it. */
import type { ChangeEvent } from '../protocol/coordinator-api.ts';
import type { CollectionConfig, InputOf, OutputOf, VectorsOf } from '../schema/collection-config.ts';
import { Aggregate } from './aggregate.ts';
import { Config } from './config.ts';
import { Data } from './data.ts';
import type { Handle } from './handle.ts';
import { iterate, type IteratorSettings } from './iterator.ts';
import { exportJsonl, importJsonl, type ImportResult, type ImportSettings } from './jsonl.ts';
import { live } from './live.ts';
import { Query } from './query.ts';
import type { CallSettings, StoredObject } from './types.ts';
import type { VectorizingWorker } from './vectorizing.ts';
import { Vectorizing } from './vectorizing-status.ts';

export interface CollectionChange {
  readonly kind: ChangeEvent['kind'];
  /** Objects written or deleted; at most a thousand of one batch are named. */
  readonly uuids: readonly string[];
  readonly truncated: boolean;
}

export class Collection<C extends CollectionConfig = CollectionConfig> {
  readonly name: string;
  readonly data: Data<InputOf<C>, OutputOf<C>, VectorsOf<C>>;
  readonly query: Query<OutputOf<C>, VectorsOf<C>>;
  readonly aggregate: Aggregate<OutputOf<C>, VectorsOf<C>>;
  readonly config: Config;
  readonly vectorizing: Vectorizing;
  private readonly handle: Handle;

  constructor(handle: Handle, worker: VectorizingWorker) {
    this.handle = handle;
    this.name = handle.name;
    this.data = new Data(handle);
    this.query = new Query(handle);
    this.aggregate = new Aggregate(handle);
    this.config = new Config(handle);
    this.vectorizing = new Vectorizing(handle, worker);
  }

  /** How many objects there are. */
  length(settings: CallSettings = {}): Promise<number> {
    return this.handle.connection.call('count', [this.handle.schema.id], settings);
  }

  /** Every object, page by page. */
  iterator(
    settings: IteratorSettings<OutputOf<C>, VectorsOf<C>> = {},
  ): AsyncGenerator<StoredObject<OutputOf<C>, VectorsOf<C>>, void, undefined> {
    return iterate(this.handle, settings);
  }

  /** Calls back after every write to this collection, in whatever tab. Returns how to stop. */
  onChange(callback: (change: CollectionChange) => void): () => void {
    const { connection, schema } = this.handle;
    return connection.on('changed', ({ collection, kind, uuids, truncated }) => {
      if (collection === schema.id) callback({ kind, uuids, truncated });
    });
  }

  /**
   * Asks again whenever the collection changes:
   * `for await (const { objects } of notes.live((query) => query.hybrid('tap'))) show(objects)`.
   */
  live<T>(
    ask: (query: Query<OutputOf<C>, VectorsOf<C>>) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<T, void, undefined> {
    return live(this.handle, () => ask(this.query), signal);
  }

  /** All objects as JSON Lines. */
  export(settings: IteratorSettings<OutputOf<C>, VectorsOf<C>> = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    return exportJsonl(this.handle, settings);
  }

  /** Writes objects from JSON Lines, over those of the same UUID. */
  import(source: ReadableStream<Uint8Array> | Blob | string, settings: ImportSettings = {}): Promise<ImportResult> {
    return importJsonl(this.data, source, settings);
  }

  /** What each shard's index of a vector says of itself: rows, backlog, memory, recall on a sample. */
  health(vector: VectorsOf<C> | 'default' = 'default'): Promise<readonly unknown[]> {
    const { connection, schema } = this.handle;
    const ordinal = schema.vectors.find(({ name }) => name === vector)?.ordinal ?? -1;
    return connection.call('health', [schema.id, ordinal]);
  }
}
