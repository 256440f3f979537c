import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusOf } from './database-files.ts';
import { checkName, nameOf } from './names.ts';

describe('what became of a database', () => {
  const settled = { createdMs: 1, settled: true };
  const young = { createdMs: 1, settled: false };

  it('tells eviction from a first visit, and a lost first minute from both', () => {
    expect(statusOf({ files: false, mirror: false, marker: null })).toBe('new');
    expect(statusOf({ files: false, mirror: false, marker: settled })).toBe('evicted');
    expect(statusOf({ files: false, mirror: true, marker: young })).toBe('mirrored');
    expect(statusOf({ files: false, mirror: true, marker: null })).toBe('mirrored');
    expect(statusOf({ files: false, mirror: false, marker: young })).toBe('new');
  });

  it('never takes files that are there for a new database, whatever else was lost', () => {
    for (const mirror of [false, true])
      for (const marker of [null, young, settled]) expect(statusOf({ files: true, mirror, marker })).toBe('present');
  });
});

describe('a directory name for any database name', () => {
  it('is allowed, and different for different names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 12 }), (a, b) => {
        checkName(nameOf(a));
        expect(nameOf(a) === nameOf(b)).toBe(a === b);
      }),
      { seed: 3, numRuns: 500 },
    );
    expect(nameOf('my-app')).toBe('my-app');
    expect([nameOf('x41'), nameOf('A'), nameOf('a'), nameOf('')]).toEqual(['x41', 'x__41', 'a', 'x_']);
    expect(nameOf('ä'.repeat(100))).not.toBe(nameOf('ä'.repeat(101)));
  });
});
