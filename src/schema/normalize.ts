/**
 * Makes a collection's schema from what a user wrote: names checked, every default filled in, ordinals given out.
 * Runs in the coordinator, so that two tabs cannot give out one ordinal twice. Defaults are Weaviate's, but for
 * maxConnections 16 (a browser's memory) and the `sq` quantizer; sources in `docs/architecture.md`.
 *
 * Ordinals of a new collection: properties first, in the order written, then vectors, then nested properties, so that the
 * stored array of properties has no holes.
 */
import { HeddleError } from '../core/errors.ts';
import { VIRTUAL_SHARDS } from '../core/ids.ts';
import type { CollectionConfig } from './collection-config.ts';
import type { CollectionSchema, InvertedIndexConfig, PropertySchema, VectorSchema } from './collection-schema.ts';
import { given, refuseUnknown } from './known-settings.ts';
import { nestOrdinals, normalizeProperty } from './normalize-property.ts';
import { normalizeVector } from './normalize-vector.ts';
import { checkCollectionName, invalidSchema } from './schema-names.ts';

/** Properties of one collection, nested ones included; bounds the cost of a flush and the catalog. */
export const PROPERTIES_MAX = 1_000;
export const VECTORS_MAX = 64;
export const SHARDS_MAX = 64;

/** What the catalog decides about a new collection. */
export interface Placement {
  readonly id: number;
  /** Physical shard ids. */
  readonly shards: readonly number[];
  /** Namespace of version 5 UUIDs. */
  readonly keyNamespace: string;
}

const DEFAULT_PLACEMENT: Placement = { id: 1, shards: [0], keyNamespace: '6ba7b812-9dad-11d1-80b4-00c04fd430c8' };

export const INVERTED_DEFAULTS: InvertedIndexConfig = {
  k1: 1.2,
  b: 0.75,
  stopwords: { preset: 'en', additions: [], removals: [] },
  indexNullState: false,
  indexPropertyLength: false,
  indexTimestamps: false,
};

const SETTINGS = ['description', 'properties', 'vectors', 'key', 'invertedIndex', 'shards'];

/** The schema of a new collection. Throws `InvalidInput` naming the property, vector or setting. */
export function normalize(name: string, config: CollectionConfig, placement: Placement = DEFAULT_PLACEMENT): CollectionSchema {
  checkCollectionName(name);
  if (typeof config !== 'object' || config === null || typeof config.properties !== 'object' || config.properties === null)
    throw invalidSchema(name, 'properties', config?.properties, 'is missing', 'Pass { properties: { title: "text" } }.');
  refuseUnknown(given(config), SETTINGS, `collection "${name}"`);
  let ordinal = 0;
  const outer = Object.entries(config.properties).map(([key, value]) => normalizeProperty(name, key, value, ordinal++));
  const vectors = Object.entries(config.vectors ?? {}).map(([key, value]) => normalizeVector(name, key, value, ordinal++, outer));
  const { properties, next } = nestOrdinals(outer, ordinal);
  checkLimits(name, next, vectors);
  const key = checkKey(name, config.key, properties);
  return {
    id: placement.id,
    name,
    description: config.description ?? '',
    version: 1,
    properties,
    nextOrdinal: next,
    vectors,
    key,
    keyNamespace: placement.keyNamespace,
    invertedIndex: normalizeInverted(name, config.invertedIndex),
    shards: [...placement.shards],
    shardOf: Array.from({ length: VIRTUAL_SHARDS }, (_, v) => placement.shards[v % placement.shards.length]),
  };
}

/** Physical shards asked for, checked; `fallback` where the user left it open. */
export function shardCountOf(name: string, config: CollectionConfig, fallback: number): number {
  const count = config.shards ?? fallback;
  if (!Number.isInteger(count) || count < 1 || count > SHARDS_MAX)
    throw invalidSchema(name, 'shards', config.shards, `must be a whole number from 1 to ${SHARDS_MAX}`);
  return count;
}

function checkLimits(name: string, ordinals: number, vectors: readonly VectorSchema[]): void {
  if (vectors.length > VECTORS_MAX) throw invalidSchema(name, 'vectors', vectors.length, `may be at most ${VECTORS_MAX}`);
  if (ordinals - vectors.length > PROPERTIES_MAX)
    throw invalidSchema(name, 'properties', ordinals - vectors.length, `may be at most ${PROPERTIES_MAX}, nested ones counted`);
}

function checkKey(name: string, key: string | undefined, properties: readonly PropertySchema[]): string | null {
  if (key === undefined) return null;
  const property = properties.find((candidate) => candidate.name === key);
  if (property === undefined) throw invalidSchema(name, 'key', key, 'names no property of this collection');
  if (property.optional || (property.type !== 'text' && property.type !== 'uuid' && property.type !== 'int'))
    throw invalidSchema(name, 'key', key, 'must be a required text, uuid or int property');
  return key;
}

export function normalizeInverted(name: string, wanted: CollectionConfig['invertedIndex'] = {}): InvertedIndexConfig {
  const { stopwords, ...rest } = wanted;
  const at = `collection "${name}": invertedIndex`;
  refuseUnknown(given(wanted), Object.keys(INVERTED_DEFAULTS), at);
  refuseUnknown(given(stopwords ?? {}), Object.keys(INVERTED_DEFAULTS.stopwords), `${at}.stopwords`);
  const merged: InvertedIndexConfig = { ...INVERTED_DEFAULTS, ...rest, stopwords: { ...INVERTED_DEFAULTS.stopwords, ...stopwords } };
  if (!(merged.k1 >= 0 && merged.k1 <= 100)) throw invalidSchema(name, 'invertedIndex.k1', merged.k1, 'must be from 0 to 100');
  if (!(merged.b >= 0 && merged.b <= 1)) throw invalidSchema(name, 'invertedIndex.b', merged.b, 'must be from 0 to 1');
  if (merged.stopwords.preset !== 'en' && merged.stopwords.preset !== 'none')
    throw new HeddleError('InvalidInput', `collection "${name}": stopword preset "${merged.stopwords.preset}" is not known`, {
      hint: 'Use "en" or "none", and additions for words of your own.',
      details: { collection: name, property: 'invertedIndex.stopwords.preset', value: merged.stopwords.preset },
    });
  return merged;
}
