/**
 * A query's options, checked where it arrives: each against what it may be, all of them against what there is for this kind of
 * query, so that a misspelt option is an error and not a silence. What needs no round trip to be known, the filters and
 * vectors, the page has checked already. Every mistake is `InvalidInput` with `details.property` naming the option.
 */
import { HeddleError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { AggregateQuery } from '../protocol/aggregate.ts';
import type { Asked } from '../protocol/asked.ts';
import type { KeywordSearch, SearchRequest, SortKey, VectorSearch } from '../protocol/search-request.ts';
import type { CollectionSchema, DataType, PropertySchema } from '../schema/collection-schema.ts';
import { describeValue, plainValue } from '../schema/describe-value.ts';
import { refuseUnknown } from '../schema/known-settings.ts';

/** offset + limit; beyond it there are `iterator()` and `after`. */
export const WINDOW_MAX = 10_000;
const BOOST_MAX = 1_000;

const words = (text: string): string[] => text.split(' ');
const CALL = words('signal timeoutMs');
const QUERY = [...words('filters limit offset returnProperties includeVector totalCount facets explain'), ...CALL];
const RANKED = [...QUERY, ...words('autoLimit groupBy sort')];
const NEAR = [...RANKED, ...words('targetVector distance certainty ef')];
const KEYWORD = [...RANKED, ...words('queryProperties operator minimumMatch prefix typos phrases highlight')];
const MATCHING = [...CALL, ...words('dryRun onProgress')];
const MANY = [...CALL, ...words('onInvalid onProgress')];
const ONE = [...CALL, ...words('uuid vectors')];
const AGGREGATE = [...CALL, ...words('filters returnMetrics topOccurrencesLimit')];
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  fetchObjects: [...QUERY, ...words('sort after')],
  nearVector: NEAR,
  nearText: NEAR,
  nearObject: NEAR,
  bm25: KEYWORD,
  hybrid: [...KEYWORD, ...words('alpha fusionType vector targetVector maxVectorDistance')],
  aggregate: [...AGGREGATE, 'groupBy'],
  deleteMany: MATCHING,
  updateMany: MATCHING,
  deleteById: CALL,
  insert: ONE,
  upsert: ONE,
  update: CALL,
  replace: CALL,
  insertMany: MANY,
  upsertMany: MANY,
  import: MANY,
};

/** Options that this kind of call does not have. */
export function checkOptions({ operation, options }: Asked): void {
  refuseUnknown(options, OPTIONS[operation] ?? options, operation);
}

export function checkSearch(request: SearchRequest, schema: CollectionSchema): void {
  checkOptions(request);
  const { operation, limit, offset, after, fusion, vector, keyword, groupBy } = request;
  const check = new Checker(operation, schema);
  check.whole('limit', limit, 0);
  check.whole('offset', offset, 0);
  check.whole('autoLimit', request.autocut, 0);
  check.that('limit', limit, limit + offset <= WINDOW_MAX, `with offset ${offset} passes ${WINDOW_MAX}: use iterator() or after`);
  if (after !== null) check.that('after', after, isUuid(after), 'must be a UUID');
  if (fusion !== null) {
    check.that('alpha', fusion.alpha, fusion.alpha >= 0 && fusion.alpha <= 1, 'must be from 0 to 1');
    check.oneOf('fusionType', fusion.type, ['relativeScore', 'ranked']);
  }
  if (vector !== null) checkVector(check, vector);
  if (keyword !== null) checkKeyword(check, keyword);
  for (const key of request.sort) checkSort(check, key);
  for (const { path, limit: most } of request.facets) {
    check.path('facets', path);
    check.whole('facets.limit', most, 1);
  }
  if (groupBy !== null) {
    check.path('groupBy', groupBy.path);
    check.whole('groupBy.numberOfGroups', groupBy.numberOfGroups, 1);
    check.whole('groupBy.objectsPerGroup', groupBy.objectsPerGroup, 0);
  }
}

