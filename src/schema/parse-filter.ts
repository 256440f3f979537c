/**
 * Filters as users write them, checked against the schema and brought into the engine's form. Every mistake is `InvalidInput`
 * and says where: `filters.and[1].stars.greaterThan`.
 *
 * Called by the client before anything is sent, so that a bad filter costs no round trip. Imports nothing of the engine.
 */
import { HeddleError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { CollectionSchema, PropertySchema, ScalarType } from './collection-schema.ts';
import { describeValue, plainValue } from './describe-value.ts';
import type { FilterInput, FilterNode, FilterNodeValue, FilterOperator, FilterTarget } from './filter.ts';

const OPERATORS: ReadonlySet<string> = new Set<FilterOperator>([
  'equal',
  'notEqual',
  'greaterThan',
  'greaterOrEqual',
  'lessThan',
  'lessOrEqual',
  'like',
  'isNull',
  'containsAny',
  'containsAll',
  'containsNone',
  'withinGeoRange',
]);
const RANGES: ReadonlySet<string> = new Set(['greaterThan', 'greaterOrEqual', 'lessThan', 'lessOrEqual']);
const LISTS: ReadonlySet<string> = new Set(['containsAny', 'containsAll', 'containsNone']);
const COMPARABLE: readonly string[] = ['equal', 'notEqual', ...RANGES];
/** Levels of and, or, not; bounds the work of a hostile filter. */
const DEPTH_MAX = 32;
const VALUES_MAX = 10_000;
const EARTH_HALF_METRES = 20_037_509;

/** What a condition is checked against. */
interface Subject {
  readonly target: FilterTarget;
  readonly type: ScalarType | 'geoCoordinates';
  readonly operators: readonly string[];
  /** `indexFilterable` holds, or a range index where the operator is a range. */
  readonly missing: (operator: string) => string | null;
}

/** The filter in the engine's form. Throws `InvalidInput` with `details` `{ path, property, operator, value }`. */
export function parseFilter(input: FilterInput, schema: CollectionSchema): FilterNode {
  return parseNode(input, schema, 'filters', 0);
}

function wrong(at: string, problem: string, hint = '', details: Record<string, unknown> = {}): HeddleError {
  return new HeddleError('InvalidInput', `${at}: ${problem}`, { hint, details: { path: at, ...details } });
}

function parseNode(input: unknown, schema: CollectionSchema, at: string, depth: number): FilterNode {
  if (depth > DEPTH_MAX) throw wrong(at, `is nested more than ${DEPTH_MAX} levels deep`);
  if (typeof input !== 'object' || input === null || Array.isArray(input) || input instanceof Date)
    throw wrong(at, `expects an object of conditions, got ${describeValue(input)}`, 'Write { property: { equal: value } }.', {
      value: plainValue(input),
    });
  const nodes = Object.entries(input).flatMap(([key, value]): FilterNode[] => {
    if (key === 'and' || key === 'or') return [{ op: key, nodes: parseList(value, schema, `${at}.${key}`, depth) }];
    if (key === 'not') return [{ op: 'not', node: parseNode(value, schema, `${at}.not`, depth + 1) }];
    return parseConditions(subjectOf(key, schema, `${at}.${key}`), value, `${at}.${key}`);
  });
  if (nodes.length === 0) throw wrong(at, 'has no condition', 'Leave filters out to match everything.');
  return nodes.length === 1 ? nodes[0] : { op: 'and', nodes };
}

function parseList(value: unknown, schema: CollectionSchema, at: string, depth: number): FilterNode[] {
  if (!Array.isArray(value) || value.length === 0)
    throw wrong(at, `expects a list of filters with at least one, got ${describeValue(value)}`);
  return value.map((item, i) => parseNode(item, schema, `${at}[${i}]`, depth + 1));
}

function parseConditions(subject: Subject, value: unknown, at: string): FilterNode[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [condition(subject, 'equal', value, at)];
  const entries = Object.entries(value as Record<string, unknown>).filter(([, operand]) => operand !== undefined);
  if (Array.isArray(value) || entries.length === 0)
    throw wrong(at, `expects conditions, got ${describeValue(value)}`, 'For a list of values write { containsAny: [...] }.', {
      value: plainValue(value),
    });
  return entries.map(([operator, operand]) => condition(subject, operator, operand, `${at}.${operator}`));
}

function condition(subject: Subject, operator: string, value: unknown, at: string): FilterNode {
  const { target, type, operators } = subject;
  const name = 'path' in target ? target.path : target.kind;
  const details = { property: name, operator, value: plainValue(value) };
  if (!OPERATORS.has(operator)) throw wrong(at, `there is no operator "${operator}"`, `Use one of ${operators.join(', ')}.`, details);
  if (!operators.includes(operator))
    throw wrong(at, `${operator} does not apply to ${describeSubject(subject)}`, `Use one of ${operators.join(', ')}.`, details);
  const setting = subject.missing(operator);
  if (setting !== null)
    throw wrong(
      at,
      `${describeSubject(subject)} is not indexed for ${operator}`,
      `Set ${setting} when the collection or the property is created.`,
      { ...details, setting },
    );
  const parsed = parseValue(type, operator, value, at, details);
  return { op: operator as FilterOperator, target, value: parsed };
}

function describeSubject({ target, type }: Subject): string {
  if (target.kind === 'property') return `"${target.path}" (${type})`;
  return target.kind === 'length'
    ? `len(${target.path})`
    : { id: '_id', creationTime: '_creationTime', updateTime: '_updateTime' }[target.kind];
}

function parseValue(
  type: Subject['type'],
  operator: string,
  value: unknown,
  at: string,
  details: Record<string, unknown>,
): FilterNodeValue {
  if (operator === 'isNull') {
    if (typeof value !== 'boolean') throw wrong(at, `expects true or false, got ${describeValue(value)}`, '', details);
    return value;
  }
  if (operator === 'withinGeoRange') return parseGeoRange(value, at, details);
  if (!LISTS.has(operator)) return parseScalar(type as ScalarType, value, at, details);
  if (!Array.isArray(value) || value.length === 0 || value.length > VALUES_MAX)
    throw wrong(at, `expects a list of 1 to ${VALUES_MAX} values, got ${describeValue(value)}`, '', details);
  return value.map((item, i) => parseScalar(type as ScalarType, item, `${at}[${i}]`, { ...details, value: plainValue(item) }));
}

function parseScalar(type: ScalarType, value: unknown, at: string, details: Record<string, unknown>): string | number | boolean {
  const expects = (what: string): HeddleError => wrong(at, `expects ${what}, got ${describeValue(value)}`, '', details);
  switch (type) {
    case 'text':
      if (typeof value !== 'string') throw expects('text');
      return value;
    case 'int':
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw expects('int');
      return value;
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw expects('a finite number');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw expects('true or false');
      return value;
    case 'uuid':
      if (!isUuid(value)) throw expects('a UUID');
      return value.toLowerCase();
    case 'date': {
      const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : NaN;
      if (Number.isNaN(ms)) throw expects('a Date or ISO 8601 text');
      return ms;
    }
  }
}

function parseGeoRange(value: unknown, at: string, details: Record<string, unknown>): FilterNodeValue {
  const range = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const number = (key: string, low: number, high: number, what: string): number => {
    const given = range[key];
    if (typeof given !== 'number' || !(given >= low && given <= high))
      throw wrong(`${at}.${key}`, `expects ${what}, got ${describeValue(given)}`, '', details);
    return given;
  };
  return {
    latitude: number('latitude', -90, 90, 'degrees from -90 to 90'),
    longitude: number('longitude', -180, 180, 'degrees from -180 to 180'),
    distance: number('distance', 0, EARTH_HALF_METRES, `metres from 0 to ${EARTH_HALF_METRES}`),
  };
}

function subjectOf(key: string, schema: CollectionSchema, at: string): Subject {
  const { indexTimestamps, indexPropertyLength, indexNullState } = schema.invertedIndex;
  const times = indexTimestamps ? null : 'invertedIndex.indexTimestamps: true';
  if (key === '_id')
    return { target: { kind: 'id' }, type: 'uuid', operators: [...COMPARABLE, 'containsAny', 'containsNone'], missing: () => null };
  if (key === '_creationTime' || key === '_updateTime') {
    const kind = key === '_creationTime' ? 'creationTime' : 'updateTime';
    return { target: { kind }, type: 'date', operators: [...COMPARABLE, 'containsAny', 'containsNone'], missing: () => times };
  }
  const length = /^len\((.+)\)$/.exec(key);
  if (length) {
    propertyAt(length[1], schema, at);
    return {
      target: { kind: 'length', path: length[1] },
      type: 'int',
      operators: COMPARABLE,
      missing: () => (indexPropertyLength ? null : 'invertedIndex.indexPropertyLength: true'),
    };
  }
  const { property, multiple } = propertyAt(key, schema, at);
  const type = property.type.replace('[]', '') as Subject['type'];
  const missing = (operator: string): string | null => {
    if (operator === 'isNull') return indexNullState ? null : 'invertedIndex.indexNullState: true';
    if (property.indexFilterable) return null;
    const ranged = property.indexRangeFilters && !multiple && COMPARABLE.includes(operator);
    return ranged ? null : `indexFilterable: true on "${key}"`;
  };
  return { target: { kind: 'property', path: key }, type, operators: operatorsOf(type), missing };
}

function operatorsOf(type: Subject['type']): readonly string[] {
  const contains = [...LISTS];
  if (type === 'geoCoordinates') return ['withinGeoRange', 'isNull'];
  if (type === 'boolean') return ['equal', 'notEqual', 'isNull', ...contains];
  return [...COMPARABLE, ...(type === 'text' ? ['like'] : []), 'isNull', ...contains];
}

/** The property at a dotted path; objects themselves have no value to compare. */
function propertyAt(path: string, schema: CollectionSchema, at: string): { property: PropertySchema; multiple: boolean } {
  let level: readonly PropertySchema[] = schema.properties;
  let found: PropertySchema | undefined;
  let multiple = false;
  for (const name of path.split('.')) {
    found = level.find((property) => property.name === name);
    if (found === undefined) {
      const names = level.map((property) => property.name).join(', ');
      throw wrong(at, `property "${path}" is not in collection "${schema.name}"`, names === '' ? '' : `There is ${names}.`, {
        property: path,
      });
    }
    multiple ||= found.type.endsWith('[]');
    level = found.nested;
  }
  if (found!.nested.length > 0)
    throw wrong(at, `"${path}" is an object`, `Name a property inside it, such as "${path}.${found!.nested[0].name}".`, { property: path });
  return { property: found!, multiple };
}
