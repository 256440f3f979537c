import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { REFS, pick, randomHistory, randomSchema, textOf } from '../query/testing/random-objects.ts';
import type { Stack } from '../query/testing/segment-stack.ts';
import { StoreStack } from '../query/testing/store-stack.ts';
import type { StoredObject } from '../query/testing/test-shard.ts';
import type { CollectionSchema, PropertySchema } from '../schema/collection-schema.ts';
import type { FilterInput, FilterNode, GeoRange } from '../schema/filter.ts';
import { parseFilter } from '../schema/parse-filter.ts';
import { foldAccents } from './analyzer.ts';

/** A second, plain reading of what filters mean, straight from the stored values. */
function naive(schema: CollectionSchema, object: StoredObject, node: FilterNode): boolean {
  switch (node.op) {
    case 'and':
      return node.nodes.every((inner) => naive(schema, object, inner));
    case 'or':
      return node.nodes.some((inner) => naive(schema, object, inner));
    case 'not':
      return !naive(schema, object, node.node);
    case 'notEqual':
      return !naive(schema, object, { ...node, op: 'equal' });
    case 'containsNone':
      return !naive(schema, object, { ...node, op: 'containsAny' });
    case 'containsAny':
      return (node.value as string[]).some((value) => naive(schema, object, { ...node, op: 'equal', value }));
    case 'containsAll':
      return (node.value as string[]).every((value) => naive(schema, object, { ...node, op: 'equal', value }));
  }
  const compare = (value: number | string): boolean => {
    const bound = node.value as number;
    if (node.op === 'equal') return value === bound;
    if (node.op === 'greaterThan') return (value as number) > bound;
    if (node.op === 'greaterOrEqual') return (value as number) >= bound;
    if (node.op === 'lessThan') return (value as number) < bound;
    return (value as number) <= bound;
  };
  switch (node.target.kind) {
    case 'id':
      return compare(object.uuid);
    case 'creationTime':
      return compare(object.createdMs);
    case 'updateTime':
      return compare(object.updatedMs);
    case 'length': {
      const { found, property, multiple } = look(schema, object, node.target.path);
      const size = !multiple && property.type === 'text' ? [...((found[0] as string) ?? '')].length : found.length;
      return compare(size);
    }
    case 'property': {
      const { found, property } = look(schema, object, node.target.path);
      if (node.op === 'isNull') return (found.length === 0) === node.value;
      if (node.op === 'withinGeoRange')
        return found.some((place) => metres(place as GeoRange, node.value as GeoRange) <= (node.value as GeoRange).distance);
      if (property.type.startsWith('text')) return text(property, found as string[], node);
      return found.some((value) => compare(property.type.startsWith('date') ? Date.parse(value as string) : (value as number)));
    }
  }
}

function look(
  schema: CollectionSchema,
  object: StoredObject,
  path: string,
): { found: unknown[]; property: PropertySchema; multiple: boolean } {
  let properties = schema.properties;
  let multiple = false;
  let found: unknown[] = [object.values];
  for (const name of path.split('.')) {
    const property = properties.find((candidate) => candidate.name === name)!;
    found = found.flatMap((value) => {
      const inner = Array.isArray(value) && value === object.values ? value[property.ordinal] : (value as Record<string, unknown>)[name];
      return Array.isArray(inner) ? inner : [inner];
    });
    found = found.filter((value) => value !== null && value !== undefined);
    multiple ||= property.type.endsWith('[]');
    properties = property.nested;
    if (path.endsWith(name) && property.nested.length === 0) return { found, property, multiple };
  }
  throw new Error(path);
}

function naiveTokens(property: PropertySchema, value: string): string[] {
  const nfc = value.normalize('NFC');
  const fold = (token: string): string => (property.asciiFold ? foldAccents(token) : token);
  const words = (from: string): string[] => [...from.matchAll(/[\p{L}\p{N}\p{M}]+/gu)].map(([word]) => word);
  switch (property.tokenization) {
    case 'word':
      return words(nfc.toLowerCase()).map(fold);
    case 'lowercase':
      return nfc.toLowerCase().split(/\s+/u).filter(Boolean).map(fold);
    case 'whitespace':
      return nfc.split(/\s+/u).filter(Boolean).map(fold);
    case 'field':
      return [nfc.trim()].filter(Boolean).map(fold);
    case 'trigram': {
      const letters = [...words(nfc.toLowerCase()).join('')];
      const size = Math.min(3, letters.length);
      return size === 0 ? [] : letters.slice(0, letters.length - size + 1).map((_, i) => fold(letters.slice(i, i + size).join('')));
    }
  }
}

