/**
 * `collection.query`: finding objects. Every method returns whole objects; filters are applied before the search, so `limit: 10`
 * yields ten whenever ten match. Names and defaults are Weaviate's: limit 10, hybrid alpha 0.75, relativeScore fusion.
 */
import { HeddleError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { KeywordSearch, SearchRequest, VectorSearch, VectorTarget } from '../protocol/search-request.ts';
import type { VectorSchema } from '../schema/collection-schema.ts';
import { namedVector, storedVector, type VectorInput } from '../schema/validate-vectors.ts';
import { embed } from './embed.ts';
import type { Handle } from './handle.ts';
import { baseRequest, invalidOption, projectionOf, type FetchSettings, type QuerySettings, type RankedSettings } from './query-options.ts';
import { readObjects, readSearchReply } from './results.ts';
import { bytesOfUuid } from './rows.ts';
import type { CallSettings, QueryResult, StoredObject } from './types.ts';

export type Combination = VectorSearch['combination'];
/** One vector's name; or several, with how their distances become one. */
export type TargetVector<V extends string> =
  | V
  | { readonly combination: Combination; readonly vectors: readonly V[] | { readonly [K in V]?: number } };

export interface NearSettings<Out, V extends string> extends RankedSettings<Out, V> {
  readonly targetVector?: TargetVector<V>;
  /** Largest distance returned. */
  readonly distance?: number;
  /** Smallest certainty returned; cosine only. */
  readonly certainty?: number;
  /** Search width of the graph for this query. */
  readonly ef?: number;
}

export interface KeywordSettings<Out, V extends string> extends RankedSettings<Out, V> {
  /** Properties to search, `title^2` for a boost; every searchable one when left out. */
  readonly queryProperties?: readonly string[];
  readonly operator?: 'or' | 'and';
  /** With `or`: how many of the words an object must have. */
  readonly minimumMatch?: number;
  /** The last word also matches as a prefix: search as one types. */
  readonly prefix?: boolean;
  readonly typos?: KeywordSearch['typos'];
  /** Quoted parts must appear as phrases. */
  readonly phrases?: boolean;
  /** Returns fragments of the matching properties with the matches marked. */
  readonly highlight?: boolean | { readonly properties?: readonly string[]; readonly fragmentCharsMax?: number };
}

export interface HybridSettings<Out, V extends string> extends KeywordSettings<Out, V> {
  /** Weight of the vector part, 0 to 1. */
  readonly alpha?: number;
  readonly fusionType?: 'relativeScore' | 'ranked';
  /** The query's vector, where the app makes it. */
  readonly vector?: VectorInput;
  readonly targetVector?: TargetVector<V>;
  readonly maxVectorDistance?: number;
}

export type Ask = (request: SearchRequest, options: CallSettings) => Promise<SearchReply>;

const ALPHA_DEFAULT = 0.75;
const FRAGMENT_CHARS = 160;

export class Query<Out extends object, V extends string> {
  private readonly handle: Handle;
  private readonly ask: Ask;

  /** `ask` is where requests go: to the owner, unless something else is to be done with them. */
  constructor(handle: Handle, ask: Ask = (request, options) => handle.connection.call('search', [request], options)) {
    this.handle = handle;
    this.ask = ask;
  }

  /** The object, or null when there is none. */
  async fetchObjectById(
    uuid: string,
    settings: Pick<QuerySettings<Out, V>, 'returnProperties' | 'includeVector' | 'signal' | 'timeoutMs'> = {},
  ): Promise<StoredObject<Out, V> | null> {
    if (!isUuid(uuid)) throw invalidOption('fetchObjectById', 'uuid', uuid, 'must be a UUID');
    const { schema, connection } = this.handle;
    const pages = await connection.call('get', [schema.id, bytesOfUuid(uuid), projectionOf('fetchObjectById', schema, settings)], settings);
    return (readObjects(schema, pages).get(uuid.toLowerCase()) as StoredObject<Out, V> | undefined) ?? null;
  }

  /** Objects that match, in the order of `sort`, else of their UUIDs. */
  async fetchObjects(settings: FetchSettings<Out, V> = {}): Promise<QueryResult<Out, V>> {
    return this.run(this.base('fetchObjects', settings), settings);
  }

  /** The objects nearest to a vector. Several vectors at once give several results. */
  nearVector(vector: VectorInput | { readonly [K in V]?: VectorInput }, settings?: NearSettings<Out, V>): Promise<QueryResult<Out, V>>;
  nearVector(vectors: readonly VectorInput[], settings?: NearSettings<Out, V>): Promise<QueryResult<Out, V>[]>;
  async nearVector(
    given: VectorInput | { readonly [K in V]?: VectorInput } | readonly VectorInput[],
    settings: NearSettings<Out, V> = {},
  ): Promise<QueryResult<Out, V> | QueryResult<Out, V>[]> {
    if (Array.isArray(given) && typeof given[0] === 'object')
      return Promise.all((given as readonly VectorInput[]).map((vector) => this.nearVector(vector, settings)));
    const base = this.base('nearVector', settings);
    const targets = this.vectorTargets('nearVector', given as VectorInput, settings.targetVector);
    return this.run({ ...base, vector: this.vectorSearch('nearVector', targets, settings) }, settings);
  }

  /** The objects nearest in meaning to a text, by the collection's vectorizer. */
  async nearText(text: string | readonly string[], settings: NearSettings<Out, V> = {}): Promise<QueryResult<Out, V>> {
    const base = this.base('nearText', settings);
    const vector = await this.embedQuery(
      'nearText',
      typeof text === 'string' ? text : text.join(' '),
      settings.targetVector,
      settings.signal,
    );
    return this.run({ ...base, vector: this.vectorSearch('nearText', vector, settings) }, settings);
  }

  /** The objects nearest to another one, itself first. `NotFound` when it is not there or has no vector. */
  async nearObject(uuid: string, settings: NearSettings<Out, V> = {}): Promise<QueryResult<Out, V>> {
    const base = this.base('nearObject', settings);
    const names = this.targets(settings.targetVector).map(({ vector }) => vector.name);
    const object = await this.fetchObjectById(uuid, { includeVector: names as V[], signal: settings.signal });
    const vectors = (object?.vectors ?? {}) as Record<string, Float32Array | undefined>;
    const missing = names.find((name) => vectors[name] === undefined);
    if (object === null || missing !== undefined)
      throw new HeddleError(
        'NotFound',
        object === null ? `nearObject: there is no object ${uuid}` : `nearObject: object ${uuid} has no vector "${missing}" (yet)`,
        {
          details: { uuid, ...(missing === undefined ? {} : { vector: missing }) },
        },
      );
    const targets = this.targets(settings.targetVector).map(({ vector, weight }) => ({
      name: vector.name,
      query: vectors[vector.name] as Float32Array,
      weight,
    }));
    return this.run({ ...base, vector: this.vectorSearch('nearObject', targets, settings) }, settings);
  }

  /** Keyword search, ranked by BM25. */
  async bm25(query: string, settings: KeywordSettings<Out, V> = {}): Promise<QueryResult<Out, V>> {
    const base = this.base('bm25', settings);
    return this.run({ ...base, keyword: this.keywordSearch('bm25', query, settings) }, settings);
  }

  /** Keywords and meaning together. */
  async hybrid(query: string, settings: HybridSettings<Out, V> = {}): Promise<QueryResult<Out, V>> {
    const { alpha = ALPHA_DEFAULT, fusionType = 'relativeScore', maxVectorDistance } = settings;
    const base = this.base('hybrid', settings);
    const keyword = this.keywordSearch('hybrid', query, settings);
    const targets =
      settings.vector === undefined
        ? await this.embedQuery('hybrid', query, settings.targetVector, settings.signal)
        : this.vectorTargets('hybrid', settings.vector, settings.targetVector);
    const vector = this.vectorSearch('hybrid', targets, { distance: maxVectorDistance, targetVector: settings.targetVector });
    return this.run({ ...base, keyword, vector, fusion: { type: fusionType, alpha } }, settings);
  }

  private base(operation: string, settings: FetchSettings<Out, V> | RankedSettings<Out, V>): SearchRequest {
    return baseRequest(operation, this.handle.schema, settings as Parameters<typeof baseRequest>[2]);
  }

  private targets(target: TargetVector<V> | undefined): { vector: VectorSchema; weight: number }[] {
    const { schema } = this.handle;
    const place = { operation: 'query', index: null };
    if (target === undefined || typeof target === 'string') return [{ vector: namedVector(place, schema, target), weight: 1 }];
    const { vectors } = target;
    if (Array.isArray(vectors)) return vectors.map((name: string) => ({ vector: namedVector(place, schema, name), weight: 1 }));
    return Object.entries(vectors).map(([name, weight]) => ({ vector: namedVector(place, schema, name), weight: weight as number }));
  }

  private vectorTargets(
    operation: string,
    given: VectorInput | Readonly<Record<string, VectorInput>>,
    target: TargetVector<V> | undefined,
  ): VectorTarget[] {
    const place = { operation, index: null };
    const named = typeof given === 'object' && !Array.isArray(given) && !(given instanceof Float32Array);
    const targets =
      named && target === undefined
        ? Object.keys(given).map((name) => ({ vector: namedVector(place, this.handle.schema, name), weight: 1 }))
        : this.targets(target);
    if (targets.length === 0) throw invalidOption(operation, 'vector', given, 'expects numbers, or vectors by name');
    return targets.map(({ vector, weight }) => {
      const values = named ? (given as Record<string, VectorInput>)[vector.name] : (given as VectorInput);
      return { name: vector.name, query: storedVector(place, vector, values), weight };
    });
  }

  private async embedQuery(
    operation: string,
    text: string,
    target: TargetVector<V> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<VectorTarget[]> {
    if (typeof text !== 'string' || text.trim() === '') throw invalidOption(operation, 'query', text, 'must be a text that is not empty');
    const { connection, schema } = this.handle;
    const made = this.targets(target).map(async ({ vector, weight }) => {
      const [query] = await embed(connection, schema, vector, [text], 'query', signal);
      return { name: vector.name, query, weight };
    });
    return Promise.all(made);
  }

  private vectorSearch(
    operation: string,
    targets: readonly VectorTarget[],
    settings: Pick<NearSettings<Out, V>, 'distance' | 'certainty' | 'ef' | 'targetVector'>,
  ): VectorSearch {
    const { distance, certainty, ef, targetVector } = settings;
    if (certainty !== undefined) {
      const other = targets
        .map(({ name }) => namedVector({ operation, index: null }, this.handle.schema, name))
        .find((vector) => vector.distance !== 'cosine');
      if (other !== undefined)
        throw invalidOption(
          operation,
          'certainty',
          certainty,
          `applies to cosine, vector "${other.name}" has ${other.distance}`,
          'Use distance.',
        );
      if (!(certainty >= 0 && certainty <= 1)) throw invalidOption(operation, 'certainty', certainty, 'must be from 0 to 1');
    }
    const combination = typeof targetVector === 'object' ? targetVector.combination : targets.length > 1 ? 'minimum' : 'sum';
    return { targets, combination, maxDistance: distance ?? (certainty === undefined ? null : 2 * (1 - certainty)), ef: ef ?? null };
  }

  private keywordSearch(operation: string, query: string, settings: KeywordSettings<Out, V>): KeywordSearch {
    if (typeof query !== 'string') throw invalidOption(operation, 'query', query, 'must be a text');
    const {
      queryProperties = [],
      operator = 'or',
      minimumMatch = 1,
      prefix = false,
      typos = 0,
      phrases = false,
      highlight = false,
    } = settings;
    const chosen = typeof highlight === 'object' ? highlight : {};
    return {
      query,
      properties: queryProperties.map((written) => {
        const [path, boost = 1] = written.split('^');
        return { path, boost: Number(boost) };
      }),
      operator,
      minimumMatch,
      prefix,
      typos,
      phrases,
      highlight:
        highlight === false ? null : { properties: chosen.properties ?? [], fragmentCharsMax: chosen.fragmentCharsMax ?? FRAGMENT_CHARS },
    };
  }

  private async run(request: SearchRequest, settings: Pick<QuerySettings<Out, V>, 'signal' | 'timeoutMs'>): Promise<QueryResult<Out, V>> {
    const { schema } = this.handle;
    const { signal, timeoutMs } = settings;
    const reply = await this.ask(request, { signal, timeoutMs });
    const cosine =
      request.vector !== null &&
      request.vector.targets.every(({ name }) => schema.vectors.find((vector) => vector.name === name)?.distance === 'cosine');
    return readSearchReply(schema, reply, cosine && request.vector?.targets.length === 1) as QueryResult<Out, V>;
  }
}
