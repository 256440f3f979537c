import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DocSet } from './doc-set.ts';

const ids = fc.array(fc.nat(500), { maxLength: 200 });

test('a DocSet agrees with a Set under and, or, andNot', () => {
  fc.assert(
    fc.property(ids, ids, fc.constantFrom('and', 'or', 'andNot'), (left, right, op) => {
      const set = DocSet.of(left)[op as 'and'](DocSet.of(right));
      const a = new Set(left);
      const b = new Set(right);
      const model = op === 'or' ? [...new Set([...a, ...b])] : [...a].filter((id) => b.has(id) === (op === 'and'));
      expect([...set]).toEqual(model.sort((x, y) => x - y));
      expect([...set.toArray()]).toEqual([...set]);
      expect(set.count()).toBe(model.length);
    }),
  );
});

test('below(n) holds exactly the docIDs under n', () => {
  for (const end of [0, 1, 31, 32, 33, 100]) expect([...DocSet.below(end)]).toEqual(Array.from({ length: end }, (_, i) => i));
});