export function checkAggregate(query: AggregateQuery, schema: CollectionSchema): void {
  checkOptions(query);
  const check = new Checker('aggregate', schema);
  for (const { path, metrics, topOccurrencesLimit } of query.metrics) {
    const known = metricsOf(check.path('returnMetrics', path).type);
    for (const metric of metrics) check.oneOf(`returnMetrics.${path}`, metric, known);
    check.whole('topOccurrencesLimit', topOccurrencesLimit, 1);
  }
  if (query.groupBy !== null) {
    check.path('groupBy', query.groupBy.path);
    check.whole('groupBy.limit', query.groupBy.limit, 1);
  }
  if (query.search !== null) checkSearch(query.search, schema);
}

/** What can be said of values of a type. */
function metricsOf(type: DataType): string[] {
  if (/^(int|number|date)/.test(type)) return words('count sum mean median mode minimum maximum');
  return words(type.startsWith('boolean') ? 'count totalTrue totalFalse percentageTrue percentageFalse' : 'count topOccurrences mode');
}

function checkVector(check: Checker, { maxDistance, ef, combination, targets }: VectorSearch): void {
  if (maxDistance !== null) check.that('distance', maxDistance, Number.isFinite(maxDistance), 'must be a number');
  if (ef !== null) check.whole('ef', ef, 1);
  check.oneOf('targetVector.combination', combination, ['sum', 'minimum', 'average', 'relativeScore', 'manualWeights']);
  for (const { weight } of targets) check.that('targetVector.vectors', weight, Number.isFinite(weight), 'expects a number as weight');
}

function checkKeyword(check: Checker, { operator, minimumMatch, typos, prefix, phrases, properties, highlight }: KeywordSearch): void {
  check.oneOf('operator', operator, ['or', 'and']);
  check.whole('minimumMatch', minimumMatch, 1);
  check.oneOf('typos', typos, [0, 1, 2, 'auto']);
  for (const [option, value] of Object.entries({ prefix, phrases })) check.oneOf(option, value, [true, false]);
  for (const { path, boost } of properties) {
    check.path('queryProperties', path);
    check.that('queryProperties', boost, boost > 0 && boost < BOOST_MAX, `must have a boost from 0 to ${BOOST_MAX}`);
  }
  if (highlight === null) return;
  for (const path of highlight.properties) check.path('highlight.properties', path);
  check.whole('highlight.fragmentCharsMax', highlight.fragmentCharsMax, 1);
}

const OWN_KEYS = ['_id', '_creationTime', '_updateTime'];

function checkSort(check: Checker, { path, order, from }: SortKey): void {
  const option = `sort.${path}`;
  check.oneOf(option, order, ['asc', 'desc']);
  if (OWN_KEYS.includes(path)) return;
  if (check.path('sort', path).type !== 'geoCoordinates') return;
  const within = (degrees: unknown, most: number): boolean => typeof degrees === 'number' && Math.abs(degrees) <= most;
  const isPlace = within(from?.latitude, 90) && within(from?.longitude, 180);
  check.that(option, from, isPlace, 'needs from: { latitude, longitude }');
}

class Checker {
  private readonly operation: string;
  private readonly schema: CollectionSchema;

  constructor(operation: string, schema: CollectionSchema) {
    this.operation = operation;
    this.schema = schema;
  }

  that(option: string, value: unknown, holds: boolean, problem: string, hint = ''): void {
    if (!holds)
      throw new HeddleError('InvalidInput', `${this.operation}: ${option} ${problem}, got ${describeValue(value)}`, {
        hint,
        details: { property: option, value: plainValue(value) },
      });
  }

  whole(option: string, value: unknown, least: number): void {
    this.that(option, value, Number.isInteger(value) && (value as number) >= least, `must be a whole number, ${least} or more`);
  }

  oneOf(option: string, value: unknown, known: readonly unknown[]): void {
    this.that(option, value, known.includes(value), `must be ${known.map((one) => JSON.stringify(one)).join(' or ')}`);
  }

  /** The property at a dotted path. */
  path(option: string, path: string): PropertySchema {
    let level = this.schema.properties;
    let found: PropertySchema | undefined;
    for (const name of String(path).split('.')) {
      found = level.find((property) => property.name === name);
      const names = level.map((property) => property.name).join(', ');
      this.that(option, path, found !== undefined, 'is not a property of this collection', `There is ${names}.`);
      level = found!.nested;
    }
    return found!;
  }
}
