/**
 * Filters evaluated to the exact set of live docIDs that match, before any search.
 *
 * What a condition means (Weaviate's rules, `docs/filters.md`): on a property with several values, one value that matches is
 * enough; `equal` on text wants every token of the value among the object's tokens; `notEqual`, `containsNone` and `not`
 * are complements, so they also take objects without the property; `isNull` is true for nothing, null and an empty array;
 * nested paths look at all elements together.
 * Called by the inverted index with filters that `parseFilter` has checked.
 */
import { DocSet } from '../core/doc-set.ts';
import { HeddleError, assert } from '../core/errors.ts';
import { compareBytes, utf8 } from '../core/bytes.ts';
import { isUuid, uuidBytes } from '../core/ids.ts';
import type { FilterNode, FilterNodeValue, FilterOperator, GeoRange } from '../schema/filter.ts';
import { PRESENT_KEY, type FieldIndex } from './field-index.ts';
import { metresBetween, placeOfTerm, rangesOfCircle } from './geo.ts';
import type { InvertedIndex } from './inverted-index.ts';
import { likePattern } from './like.ts';
import type { RangeOperator, RangePlanes } from './range-planes.ts';
import type { TermBucket } from './term-bucket.ts';
import { keyAfterPrefix, numberKey, termKeyOf, type TermKey } from './value-key.ts';

type Condition = Extract<FilterNode, { op: FilterOperator }>;

/** Live docIDs that match; the caller owns the set. */
export function allowListOf(index: InvertedIndex, node: FilterNode): DocSet {
  switch (node.op) {
    case 'and': {
      const [first, ...rest] = node.nodes;
      if (first === undefined) return index.live.clone();
      const result = allowListOf(index, first);
      for (const other of rest) result.and(allowListOf(index, other));
      return result;
    }
    case 'or': {
      const result = new DocSet();
      for (const other of node.nodes) result.or(allowListOf(index, other));
      return result;
    }
    case 'not':
      return index.live.clone().andNot(allowListOf(index, node.node));
    default:
      return conditionOf(index, node);
  }
}

function conditionOf(index: InvertedIndex, node: Condition): DocSet {
  if (node.op === 'notEqual') return complement(index, { ...node, op: 'equal' });
  if (node.op === 'containsNone') return complement(index, { ...node, op: 'containsAny' });
  switch (node.target.kind) {
    case 'id':
      return ofId(index, node);
    case 'creationTime':
      return ofTime(index, index.times?.created ?? null, node);
    case 'updateTime':
      return ofTime(index, index.times?.updated ?? null, node);
    case 'length':
      return ofLength(index, index.field(node.target.path), node);
    case 'property':
      return ofProperty(index, index.field(node.target.path), node);
  }
}

function complement(index: InvertedIndex, node: Condition): DocSet {
  return index.live.clone().andNot(conditionOf(index, node));
}

function ofProperty(index: InvertedIndex, field: FieldIndex, node: Condition): DocSet {
  if (node.op === 'isNull') {
    const bits = index.bits();
    need(field.present, field.field.path, 'invertedIndex.indexNullState').bits(PRESENT_KEY, bits);
    const present = bits.take();
    return node.value === true ? index.live.clone().andNot(present) : present.and(index.live);
  }
  if (node.op === 'containsAny' || node.op === 'containsAll') return ofSeveral(index, field, node);
  if (field.field.type === 'text') return ofText(index, field, node);
  if (node.op === 'withinGeoRange') return ofGeo(index, field, node.value as GeoRange);
  const key = termKeyOf(field.field.type as 'int', node.value);
  assert(key !== undefined, `filter value of ${field.field.path} was checked`);
  if (field.planes && node.op !== 'equal') return ofPlanes(index, field.planes, node.op as RangeOperator, key as number);
  if (field.planes && !field.terms) return ofPlanes(index, field.planes, 'equal', key as number);
  return ofRange(index, need(field.filterTerms, field.field.path, 'indexFilterable'), node.op, key);
}

function ofSeveral(index: InvertedIndex, field: FieldIndex, node: Condition): DocSet {
  const values = node.value as readonly (string | number | boolean)[];
  const each = (value: string | number | boolean): DocSet => conditionOf(index, { op: 'equal', target: node.target, value });
  if (field.field.type === 'text' || node.op === 'containsAll') {
    const result = node.op === 'containsAll' ? index.live.clone() : new DocSet();
    for (const value of values) {
      if (node.op === 'containsAll') result.and(each(value));
      else result.or(each(value));
    }
    return result;
  }
  const bucket = field.filterTerms;
  if (bucket === null) return values.reduce((result: DocSet, value) => result.or(each(value)), new DocSet());
  const bits = index.bits();
  for (const value of values) {
    const key = termKeyOf(field.field.type as 'int', value);
    if (key !== undefined) bucket.bits(key, bits);
  }
  return bits.take().and(index.live);
}

/** An exact value or a range over the keys of a bucket. */
function ofRange(index: InvertedIndex, bucket: TermBucket, op: FilterOperator, key: TermKey): DocSet {
  const bits = index.bits();
  if (op === 'equal') bucket.bits(key, bits);
  else {
    const [from, to] = rangeOfKey(bucket.keyBytes(key), op);
    bucket.bitsOfRange(from, to, null, bits);
  }
  return bits.take().and(index.live);
}

