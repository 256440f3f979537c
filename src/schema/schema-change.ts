/**
 * Changes of a schema: each takes the old one and returns a new one with the next version, or throws. Pure; the catalog
 * persists the result. Ordinals are never reused (`collection-schema.ts`), so a rename touches no stored byte and a dropped
 * property cannot come back under a new name.
 */
import { HeddleError } from '../core/errors.ts';
import type { CollectionConfig, PropertyConfig, VectorConfig, VectorizerIdentity } from './collection-config.ts';
import type { CollectionSchema, GraphTuning, PropertySchema, VectorSchema } from './collection-schema.ts';
import { nestOrdinals, normalizeProperty } from './normalize-property.ts';
import { normalizeVector, tunedIndex } from './normalize-vector.ts';
import { normalize, normalizeInverted } from './normalize.ts';
import { buildAgain, reindexed } from './reindex.ts';
import { checkMemberName, invalidSchema } from './schema-names.ts';

/** One setting in which the stored schema and the wanted one differ and which cannot be changed in place. */
export interface SchemaDifference {
  /** Dotted: `properties.title.type`. */
  readonly path: string;
  readonly stored: unknown;
  readonly wanted: unknown;
}

/**
 * The schema that `ensure` arrives at: the stored one with the properties and vectors that `config` adds. The same object when
 * nothing is missing. Properties that only the stored schema has stay. `SchemaConflict` lists every difference.
 */
export function planEnsure(schema: CollectionSchema, config: CollectionConfig): CollectionSchema {
  const wanted = normalize(schema.name, config, schema);
  const differences = conflicts(reindexed(schema), wanted, config);
  if (differences.length > 0)
    throw new HeddleError(
      'SchemaConflict',
      `collection "${schema.name}" exists with another schema: ${differences.map(({ path }) => path).join(', ')}`,
      {
        hint: `Use another name, change the config back, or change ${
          differences.some(({ path }) => path.endsWith('.vectorizer'))
            ? 'the model with config.reembed'
            : 'how it is indexed with config.updateProperty, config.updateVector and config.updateInvertedIndex'
        }.`,
        details: { collection: schema.name, differences },
      },
    );
  let next = schema;
  for (const [name, value] of Object.entries(config.properties)) if (!has(next.properties, name)) next = addProperty(next, name, value);
  for (const [name, value] of Object.entries(config.vectors ?? {})) if (!has(next.vectors, name)) next = addVector(next, name, value);
  return next === schema ? schema : { ...next, version: schema.version + 1 };
}

/** A property added to a collection that may hold objects already must be optional. */
export function addProperty(schema: CollectionSchema, name: string, config: PropertyConfig): CollectionSchema {
  if (has(schema.properties, name)) throw exists(schema, 'property', name);
  const property = normalizeProperty(schema.name, name, config, schema.nextOrdinal);
  if (!property.optional)
    throw invalidSchema(
      schema.name,
      `property "${name}"`,
      config,
      'must be optional when it is added later',
      `Declare it as "${property.type}?".`,
    );
  const nested = nestOrdinals([property], schema.nextOrdinal + 1);
  // While every property is being indexed anew, it is as well, under the settings to come.
  const { properties, nextOrdinal } =
    schema.next === undefined ? { ...nested, nextOrdinal: nested.next } : buildAgain(nested.properties, nested.next);
  return { ...schema, version: schema.version + 1, properties: [...schema.properties, ...properties], nextOrdinal };
}

export function addVector(schema: CollectionSchema, name: string, config: VectorConfig): CollectionSchema {
  if (has(schema.vectors, name)) throw exists(schema, 'vector', name);
  const vector = normalizeVector(schema.name, name, config, schema.nextOrdinal, schema.properties);
  return { ...schema, version: schema.version + 1, vectors: [...schema.vectors, vector], nextOrdinal: schema.nextOrdinal + 1 };
}

export function dropProperty(schema: CollectionSchema, name: string): CollectionSchema {
  demand(schema, name);
  const user = schema.vectors.find((vector) => vector.from.includes(name));
  if (user !== undefined)
    throw invalidSchema(schema.name, `property "${name}"`, name, `cannot be dropped: vector "${user.name}" is made from it`);
  if (schema.key === name) throw invalidSchema(schema.name, `property "${name}"`, name, 'cannot be dropped: it is the key');
  return { ...schema, version: schema.version + 1, properties: schema.properties.filter((property) => property.name !== name) };
}

export function renameProperty(schema: CollectionSchema, from: string, to: string): CollectionSchema {
  demand(schema, from);
  checkMemberName(schema.name, 'property', to);
  if (has(schema.properties, to)) throw exists(schema, 'property', to);
  const renamed = (name: string): string => (name === from ? to : name);
  return {
    ...schema,
    version: schema.version + 1,
    properties: schema.properties.map((property) => (property.name === from ? { ...property, name: to } : property)),
    vectors: schema.vectors.map((vector) => ({ ...vector, from: vector.from.map(renamed) })),
    key: schema.key === null ? null : renamed(schema.key),
  };
}

