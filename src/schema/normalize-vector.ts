/** One named vector of a schema in its normal form. Called by `normalize` and by schema changes. */
import type { VectorConfig } from './collection-config.ts';
import type {
  DynamicConfig,
  GraphTuning,
  HnswConfig,
  PropertySchema,
  QuantizerConfig,
  VectorIndexConfig,
  VectorSchema,
} from './collection-schema.ts';
import { given, refuseUnknown } from './known-settings.ts';
import { checkMemberName, invalidSchema } from './schema-names.ts';

/** Dimensions travel and are stored as u16. */
export const DIMENSIONS_MAX = 65_535;

export const HNSW_DEFAULTS: HnswConfig = {
  type: 'hnsw',
  maxConnections: 16,
  efConstruction: 128,
  ef: -1,
  dynamicEfMin: 100,
  dynamicEfMax: 500,
  dynamicEfFactor: 8,
  flatSearchCutoff: -1,
  filterStrategy: 'acorn',
};
const DYNAMIC_THRESHOLD = 10_000;

const QUANTIZER_DEFAULTS: Readonly<Record<QuantizerConfig['type'], QuantizerConfig>> = {
  none: { type: 'none', rescoreLimit: 0, trainingLimit: 0, segments: 0, centroids: 0 },
  sq: { type: 'sq', rescoreLimit: 20, trainingLimit: 100_000, segments: 0, centroids: 0 },
  bq: { type: 'bq', rescoreLimit: 512, trainingLimit: 100_000, segments: 0, centroids: 0 },
  pq: { type: 'pq', rescoreLimit: 100, trainingLimit: 100_000, segments: 0, centroids: 256 },
};
const DISTANCES: ReadonlySet<string> = new Set(['cosine', 'dot', 'l2-squared', 'manhattan', 'hamming']);

const SETTINGS = ['dimensions', 'distance', 'index', 'quantizer', 'vectorizer', 'from', 'when'];
const TUNABLE = Object.keys(HNSW_DEFAULTS).filter((name) => name !== 'type' && name !== 'maxConnections');
const KNOWN = { index: [...Object.keys(HNSW_DEFAULTS), 'threshold', 'hnsw'], quantizer: Object.keys(QUANTIZER_DEFAULTS.sq) };

export function normalizeVector(
  collection: string,
  name: string,
  config: VectorConfig,
  ordinal: number,
  properties: readonly PropertySchema[],
): VectorSchema {
  checkMemberName(collection, 'vector', name);
  const at = `collection "${collection}": vector "${name}"`;
  refuseUnknown(given(config), SETTINGS, at);
  for (const [setting, chosen] of Object.entries({ index: config.index, quantizer: config.quantizer }))
    if (typeof chosen === 'object') refuseUnknown(given(chosen), KNOWN[setting as keyof typeof KNOWN], `${at}: ${setting}`);
  const problem = (setting: string, value: unknown, what: string): Error =>
    invalidSchema(collection, `vector "${name}": ${setting}`, value, what);
  const distance = config.distance ?? 'cosine';
  if (!DISTANCES.has(distance)) throw problem('distance', distance, `must be one of ${[...DISTANCES].join(', ')}`);

  const vectorizer = config.vectorizer === undefined ? null : { id: config.vectorizer.id, dimensions: config.vectorizer.dimensions };
  if (vectorizer !== null && (typeof vectorizer.id !== 'string' || vectorizer.id === ''))
    throw problem('vectorizer.id', vectorizer.id, 'must be a name');
  const dimensions = config.dimensions ?? vectorizer?.dimensions ?? 0;
  const smallest = vectorizer === null ? 0 : 1;
  if (!Number.isInteger(dimensions) || dimensions < smallest || dimensions > DIMENSIONS_MAX)
    throw problem('dimensions', dimensions, `must be a whole number from 1 to ${DIMENSIONS_MAX}`);
  if (vectorizer !== null && vectorizer.dimensions !== dimensions)
    throw problem('dimensions', dimensions, `must equal the ${vectorizer.dimensions} of vectorizer "${vectorizer.id}"`);

  const when = config.when ?? 'write';
  if (when !== 'write' && when !== 'background') throw problem('when', when, 'must be "write" or "background"');
  return {
    ordinal,
    name,
    dimensions,
    distance,
    index: normalizeIndex(config.index, problem),
    quantizer: normalizeQuantizer(config.quantizer, problem),
    vectorizer,
    from: vectorizer === null ? [] : normalizeFrom(config.from, properties, problem),
    when,
  };
}

