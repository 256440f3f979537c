/** Seeded schemas, objects and histories (writes, deletes, flushes, merges, reopens) for property tests. */
import { SeededRandom } from '../../core/clock.ts';
import { uuidText } from '../../core/ids.ts';
import type { CollectionSchema } from '../../schema/collection-schema.ts';
import { normalize } from '../../schema/normalize.ts';
import type { Stack } from './segment-stack.ts';
import { TestShard } from './test-shard.ts';

const WORDS = [
  'river',
  'stone',
  'Élan',
  'blue',
  'the',
  'of',
  'quick',
  'fox',
  'jumps',
  'lazy',
  'dog',
  'run',
  'running',
  '日本語',
  'naïve',
  'a',
];

export const pick = <T>(random: SeededRandom, items: readonly T[]): T => items[random.int(items.length)];
const maybe = <T>(random: SeededRandom, make: () => T): T | null => (random.next() < 0.25 ? null : make());
const several = <T>(random: SeededRandom, make: () => T): T[] => Array.from({ length: random.int(4) }, make);

export const textOf = (random: SeededRandom, words = 8): string =>
  Array.from({ length: random.int(words) }, () => pick(random, WORDS)).join(pick(random, [' ', ', ', '-']));

/** Every type, with index settings drawn by the seed. */
export function randomSchema(random: SeededRandom): CollectionSchema {
  const coin = (): boolean => random.next() < 0.5;
  const tokenization = (): 'word' | 'lowercase' | 'whitespace' | 'field' | 'trigram' =>
    pick(random, ['word', 'lowercase', 'whitespace', 'field', 'trigram']);
  return normalize('Thing', {
    properties: {
      title: { type: 'text?', tokenization: 'word', asciiFold: coin() },
      tags: { type: 'text[]?', tokenization: tokenization(), indexSearchable: coin() },
      body: { type: 'text?', stemming: coin() ? 'english' : null },
      count: { type: 'int?', indexRangeFilters: coin() },
      score: { type: 'number?', indexRangeFilters: coin() },
      scores: { type: 'number[]?', indexRangeFilters: coin() },
      done: 'boolean?',
      day: { type: 'date?', indexRangeFilters: coin() },
      ref: 'uuid?',
      place: 'geoCoordinates?',
      author: {
        type: 'object?',
        properties: { name: { type: 'text?', tokenization: 'field' }, born: { type: 'int?', indexRangeFilters: coin() } },
      },
      cars: { type: 'object[]?', properties: { make: 'text?', year: 'int?' } },
    },
    invertedIndex: { indexNullState: true, indexPropertyLength: true, indexTimestamps: true },
  });
}

export const uuidOf = (random: SeededRandom): string => uuidText(random.fill(new Uint8Array(16)));
export const REFS: readonly string[] = Array.from({ length: 4 }, (_, i) => uuidOf(new SeededRandom(i + 99)));
const dayText = (random: SeededRandom): string => new Date(Date.UTC(2020 + random.int(3), random.int(12), 1)).toISOString();

/** Values by ordinal, in the order of `randomSchema`. */
export function randomValues(random: SeededRandom): unknown[] {
  return [
    maybe(random, () => textOf(random)),
    maybe(random, () => several(random, () => textOf(random, 3))),
    maybe(random, () => textOf(random, 12)),
    maybe(random, () => random.int(9) - 4),
    maybe(random, () => pick(random, [-1.5, 0, -0, 0.25, 1e9, 3])),
    maybe(random, () => several(random, () => random.int(5) / 2)),
    maybe(random, () => random.next() < 0.5),
    maybe(random, () => dayText(random)),
    maybe(random, () => pick(random, REFS)),
    maybe(random, () => ({ latitude: random.int(170) - 85 + 0.5, longitude: pick(random, [-179.9, -60, 0, 13.4, 179.95]) })),
    maybe(random, () => ({ name: maybe(random, () => textOf(random, 3)), born: maybe(random, () => 1900 + random.int(5)) })),
    maybe(random, () =>
      several(random, () => ({ make: maybe(random, () => pick(random, WORDS)), year: maybe(random, () => 2000 + random.int(4)) })),
    ),
  ];
}

/** Shards whose objects have been written, replaced, deleted, flushed, merged and reopened in a seeded order; objects are spread by UUID. */
export function randomHistory(
  schema: CollectionSchema,
  random: SeededRandom,
  shards: number,
  steps: number,
  makeValues = randomValues,
  stacks: readonly Stack[] = [],
): TestShard[] {
  const all = Array.from({ length: shards }, (_, i) => new TestShard(schema, stacks[i]));
  const uuids = Array.from({ length: Math.max(4, Math.floor(steps / 2)) }, () => uuidOf(random));
  for (let step = 0; step < steps; step++) {
    const uuid = pick(random, uuids);
    const shard = all[uuid.charCodeAt(0) % all.length];
    const dice = random.next();
    if (dice < 0.8) shard.put(uuid, makeValues(random), 1_700_000_000_000 + random.int(10) * 1000);
    else if (dice < 0.88) shard.delete(uuid);
    else if (dice < 0.93) shard.flush();
    else if (dice < 0.95) shard.failFlush();
    else if (dice < 0.98 && shard.stack.count > 1) shard.stack.merge(random.int(shard.stack.count - 1));
    else if (dice >= 0.98) shard.reopen();
  }
  return all;
}