/** The first vector of a name fixes its dimensions; the same number again changes nothing. */
export function fixDimensions(schema: CollectionSchema, vectorOrdinal: number, dimensions: number): CollectionSchema {
  const vector = schema.vectors.find((candidate) => candidate.ordinal === vectorOrdinal);
  if (vector === undefined) throw new HeddleError('NotFound', `collection "${schema.name}" has no vector with ordinal ${vectorOrdinal}`);
  if (vector.dimensions === dimensions) return schema;
  if (vector.dimensions !== 0)
    throw invalidSchema(schema.name, `vector "${vector.name}": dimensions`, dimensions, `are ${vector.dimensions}`);
  return withVector(schema, { ...vector, dimensions });
}

/**
 * A new model for a vector: the old vector is dropped, a new one of the same name takes its place under a new ordinal, so that
 * every object waits to be embedded again and no vector of the old model is ever compared with one of the new.
 */
export function reembed(schema: CollectionSchema, name: string, vectorizer: VectorizerIdentity): CollectionSchema {
  const old = vectorNamed(schema, name);
  const next: VectorSchema = {
    ...old,
    ordinal: schema.nextOrdinal,
    dimensions: vectorizer.dimensions,
    vectorizer: { id: vectorizer.id, dimensions: vectorizer.dimensions },
    from:
      old.from.length > 0
        ? old.from
        : schema.properties.filter(({ type }) => type === 'text' || type === 'text[]').map((property) => property.name),
    when: 'background',
  };
  const vectors = schema.vectors.map((vector) => (vector.name === name ? next : vector));
  return { ...schema, version: schema.version + 1, vectors, nextOrdinal: schema.nextOrdinal + 1 };
}

/** Other settings for the graph of a vector: `ef` and its like hold for the next search, `efConstruction` for rows that come. */
export function updateVector(schema: CollectionSchema, name: string, tuning: GraphTuning): CollectionSchema {
  const old = vectorNamed(schema, name);
  const at = `vector "${name}"`;
  if (old.index.type === 'flat') throw invalidSchema(schema.name, at, tuning, 'has no graph: its index is "flat"');
  return withVector(schema, { ...old, index: tunedIndex(schema.name, at, old.index, tuning) });
}

function vectorNamed(schema: CollectionSchema, name: string): VectorSchema {
  const found = schema.vectors.find((vector) => vector.name === name);
  if (found === undefined) throw new HeddleError('NotFound', `collection "${schema.name}" has no vector "${name}"`);
  return found;
}

function withVector(schema: CollectionSchema, next: VectorSchema): CollectionSchema {
  const vectors = schema.vectors.map((vector) => (vector.ordinal === next.ordinal ? next : vector));
  return { ...schema, version: schema.version + 1, vectors };
}

function has(named: readonly { readonly name: string }[], name: string): boolean {
  return named.some((candidate) => candidate.name === name);
}

function demand(schema: CollectionSchema, name: string): void {
  if (!has(schema.properties, name))
    throw new HeddleError('NotFound', `collection "${schema.name}" has no property "${name}"`, {
      details: { collection: schema.name, property: name },
    });
}

function exists(schema: CollectionSchema, kind: string, name: string): HeddleError {
  return new HeddleError('Conflict', `collection "${schema.name}" has a ${kind} "${name}" already`, {
    details: { collection: schema.name, property: name },
  });
}

function conflicts(stored: CollectionSchema, wanted: CollectionSchema, config: CollectionConfig): SchemaDifference[] {
  const found: SchemaDifference[] = [];
  const compare = (path: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) found.push({ path, stored: a, wanted: b });
  };
  compare('key', stored.key, wanted.key);
  if (config.invertedIndex !== undefined)
    compare('invertedIndex', stored.invertedIndex, normalizeInverted(stored.name, config.invertedIndex));
  if (config.shards !== undefined) compare('shards', stored.shards.length, config.shards);
  compareProperties('properties', stored.properties, wanted.properties, compare);
  for (const vector of wanted.vectors) {
    const old = stored.vectors.find((candidate) => candidate.name === vector.name);
    if (old === undefined) continue;
    const open = config.vectors?.[vector.name]?.dimensions === undefined && vector.vectorizer === null;
    for (const setting of ['distance', 'index', 'quantizer', 'vectorizer'] as const)
      compare(`vectors.${vector.name}.${setting}`, old[setting], vector[setting]);
    if (config.vectors?.[vector.name]?.from !== undefined) compare(`vectors.${vector.name}.from`, old.from, vector.from);
    // A vector made anew by `reembed` waits in the background, whatever the config says.
    if (vector.when === 'background') compare(`vectors.${vector.name}.when`, old.when, vector.when);
    if (!open && old.dimensions !== 0) compare(`vectors.${vector.name}.dimensions`, old.dimensions, vector.dimensions);
  }
  return found;
}

function compareProperties(
  path: string,
  stored: readonly PropertySchema[],
  wanted: readonly PropertySchema[],
  compare: (path: string, a: unknown, b: unknown) => void,
): void {
  for (const property of wanted) {
    const old = stored.find((candidate) => candidate.name === property.name);
    if (old === undefined) {
      if (path !== 'properties') compare(`${path}.${property.name}`, null, property.type);
      continue;
    }
    const at = `${path}.${property.name}`;
    for (const setting of [
      'type',
      'optional',
      'tokenization',
      'indexFilterable',
      'indexSearchable',
      'indexRangeFilters',
      'asciiFold',
      'stemming',
    ] as const)
      if (old[setting] !== property[setting]) compare(`${at}.${setting}`, old[setting], property[setting]);
    compareProperties(at, old.nested, property.nested, compare);
  }
}
