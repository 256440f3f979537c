import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runDamage } from './damage-worker.ts';
import { SMALL_GRAPHS, whyNot } from './mutant-build.ts';
import { MUTANTS } from './mutants.ts';
import { record } from './record.ts';
import { noteFlushSites, sabotageNames } from './sabotage.ts';
import { CALLS_GOAL, FULL } from './sizes.ts';
import { runRound, type Task } from './worker.ts';
import { workload } from './workload.ts';

/** A small run of `npm run crash`: minutes there, seconds here. */
const SMALL: Task = {
  firstSeed: 1,
  rounds: 1,
  operations: 60,
  objectsMax: 20,
  plansPerMoment: 4,
  plansPerRecoveryCall: 2,
  recoveriesPerDeep: 60,
  part: 0,
  parts: 8,
  violationsMax: 3,
  deadlineMs: Number.POSITIVE_INFINITY,
  sabotage: null,
  graphs: false,
};

describe('a crash at any call', () => {
  test.each([1, 2, 3])('loses nothing, brings nothing back and leaves every index in agreement (seed %i)', async (seed) => {
    const { violations, hashes } = await runRound(SMALL, seed);
    expect(violations).toEqual([]);
    expect(hashes.length).toBeGreaterThan(50);
  });

  test.each(sabotageNames.filter((name) => name !== 'new names trusted after 30 s'))(
    'is noticed to lose something with a broken engine: %s',
    async (sabotage) => {
      const task = { ...SMALL, operations: 120, parts: 2, violationsMax: 1, sabotage };
      let caught = false;
      for (const seed of [1000, 1001, 1002]) {
        // A workload that a broken engine can't even run to its end is noticed, too.
        caught = await runRound(task, seed).then(
          ({ violations }) => violations.length > 0,
          () => true,
        );
        if (caught) break;
      }
      expect(caught).toBe(true);
    },
  );

  test('is tried at every call of a workload that crosses all there is', async () => {
    const groups = [...workload({ seed: 1, operations: FULL.operations, objectsMax: FULL.objectsMax })];
    const kinds = new Set(groups.flat().map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['attach', 'compact', 'drop', 'flush', 'maintain', 'reopen', 'schema', 'wait', 'write']);
    expect(groups.some((group) => group.some((operation) => operation.kind === 'write' && !operation.atomic))).toBe(true);
    const sites = new Map<string, number>();
    const { calls, moments, callKinds } = await record(groups, undefined, { wrapVfs: noteFlushSites(sites) });
    expect(calls).toBeGreaterThanOrEqual(CALLS_GOAL);
    expect(moments.length).toBeGreaterThan(calls);
    for (const part of ['Log.flush', 'writeSlot', 'SegmentBuild', 'ColumnMerge', 'MoveJob'])
      expect(
        [...sites.keys()].some((site) => site.includes(part)),
        part,
      ).toBe(true);
    expect(callKinds.get('mirror-clear')).toBeGreaterThan(0);
    const logs = moments.flatMap(({ call }) => (call.kind === 'write' && /\/l\d$/.test(call.path) ? [call.path] : []));
    expect(logs.filter((path, index) => path !== logs[index - 1]).length).toBeGreaterThan(3 * 3);
  });

  test('runs the same from the same seed', async () => {
    const options = { seed: 7, operations: 40, objectsMax: 20 };
    const [a, b] = [await record(workload(options)), await record(workload(options))];
    expect(a.moments.map(({ call, issued, acked }) => [call.kind, call.path, call.at, call.bytes, issued, acked])).toEqual(
      b.moments.map(({ call, issued, acked }) => [call.kind, call.path, call.at, call.bytes, issued, acked]),
    );
  });
});

test.each([...MUTANTS, ...SMALL_GRAPHS].map((mutant) => [mutant.name, mutant] as const))(
  'the line that is changed is there: %s',
  (_, mutant) => {
    expect(whyNot(mutant, fileURLToPath(new URL('../../..', import.meta.url)))).toBeNull();
  },
);

test('damage to the disk is noticed or does not matter, and an error at any call leaves everything right', async () => {
  const report = await runDamage({ seed: 5, part: 3, parts: 307, stride: 307 });
  expect(report.findings).toEqual([]);
  expect(report.cases).toBeGreaterThan(500);
  expect(report.faultRuns).toBeGreaterThan(3);
});
