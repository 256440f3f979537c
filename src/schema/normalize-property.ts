/** One property of a schema in its normal form, nested ones included. Called by `normalize` and by schema changes. */
import type { PropertyConfig, PropertyOptions } from './collection-config.ts';
import type { DataType, PropertySchema } from './collection-schema.ts';
import { given, refuseUnknown } from './known-settings.ts';
import { checkMemberName, invalidSchema } from './schema-names.ts';
import { STEMMING_LANGUAGES, isStemmingLanguage } from './stemming-languages.ts';

/** Levels of `object` inside `object`. */
export const NESTING_MAX = 8;

const SCALARS = ['text', 'int', 'number', 'boolean', 'date', 'uuid'];
const TYPES: ReadonlySet<string> = new Set([...SCALARS, ...SCALARS.map((type) => `${type}[]`), 'geoCoordinates', 'object', 'object[]']);
const TOKENIZATIONS: ReadonlySet<string> = new Set(['word', 'lowercase', 'whitespace', 'field', 'trigram']);
const RANGE_TYPES: ReadonlySet<string> = new Set(['int', 'number', 'date', 'int[]', 'number[]', 'date[]']);

const SETTINGS =
  'type optional description tokenization indexFilterable indexSearchable indexRangeFilters asciiFold stemming properties'.split(' ');

const isText = (type: DataType): boolean => type === 'text' || type === 'text[]';
const isObject = (type: DataType): boolean => type === 'object' || type === 'object[]';

/**
 * `path` is the property's name, or its dotted path when nested. Nested properties have ordinal -1 until `nestOrdinals`.
 */
export function normalizeProperty(collection: string, path: string, config: PropertyConfig, ordinal: number, depth = 0): PropertySchema {
  const name = path.slice(path.lastIndexOf('.') + 1);
  checkMemberName(collection, 'property', name);
  const options: PropertyOptions = typeof config === 'string' ? { type: config } : config;
  const { type, optional } = parseType(collection, path, options);
  refuseUnknown(given(options), SETTINGS, `collection "${collection}": property "${path}"`);
  const problem = (setting: string, value: unknown, what: string): Error =>
    invalidSchema(collection, `property "${path}": ${setting}`, value, what);

  if (options.tokenization !== undefined && !TOKENIZATIONS.has(options.tokenization))
    throw problem('tokenization', options.tokenization, `must be one of ${[...TOKENIZATIONS].join(', ')}`);
  for (const setting of ['tokenization', 'indexSearchable', 'asciiFold', 'stemming'] as const)
    if (options[setting] && !isText(type)) throw problem(setting, options[setting], `applies to text only, not to ${type}`);
  if (options.stemming && !isStemmingLanguage(options.stemming))
    throw problem('stemming', options.stemming, `must be one of ${STEMMING_LANGUAGES.join(', ')}`);
  if (options.indexRangeFilters === true && !RANGE_TYPES.has(type))
    throw problem('indexRangeFilters', true, `applies to int, number and date only, not to ${type}`);
  if (options.properties !== undefined && !isObject(type))
    throw problem('properties', options.properties, `belong to object and object[] only, not to ${type}`);
  if (isObject(type) && options.properties === undefined) throw problem('properties', undefined, `must say what is inside an ${type}`);
  if (depth >= NESTING_MAX) throw problem('nesting', depth, `may be at most ${NESTING_MAX} levels deep`);

  return {
    ordinal,
    name,
    type,
    optional,
    description: options.description ?? '',
    tokenization: options.tokenization ?? 'word',
    indexFilterable: options.indexFilterable ?? true,
    indexSearchable: isText(type) && (options.indexSearchable ?? true),
    indexRangeFilters: options.indexRangeFilters ?? false,
    asciiFold: options.asciiFold ?? false,
    stemming: options.stemming ?? null,
    nested: Object.entries(options.properties ?? {}).map(([inner, value]) =>
      normalizeProperty(collection, `${path}.${inner}`, value, -1, depth + 1),
    ),
  };
}

function parseType(collection: string, path: string, options: PropertyOptions): { type: DataType; optional: boolean } {
  const written = options?.type as unknown;
  const text = typeof written === 'string' ? written : '';
  const marked = text.endsWith('?');
  const type = marked ? text.slice(0, -1) : text;
  if (!TYPES.has(type))
    throw invalidSchema(collection, `property "${path}": type`, written, `must be one of ${[...TYPES].join(', ')}, with ? when optional`);
  return { type: type as DataType, optional: marked || options.optional === true };
}

/** Gives the nested properties ordinals from `next` on, in the order written, depth first. */
export function nestOrdinals(properties: readonly PropertySchema[], next: number): { properties: PropertySchema[]; next: number } {
  const number = (property: PropertySchema): PropertySchema => {
    if (property.nested.length === 0) return property;
    const nested = property.nested.map((inner) => number(inner.ordinal < 0 ? { ...inner, ordinal: next++ } : inner));
    return { ...property, nested };
  };
  const numbered = properties.map(number);
  return { properties: numbered, next };
}