type Problem = (setting: string, value: unknown, what: string) => Error;

function normalizeFrom(from: readonly string[] | undefined, properties: readonly PropertySchema[], problem: Problem): string[] {
  const texts = properties.filter(({ type }) => type === 'text' || type === 'text[]').map(({ name }) => name);
  const chosen = from === undefined ? texts : [...from];
  if (chosen.length === 0) throw problem('from', from, 'must name at least one text property');
  for (const name of chosen) if (!texts.includes(name)) throw problem('from', name, 'must name text properties of this collection');
  return chosen;
}

function normalizeIndex(index: VectorConfig['index'] = 'hnsw', problem: Problem): VectorIndexConfig {
  const chosen = typeof index === 'string' ? { type: index } : index;
  if (chosen.type === 'flat') return { type: 'flat' };
  if (chosen.type === 'hnsw') return normalizeHnsw(chosen as Partial<HnswConfig>, problem);
  if (chosen.type !== 'dynamic') throw problem('index', (chosen as { type: unknown }).type, 'must be "hnsw", "flat" or "dynamic"');
  const { threshold = DYNAMIC_THRESHOLD, hnsw = {} } = chosen as { threshold?: number; hnsw?: Partial<HnswConfig> };
  if (!Number.isInteger(threshold) || threshold < 1) throw problem('index.threshold', threshold, 'must be a whole number above 0');
  return { type: 'dynamic', threshold, hnsw: normalizeHnsw(hnsw, problem) };
}

/** The same index with other settings of its graph, checked. */
export function tunedIndex(collection: string, at: string, index: HnswConfig | DynamicConfig, tuning: GraphTuning): VectorIndexConfig {
  refuseUnknown(given(tuning), TUNABLE, `collection "${collection}": ${at}`);
  return normalizeIndex(
    index.type === 'hnsw' ? { ...index, ...tuning } : { ...index, hnsw: { ...index.hnsw, ...tuning } },
    (setting, value, what) => invalidSchema(collection, `${at}: ${setting}`, value, what),
  );
}

function normalizeHnsw(chosen: Partial<HnswConfig>, problem: Problem): HnswConfig {
  const merged: HnswConfig = { ...HNSW_DEFAULTS, ...chosen, type: 'hnsw' };
  const within = (setting: keyof HnswConfig, min: number, max: number): void => {
    const value = merged[setting] as number;
    if (!Number.isInteger(value) || value < min || value > max)
      throw problem(`index.${setting}`, value, `must be a whole number from ${min} to ${max}`);
  };
  within('maxConnections', 4, 2_047);
  within('efConstruction', 4, 65_535);
  within('ef', -1, 65_535);
  within('dynamicEfMin', 1, 65_535);
  within('dynamicEfMax', merged.dynamicEfMin, 65_535);
  within('dynamicEfFactor', 1, 1_000);
  within('flatSearchCutoff', -1, 2 ** 31);
  if (!['acorn', 'sweeping'].includes(merged.filterStrategy))
    throw problem('index.filterStrategy', merged.filterStrategy, 'must be "acorn" or "sweeping"');
  return merged;
}

function normalizeQuantizer(quantizer: VectorConfig['quantizer'] = 'sq', problem: Problem): QuantizerConfig {
  const chosen = typeof quantizer === 'string' ? { type: quantizer } : quantizer;
  const defaults = QUANTIZER_DEFAULTS[chosen.type];
  if (defaults === undefined) throw problem('quantizer', chosen.type, `must be one of ${Object.keys(QUANTIZER_DEFAULTS).join(', ')}`);
  return { ...defaults, ...chosen };
}