/** Keys are of one length or, for text, closed by a zero byte to stand just after themselves. */
function rangeOfKey(bytes: Uint8Array, op: FilterOperator): [Uint8Array | null, Uint8Array | null] {
  const after = new Uint8Array(bytes.length + 1);
  after.set(bytes);
  switch (op) {
    case 'greaterThan':
      return [after, null];
    case 'greaterOrEqual':
      return [bytes, null];
    case 'lessThan':
      return [null, bytes];
    case 'lessOrEqual':
      return [null, after];
    default:
      throw new HeddleError('InvalidInput', `operator ${op} is not a range`);
  }
}

function ofPlanes(index: InvertedIndex, planes: RangePlanes, op: RangeOperator, value: number): DocSet {
  const bits = index.bits();
  planes.compare(op, value, bits.words);
  return bits.take().and(index.live);
}

function ofText(index: InvertedIndex, field: FieldIndex, node: Condition): DocSet {
  const bucket = need(field.filterTerms, field.field.path, 'indexFilterable');
  const analyzer = field.field.analyzer!;
  const text = node.value as string;
  if (node.op === 'like') {
    const { prefix, matches } = likePattern(analyzer.fold(text));
    const from = utf8(prefix);
    const bits = index.bits();
    bucket.bitsOfRange(from, keyAfterPrefix(from), (key) => matches(key as string), bits);
    return bits.take().and(index.live);
  }
  if (node.op !== 'equal') return ofRange(index, bucket, node.op, analyzer.fold(text));
  const terms = new Set(analyzer.filterTerms(text, []));
  if (terms.size === 0) return new DocSet();
  const result = index.live.clone();
  for (const term of terms) {
    const bits = index.bits();
    bucket.bits(term, bits);
    result.and(bits.take());
  }
  return result;
}

function ofGeo(index: InvertedIndex, field: FieldIndex, range: GeoRange): DocSet {
  const bucket = need(field.terms, field.field.path, 'indexFilterable');
  const bits = index.bits();
  const within = (key: TermKey): boolean => metresBetween(range, placeOfTerm(key as string)) <= range.distance;
  for (const { from, to } of rangesOfCircle(range)) bucket.bitsOfRange(from, to, within, bits);
  return bits.take().and(index.live);
}

/** Zero lengths are not stored: they are what no stored length belongs to. */
function ofLength(index: InvertedIndex, field: FieldIndex, node: Condition): DocSet {
  const bucket = need(field.size, field.field.path, 'invertedIndex.indexPropertyLength');
  const value = node.value as number;
  const zeroMatches =
    node.op === 'equal'
      ? value === 0
      : node.op === 'greaterThan'
        ? value < 0
        : node.op === 'greaterOrEqual'
          ? value <= 0
          : node.op === 'lessThan'
            ? value > 0
            : value >= 0;
  if (!zeroMatches) return ofRange(index, bucket, node.op, value);
  const opposite = {
    equal: null,
    greaterThan: 'lessOrEqual',
    greaterOrEqual: 'lessThan',
    lessThan: 'greaterOrEqual',
    lessOrEqual: 'greaterThan',
  } as const;
  const rest = opposite[node.op as keyof typeof opposite];
  const without = index.bits();
  const [from, to] = rest === null ? [null, null] : rangeOfKey(numberKey(value), rest);
  bucket.bitsOfRange(from, to, null, without);
  return index.live.clone().andNot(without.take());
}

function ofTime(index: InvertedIndex, planes: RangePlanes | null, node: Condition): DocSet {
  const path = node.target.kind === 'creationTime' ? '_creationTime' : '_updateTime';
  if (node.op !== 'containsAny')
    return ofPlanes(index, need(planes, path, 'invertedIndex.indexTimestamps'), node.op as RangeOperator, node.value as number);
  const result = new DocSet();
  for (const value of node.value as readonly number[]) result.or(ofTime(index, planes, { ...node, op: 'equal', value }));
  return result;
}

function ofId(index: InvertedIndex, node: Condition): DocSet {
  if (node.op === 'equal' || node.op === 'containsAny') {
    const wanted = (Array.isArray(node.value) ? node.value : [node.value]) as readonly FilterNodeValue[];
    const result = new DocSet();
    for (const uuid of wanted) {
      const docID = isUuid(uuid) ? index.find(uuidBytes(uuid)) : null;
      if (docID !== null && docID !== undefined && index.live.has(docID)) result.add(docID);
    }
    return result;
  }
  const bound = uuidBytes(node.value as string);
  const result = new DocSet(index.live.capacity);
  for (const docID of index.live) {
    const order = compareBytes(index.docs.uuid(docID), bound);
    const holds =
      node.op === 'greaterThan' ? order > 0 : node.op === 'greaterOrEqual' ? order >= 0 : node.op === 'lessThan' ? order < 0 : order <= 0;
    if (holds) result.add(docID);
  }
  return result;
}

function need<T>(part: T | null, path: string, setting: string): T {
  if (part !== null) return part;
  throw new HeddleError('InvalidInput', `"${path}" is not indexed for this filter`, {
    hint: `Set ${setting}: true with config.updateProperty or config.updateInvertedIndex.`,
    details: { property: path, setting },
  });
}