/** The words the tests use are their own segments in every script, so a run is a token. */
function text(property: PropertySchema, found: readonly string[], node: FilterNode & { value: unknown }): boolean {
  const tokens = found.flatMap((value) => naiveTokens(property, value));
  const pattern = node.value as string;
  if (node.op === 'equal') {
    const wanted = naiveTokens(property, pattern);
    return wanted.length > 0 && wanted.every((token) => tokens.includes(token));
  }
  const cased = property.tokenization === 'field' || property.tokenization === 'whitespace' ? pattern : pattern.toLowerCase();
  const folded = property.asciiFold ? foldAccents(cased) : cased;
  if (node.op === 'like')
    return tokens.some((token) => new RegExp(`^${folded.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u').test(token));
  const order = (token: string): number => Buffer.compare(Buffer.from(token), Buffer.from(folded));
  return tokens.some((token) =>
    node.op === 'greaterThan'
      ? order(token) > 0
      : node.op === 'greaterOrEqual'
        ? order(token) >= 0
        : node.op === 'lessThan'
          ? order(token) < 0
          : order(token) <= 0,
  );
}

function metres(a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }): number {
  const radians = Math.PI / 180;
  const dLat = ((b.latitude - a.latitude) * radians) / 2;
  const dLon = ((b.longitude - a.longitude) * radians) / 2;
  const h = Math.sin(dLat) ** 2 + Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * Math.sin(dLon) ** 2;
  return 2 * 6_371_000.8 * Math.asin(Math.min(1, Math.sqrt(h)));
}

const RANGE = ['greaterThan', 'greaterOrEqual', 'lessThan', 'lessOrEqual'] as const;

function randomFilter(random: SeededRandom, depth: number): FilterInput {
  if (depth > 0 && random.next() < 0.6) {
    const inner = (): FilterInput => randomFilter(random, depth - 1);
    const kind = random.int(3);
    if (kind === 2) return { not: inner() };
    return kind === 0 ? { and: [inner(), inner()] } : { or: [inner(), inner()] };
  }
  const comparison = (): (typeof RANGE)[number] | 'equal' | 'notEqual' => pick(random, [...RANGE, 'equal', 'notEqual'] as const);
  const contains = (): 'containsAny' | 'containsAll' | 'containsNone' =>
    pick(random, ['containsAny', 'containsAll', 'containsNone'] as const);
  const path = pick(random, ['title', 'tags', 'body', 'cars.make', 'author.name']);
  const makers: (() => FilterInput)[] = [
    () => ({ [path]: { [comparison()]: textOf(random, 3) } }),
    () => ({ [path]: { like: pick(random, ['r*', '*n', 'f?x', '*', 'élan', 'Bl*', 'na?ve']) } }),
    () => ({ [path]: { [contains()]: [textOf(random, 2), textOf(random, 2)] } }),
    () => ({
      [pick(random, ['count', 'author.born', 'cars.year'])]: {
        [comparison()]: pick(random, [random.int(9) - 4, 1900 + random.int(5), 2000 + random.int(4)]),
      },
    }),
    () => ({ [pick(random, ['score', 'scores'])]: { [comparison()]: pick(random, [-1.5, 0, 0.25, 0.5, 1, 2.5]) } }),
    () => ({ scores: { [contains()]: [0.5, random.int(5) / 2] } }),
    () => ({ done: random.next() < 0.5 }),
    () => ({ day: { [comparison()]: new Date(Date.UTC(2021, random.int(12), 1)) } }),
    () => ({ ref: { [contains()]: [pick(random, REFS), pick(random, REFS)] } }),
    () => ({
      place: { withinGeoRange: { latitude: random.int(170) - 85, longitude: pick(random, [-180, 0, 180]), distance: 10 ** random.int(8) } },
    }),
    () => ({ [pick(random, ['title', 'tags', 'score', 'place', 'author.name', 'cars.make'])]: { isNull: random.next() < 0.5 } }),
    () => ({
      [pick(random, ['len(title)', 'len(tags)', 'len(scores)', 'len(cars.make)', 'len(done)'])]: { [comparison()]: random.int(4) },
    }),
    () => ({ [pick(random, ['_creationTime', '_updateTime'])]: { [comparison()]: new Date(1_700_000_000_000 + random.int(10) * 1000) } }),
    () => ({ _id: { [comparison()]: REFS[0] } }),
  ];
  return pick(random, makers)();
}

function check(seed: number, stacks: readonly Stack[], filters: number): void {
  const random = new SeededRandom(seed);
  const schema = randomSchema(random);
  const [shard] = randomHistory(schema, random, 1, 60 + random.int(200), undefined, stacks);
  for (let i = 0; i < filters; i++) {
    const input = randomFilter(random, 4);
    const filter = parseFilter(input, schema);
    const expected = [...shard.objects.values()].filter((object) => naive(schema, object, filter)).map(({ uuid }) => uuid);
    expect(shard.idsOf(shard.inverted.allowList(filter)), `seed ${seed}: ${JSON.stringify(input)}`).toEqual(expected.sort());
  }
}

test('the allow-list of a random filter tree is what a plain reading of the stored values gives', () => {
  for (let seed = 1; seed <= 10; seed++) check(seed, [], 40);
});

test('so it is over the real store, flushed, merged and opened again', async () => {
  for (let seed = 101; seed <= 105; seed++) check(seed, [await StoreStack.open()], 30);
});
