/**
 * About how many objects a filter lets through, from counts alone and without reading postings; what `explain` shows beside the
 * true number. Conditions are taken for independent of one another, and a range for a third of the objects, as in System R
 * (Selinger et al. 1979).
 */
import type { FilterNode } from '../schema/filter.ts';
import { PRESENT_KEY } from './field-index.ts';
import type { InvertedIndex } from './inverted-index.ts';
import { termKeyOf } from './value-key.ts';

const RANGE_SHARE = 1 / 3;

/** Of the live objects. */
export const estimatedMatches = (index: InvertedIndex, filter: FilterNode): number =>
  Math.round(shareOf(index, filter) * index.statistics.objects);

const both = (shares: readonly number[]): number => shares.reduce((product, share) => product * share, 1);
const either = (shares: readonly number[]): number => 1 - both(shares.map((share) => 1 - share));

function shareOf(index: InvertedIndex, node: FilterNode): number {
  if ('nodes' in node) return (node.op === 'and' ? both : either)(node.nodes.map((inner) => shareOf(index, inner)));
  if ('node' in node) return 1 - shareOf(index, node.node);
  const { op, target, value } = node;
  if (op === 'notEqual') return 1 - shareOf(index, { op: 'equal', target, value });
  if (op === 'containsNone') return 1 - shareOf(index, { op: 'containsAny', target, value });
  if (Array.isArray(value)) {
    const each = value.map((one: string) => shareOf(index, { op: 'equal', target, value: one }));
    return op === 'containsAll' ? both(each) : either(each);
  }
  const objects = Math.max(1, index.statistics.objects);
  if (target.kind === 'id') return op === 'equal' ? 1 / objects : RANGE_SHARE;
  if (target.kind !== 'property') return RANGE_SHARE;
  const { field, filterTerms, present } = index.field(target.path);
  const share = (count: number | undefined): number => (count === undefined ? RANGE_SHARE : Math.min(1, count / objects));
  if (op === 'isNull') return value === true ? 1 - share(present?.count(PRESENT_KEY)) : share(present?.count(PRESENT_KEY));
  if (op !== 'equal') return RANGE_SHARE;
  if (field.type === 'text') return both(field.analyzer!.filterTerms(value as string, []).map((term) => share(filterTerms?.count(term))));
  const key = termKeyOf(field.type as 'int', value);
  return key === undefined ? 0 : share(filterTerms?.count(key));
}
