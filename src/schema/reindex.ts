/**
 * Changes of how a collection is indexed, while its objects stay as they are. Pure, like `schema-change.ts`.
 *
 * A new index is built under an ordinal of its own (`next`) beside the one in use, shard by shard, in the background. When it
 * is whole on every shard, `finishReindex` makes it the one in use. So a reader meets the old index or the new one, and what a
 * crash leaves is the old schema with an index half built, or the new one.
 */
import { HeddleError } from '../core/errors.ts';
import type { CollectionConfig } from './collection-config.ts';
import type { CollectionSchema, IndexSettings, PropertySchema } from './collection-schema.ts';
import { given, refuseUnknown } from './known-settings.ts';
import { normalizeProperty } from './normalize-property.ts';
import { normalizeInverted } from './normalize.ts';
import { invalidSchema } from './schema-names.ts';

/** Stands for the ordinal of the index of time stamps where it has none. */
export const TIMES_INDEX = -1;

const TEXT_SETTINGS = ['tokenization', 'asciiFold', 'stemming', 'indexSearchable'] as const;
const SETTINGS = [...TEXT_SETTINGS, 'indexFilterable', 'indexRangeFilters'] as const;

export const isReindexing = (schema: CollectionSchema): boolean => schema.next !== undefined || schema.properties.some(waits);
const waits = ({ next, nested }: PropertySchema): boolean => next !== undefined || nested.some(waits);

/** Some index is named by another ordinal than its property's. */
export const hasBeenReindexed = (schema: CollectionSchema): boolean => schema.timesIndex !== undefined || schema.properties.some(wasBuilt);
const wasBuilt = ({ index, nested }: PropertySchema): boolean => index !== undefined || nested.some(wasBuilt);

/** Other index settings for the property at a dotted path; those left out stay. The same schema when nothing changes. */
export function updateProperty(schema: CollectionSchema, path: string, settings: Partial<IndexSettings>): CollectionSchema {
  refuseUnknown(given(settings), SETTINGS, `config.updateProperty: property "${path}"`);
  let found = false;
  let changed = false;
  const visit = (property: PropertySchema, prefix: string): PropertySchema => {
    const at = prefix + property.name;
    if (at !== path) return { ...property, nested: property.nested.map((inner) => visit(inner, `${at}.`)) };
    if (property.nested.length > 0)
      throw invalidSchema(schema.name, `property "${path}"`, property.type, 'has no index of its own: name a property inside it');
    found = true;
    const wanted = settingsOf(schema.name, path, property, settings);
    changed = !same(wanted, property.next ?? property);
    return changed ? withNext(schema, property, wanted, schema.nextOrdinal) : property;
  };
  const properties = schema.properties.map((property) => visit(property, ''));
  if (!found)
    throw new HeddleError('NotFound', `collection "${schema.name}" has no property "${path}"`, {
      details: { collection: schema.name, property: path },
    });
  return changed ? { ...schema, version: schema.version + 1, properties, nextOrdinal: schema.nextOrdinal + 1 } : schema;
}

function settingsOf(collection: string, path: string, property: PropertySchema, changes: Partial<IndexSettings>): IndexSettings {
  const now = settingsIn(property.next ?? property);
  const { indexFilterable, indexRangeFilters } = now;
  const kept = property.type.startsWith('text') ? now : { indexFilterable, indexRangeFilters };
  return settingsIn(normalizeProperty(collection, path, { ...kept, ...changes, type: property.type }, property.ordinal));
}

function settingsIn(from: IndexSettings): IndexSettings {
  const { tokenization, indexFilterable, indexSearchable, indexRangeFilters, asciiFold, stemming } = from;
  return { tokenization, indexFilterable, indexSearchable, indexRangeFilters, asciiFold, stemming };
}

const same = (a: IndexSettings, b: IndexSettings): boolean => SETTINGS.every((setting) => a[setting] === b[setting]);

/** Going back to what is in use only ends the building, unless the collection's own settings are changing too. */
function withNext(schema: CollectionSchema, property: PropertySchema, wanted: IndexSettings, index: number): PropertySchema {
  const { next: _, ...rest } = property;
  return schema.next === undefined && same(wanted, property) ? rest : { ...rest, next: { ...wanted, index } };
}

/**
 * Other settings of the inverted index. `k1`, `b` and stopwords hold at once. Null states and lengths are in every property's
 * index, so all of them are built anew; time stamps are an index of their own.
 */
