import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { compareTerms } from '../inverted/value-key.ts';
import { normalize } from '../schema/normalize.ts';
import { StoreStack } from './testing/store-stack.ts';
import { TestShard } from './testing/test-shard.ts';

const SCHEMA = normalize('Note', { properties: { title: { type: 'text?', tokenization: 'whitespace' } } });
const LETTERS = ['a', 'b', 'z', 'é', 'я', 'ж', '中', 'ｚ', '𝒳', '𝒴'];
const uuid = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** Live objects by term, the most frequent first, ties by term. */
function reference(shard: TestShard, prefix: string, max: number): [string, number][] {
  const counts = new Map<string, number>();
  for (const { values } of shard.objects.values())
    for (const term of new Set(String(values[0]).split(' '))) if (term.startsWith(prefix)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || compareTerms(a[0], b[0])).slice(0, max);
}

const found = (shard: TestShard, prefix: string, max = 1_000): [string, number][] =>
  shard.inverted
    .field('title')
    .dictionary!.find(prefix, max)
    .sort((a, b) => b.count - a.count || compareTerms(a.term, b.term))
    .map(({ term, count }) => [term, count]);

test('every prefix finds its terms with their counts, through flushes, merges of counts and reopening', async () => {
  const random = new SeededRandom(7);
  const shard = new TestShard(SCHEMA, await StoreStack.open());
  const letter = (): string => LETTERS[Math.floor(random.next() * LETTERS.length)];
  const word = (): string => Array.from({ length: 1 + Math.floor(random.next() * 3) }, letter).join('');
  const prefixes = [...LETTERS, ...LETTERS.map((first) => first + letter()), ...LETTERS.map((first) => first[0])];
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 60; i++) {
      const id = uuid(Math.floor(random.next() * 200));
      if (random.next() < 0.2) shard.delete(id);
      else shard.put(id, [Array.from({ length: 4 }, word).join(' ')]);
    }
    if (round % 3 === 1) shard.flush();
    if (round % 5 === 4) shard.reopen();
    // Some pages are read now and some later, so that flushes meet both.
    for (const prefix of prefixes.slice(0, 5 + round * 3)) {
      expect(found(shard, prefix), `${prefix} in round ${round}`).toEqual(reference(shard, prefix, 1_000));
      // What memtables change does not bring back a term that was not among the most frequent of the segments.
      if (round % 3 === 1) expect(found(shard, prefix, 3)).toEqual(reference(shard, prefix, 3));
    }
  }
});
