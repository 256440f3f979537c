/** One thread of the damage run: its part of all bit flips, cuts, block damages, and errors at every call. */
import { parentPort, workerData } from 'node:worker_threads';
import { SeededRandom } from '../../../src/core/clock.ts';
import { bitFlips, blockDamage, type Damage, examine, runningDatabase, smallDatabase, truncations } from './corruption.ts';
import { runWithFault } from './faults.ts';
import { workload } from './workload.ts';

export interface DamageTask {
  readonly seed: number;
  readonly part: number;
  readonly parts: number;
  /** Block damages and failing calls are few: they are thinned out by this only, and shared between the threads. */
  readonly stride: number;
}

export interface DamageReport {
  cases: number;
  undetected: number;
  readonly outcomes: Record<string, number>;
  faultRuns: number;
  faultFailures: number;
  readonly findings: string[];
  ms: number;
}

const SMALL = { operations: 12, objectsMax: 8 };
const FAULTS = { operations: 50, objectsMax: 20 };
const FINDINGS_MAX = 20;

async function damageAll({ seed, part, parts }: DamageTask, report: DamageReport): Promise<void> {
  const groups = [...workload({ seed, ...SMALL })];
  const random = new SeededRandom(seed);
  for (const database of [await smallDatabase(groups), await runningDatabase(groups)]) {
    const kinds: readonly (readonly [string, Iterable<Damage>])[] = [
      ['flips', bitFlips(database, part, parts)],
      ['cuts', truncations(database, part, parts)],
      ['blocks', database.isClosed ? blockDamage(database, part, parts) : []],
    ];
    for (const [kind, damages] of kinds)
      for (const damage of damages) {
        const { outcome, said } = await examine(database, damage, random);
        report.cases++;
        report.outcomes[`${kind} ${outcome}`] = (report.outcomes[`${kind} ${outcome}`] ?? 0) + 1;
        if (outcome !== 'undetected') continue;
        report.undetected++;
        if (report.findings.length < FINDINGS_MAX) report.findings.push(`${damage.what}: ${said.split('\n')[0]}`);
      }
  }
}

async function failAll({ seed, part, parts }: DamageTask, report: DamageReport): Promise<void> {
  const groups = [...workload({ seed, ...FAULTS })];
  for (const error of ['io', 'quota'] as const)
    for (const count of [1, 3])
      for (let at = 1 + part; ; at += parts) {
        try {
          if (!(await runWithFault(groups, { error, at, count, seed: at })).fired) break;
        } catch (thrown) {
          report.faultFailures++;
          if (report.findings.length < FINDINGS_MAX)
            report.findings.push(`${error} error at call ${at} for ${count} calls: ${String(thrown).split('\n')[0]}`);
        }
        report.faultRuns++;
      }
}

export async function runDamage(task: DamageTask): Promise<DamageReport> {
  const startedMs = Date.now();
  const report: DamageReport = { cases: 0, undetected: 0, outcomes: {}, faultRuns: 0, faultFailures: 0, findings: [], ms: 0 };
  await failAll(task, report);
  await damageAll(task, report);
  report.ms = Date.now() - startedMs;
  return report;
}

if (parentPort !== null) parentPort.postMessage(await runDamage(workerData as DamageTask));