export function updateInvertedIndex(schema: CollectionSchema, settings: NonNullable<CollectionConfig['invertedIndex']>): CollectionSchema {
  const now = schema.next?.invertedIndex ?? schema.invertedIndex;
  const wanted = normalizeInverted(schema.name, { ...now, ...settings, stopwords: { ...now.stopwords, ...settings.stopwords } });
  const { indexNullState, indexPropertyLength, indexTimestamps } = wanted;
  const version = schema.version + 1;
  // What asks no index anything holds at once, also while another change is being built.
  const { k1, b, stopwords } = wanted;
  const atOnce = { ...schema, version, invertedIndex: { ...schema.invertedIndex, k1, b, stopwords } };
  const everywhere = indexNullState !== now.indexNullState || indexPropertyLength !== now.indexPropertyLength;
  const times = indexTimestamps !== now.indexTimestamps;
  if (!everywhere && !times) {
    if (JSON.stringify(wanted) === JSON.stringify(now)) return schema;
    return schema.next === undefined ? atOnce : { ...atOnce, next: { ...schema.next, invertedIndex: wanted } };
  }
  let { nextOrdinal } = schema;
  const timesIndex = times && indexTimestamps ? nextOrdinal++ : (schema.next ?? schema).timesIndex;
  const next = { invertedIndex: wanted, timesIndex };
  if (!everywhere) return { ...atOnce, nextOrdinal, next };
  return { ...atOnce, ...buildAgain(schema.properties, nextOrdinal), next };
}

/**
 * The indexes of these ordinals are damaged: each is built anew with the same settings, unless that is under way. The same schema
 * when there is nothing to do.
 */
export function rebuilt(schema: CollectionSchema, damaged: ReadonlySet<number>): CollectionSchema {
  let { nextOrdinal } = schema;
  const again = (property: PropertySchema): PropertySchema => {
    if (property.nested.length > 0) return { ...property, nested: property.nested.map(again) };
    const latest = property.next?.index ?? property.index ?? property.ordinal;
    return damaged.has(latest) ? { ...property, next: { ...settingsIn(property.next ?? property), index: nextOrdinal++ } } : property;
  };
  const properties = schema.properties.map(again);
  const { invertedIndex, timesIndex } = schema.next ?? schema;
  const next =
    invertedIndex.indexTimestamps && damaged.has(timesIndex ?? TIMES_INDEX) ? { next: { invertedIndex, timesIndex: nextOrdinal++ } } : {};
  return nextOrdinal === schema.nextOrdinal ? schema : { ...schema, version: schema.version + 1, properties, ...next, nextOrdinal };
}

/** The paths of the properties whose index in use has one of these ordinals; `_times` for time stamps. */
export function indexNames(schema: CollectionSchema, ordinals: ReadonlySet<number>): string[] {
  const names = ordinals.has(schema.timesIndex ?? TIMES_INDEX) ? ['_times'] : [];
  const visit = (property: PropertySchema, prefix: string): void => {
    for (const inner of property.nested) visit(inner, `${prefix}${property.name}.`);
    if (property.nested.length === 0 && ordinals.has(property.index ?? property.ordinal)) names.push(prefix + property.name);
  };
  for (const property of schema.properties) visit(property, '');
  return names;
}

/** The properties with a next index each, under ordinals from `nextOrdinal` on. */
export function buildAgain(
  properties: readonly PropertySchema[],
  nextOrdinal: number,
): Pick<CollectionSchema, 'properties' | 'nextOrdinal'> {
  const again = (property: PropertySchema): PropertySchema =>
    property.nested.length > 0
      ? { ...property, nested: property.nested.map(again) }
      : { ...property, next: { ...settingsIn(property.next ?? property), index: nextOrdinal++ } };
  return { properties: properties.map(again), nextOrdinal };
}

/** The schema once everything that is being built is in use; its version is the same. The same schema when nothing is. */
export function reindexed(schema: CollectionSchema): CollectionSchema {
  if (!isReindexing(schema)) return schema;
  const { next, ...rest } = schema;
  const take = ({ next: index, ...property }: PropertySchema): PropertySchema => ({
    ...property,
    ...index,
    nested: property.nested.map(take),
  });
  return { ...rest, ...next, properties: schema.properties.map(take) };
}

export const finishReindex = (schema: CollectionSchema): CollectionSchema => ({ ...reindexed(schema), version: schema.version + 1 });
