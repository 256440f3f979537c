/**
 * Aggregates as mergeable states: for every group and property the count of each value. Mean, median, mode, sums and the rest
 * follow exactly, on any number of shards, because counts add and the final fold runs over sorted values.
 */
import { HeddleError } from '../core/errors.ts';
import type { DocSet } from '../core/doc-set.ts';
import { DocSet as Docs } from '../core/doc-set.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import { valuesOf } from '../inverted/fields.ts';
import { termKeyOf } from '../inverted/value-key.ts';
import type { AggregateRequest, AggregateState } from './shard-search.ts';
import { countValues, distinctValues, type CountedValue } from './value-counts.ts';

type Counts = readonly (readonly [CountedValue, number])[];

interface GroupState {
  /** Null when nothing is grouped. */
  readonly value: CountedValue | null;
  readonly count: number;
  /** By path, in the order of the request. */
  readonly values: Readonly<Record<string, Counts>>;
}

interface State extends Record<string, unknown> {
  readonly groups: readonly GroupState[];
}

/** Values a group state may hold before the request is refused. */
const VALUES_MAX = 2_000_000;

export function aggregateShard(
  index: InvertedIndex,
  request: AggregateRequest,
  among: DocSet,
  readValues: (docID: number) => readonly unknown[],
): AggregateState {
  const groups = request.groupBy === null ? [{ value: null, docs: among }] : groupsOf(index, request.groupBy.path, among, readValues);
  const state: State = { groups: groups.map(({ value, docs }) => groupState(index, request, value, docs, readValues)) };
  return state;
}

function groupsOf(
  index: InvertedIndex,
  path: string,
  among: DocSet,
  readValues: (docID: number) => readonly unknown[],
): { value: CountedValue; docs: DocSet }[] {
  const { field } = index.field(path);
  const groups = new Map<CountedValue, DocSet>();
  for (const docID of among) {
    for (const value of distinctValues(field, readValues(docID))) {
      const docs = groups.get(value) ?? new Docs();
      groups.set(value, docs);
      docs.add(docID);
    }
  }
  return [...groups].map(([value, docs]) => ({ value, docs }));
}

function groupState(
  index: InvertedIndex,
  request: AggregateRequest,
  value: CountedValue | null,
  docs: DocSet,
  readValues: (docID: number) => readonly unknown[],
): GroupState {
  const count = docs.count();
  const values: Record<string, Counts> = {};
  let held = 0;
  for (const { path } of request.metrics) {
    const field = index.field(path);
    const counts = field.field.multiple ? countEvery(index, path, docs, readValues) : countValues(field, docs, count, readValues);
    held += counts.size;
    if (held > VALUES_MAX)
      throw new HeddleError('Unsupported', `aggregate over ${held} distinct values`, {
        hint: 'Filter first, or aggregate fewer properties at a time.',
      });
    values[path] = [...counts];
  }
  return { value, count, values };
}

/** Arrays count every element, repeated ones too. */
function countEvery(
  index: InvertedIndex,
  path: string,
  docs: DocSet,
  readValues: (docID: number) => readonly unknown[],
): Map<CountedValue, number> {
  const { field } = index.field(path);
  const counts = new Map<CountedValue, number>();
  for (const docID of docs) {
    for (const value of valuesOf(field, readValues(docID))) {
      const key = field.type === 'text' ? (value as string) : field.type === 'geoCoordinates' ? undefined : termKeyOf(field.type, value);
      if (key === undefined) continue;
      const counted = field.type === 'boolean' ? key === 1 : key;
      counts.set(counted, (counts.get(counted) ?? 0) + 1);
    }
  }
  return counts;
}

/** One state of several shards'. */
export function mergeAggregates(states: readonly AggregateState[]): AggregateState {
  const groups = new Map<CountedValue | null, { count: number; values: Map<string, Map<CountedValue, number>> }>();
  for (const state of states as readonly State[]) {
    for (const { value, count, values } of state.groups) {
      const group = groups.get(value) ?? { count: 0, values: new Map() };
      groups.set(value, group);
      group.count += count;
      for (const [path, counts] of Object.entries(values)) {
        const sums = group.values.get(path) ?? new Map<CountedValue, number>();
        group.values.set(path, sums);
        for (const [counted, times] of counts) sums.set(counted, (sums.get(counted) ?? 0) + times);
      }
    }
  }
  const merged = [...groups].map(([value, { count, values }]) => ({
    value,
    count,
    values: Object.fromEntries([...values].map(([path, sums]) => [path, [...sums]])),
  }));
  return { groups: merged };
}

export interface AggregateGroup {
  /** The value grouped by; null when nothing is grouped. */
  readonly value: CountedValue | null;
  /** Objects. */
  readonly count: number;
  /** By path, then by metric name. */
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The answer: one group, or the largest groups first, ties by value. */
export function finishAggregate(request: AggregateRequest, state: AggregateState): AggregateGroup[] {
  const groups = [...(state as State).groups];
  if (request.groupBy === null && groups.length === 0) groups.push({ value: null, count: 0, values: {} });
  groups.sort((a, b) => b.count - a.count || compareCounted(a.value, b.value));
  const kept = request.groupBy === null ? groups : groups.slice(0, request.groupBy.limit);
  return kept.map(({ value, count, values }) => ({
    value,
    count,
    properties: Object.fromEntries(
      request.metrics.map(({ path, metrics, topOccurrencesLimit }) => [
        path,
        Object.fromEntries(metrics.map((metric) => [metric, metricOf(metric, values[path] ?? [], topOccurrencesLimit)])),
      ]),
    ),
  }));
}

export function compareCounted(a: CountedValue | null, b: CountedValue | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : 1;
}

/** Most frequent first, ties by value. */
const byFrequency = (counts: Counts): (readonly [CountedValue, number])[] =>
  [...counts].sort((a, b) => b[1] - a[1] || compareCounted(a[0], b[0]));

function metricOf(metric: string, counts: Counts, topLimit: number): unknown {
  const total = counts.reduce((sum, [, times]) => sum + times, 0);
  const trues = counts.find(([value]) => value === true)?.[1] ?? 0;
  switch (metric) {
    case 'count':
      return total;
    case 'topOccurrences':
      return byFrequency(counts)
        .slice(0, topLimit)
        .map(([value, occurs]) => ({ value, occurs }));
    case 'totalTrue':
      return trues;
    case 'totalFalse':
      return total - trues;
    case 'percentageTrue':
      return total === 0 ? null : trues / total;
    case 'percentageFalse':
      return total === 0 ? null : (total - trues) / total;
    case 'mode':
      return byFrequency(counts)[0]?.[0] ?? null;
    default:
      return numericMetric(metric, [...counts].sort((a, b) => compareCounted(a[0], b[0])) as [number, number][], total);
  }
}

/** `sorted` by value. */
function numericMetric(metric: string, sorted: readonly [number, number][], total: number): number | null {
  if (metric !== 'sum' && total === 0) return null;
  const sum = (): number => sorted.reduce((before, [value, times]) => before + value * times, 0);
  switch (metric) {
    case 'sum':
      return sum();
    case 'mean':
      return sum() / total;
    case 'minimum':
      return sorted[0][0];
    case 'maximum':
      return sorted[sorted.length - 1][0];
    case 'median':
      return (nth(sorted, Math.floor((total - 1) / 2)) + nth(sorted, Math.floor(total / 2))) / 2;
    default:
      return null; // the coordinator has checked their names
  }
}

function nth(sorted: readonly [number, number][], n: number): number {
  let before = 0;
  for (const [value, times] of sorted) {
    before += times;
    if (n < before) return value;
  }
  return NaN;
}
