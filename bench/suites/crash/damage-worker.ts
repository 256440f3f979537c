/** One thread of the damage run: its part of all bit flips, cuts, block damages, and errors at every call. */
import { parentPort, workerData } from 'node:worker_threads';
import { SeededRandom } from '../../../src/core/clock.ts';
import { casesOf, type DamageKind, DAMAGES, examine, runningDatabase, type SmallDatabase, smallDatabase } from './corruption.ts';
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
  /** Since the thread began. */
  ms: number;
  /** About how many cases the thread has in all; 0 before it knows. */
  casesAhead: number;
}

const SMALL = { operations: 12, objectsMax: 8 };
const FAULTS = { operations: 50, objectsMax: 20 };
const FINDINGS_MAX = 20;
const REPORT_MS = 30_000;

/** A report of nothing yet. */
export const emptyReport = (): DamageReport => ({
  cases: 0,
  undetected: 0,
  outcomes: {},
  faultRuns: 0,
  faultFailures: 0,
  findings: [],
  ms: 0,
  casesAhead: 0,
});

export function addReport(total: DamageReport, part: DamageReport): void {
  total.cases += part.cases;
  total.undetected += part.undetected;
  total.faultRuns += part.faultRuns;
  total.faultFailures += part.faultFailures;
  total.findings.push(...part.findings);
  for (const [outcome, count] of Object.entries(part.outcomes)) total.outcomes[outcome] = (total.outcomes[outcome] ?? 0) + count;
}

/** `onPart` takes what there is each `REPORT_MS`; what is returned comes after that. */
async function damageAll(
  database: SmallDatabase,
  kind: DamageKind,
  { seed, part, parts }: DamageTask,
  onPart: (part: DamageReport) => void,
): Promise<DamageReport> {
  let report = emptyReport();
  const random = new SeededRandom(seed);
  let dueMs = Date.now() + REPORT_MS;
  for (const damage of DAMAGES[kind](database, part, parts)) {
    if (Date.now() >= dueMs) {
      onPart(report);
      report = emptyReport();
      dueMs = Date.now() + REPORT_MS;
    }
    const { outcome, said } = await examine(database, damage, random);
    report.cases++;
    report.outcomes[`${kind} ${outcome}`] = (report.outcomes[`${kind} ${outcome}`] ?? 0) + 1;
    if (outcome !== 'undetected') continue;
    report.undetected++;
    if (report.findings.length < FINDINGS_MAX) report.findings.push(`${damage.what}: ${said.split('\n')[0]}`);
  }
  return report;
}

async function failAll({ seed, part, parts }: DamageTask): Promise<DamageReport> {
  const report = emptyReport();
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
  return report;
}

/** `onPart` hears of what was done since it last heard, every half minute and when a kind of damage is through. */
export async function runDamage(task: DamageTask, onPart?: (part: DamageReport) => void): Promise<DamageReport> {
  const total = emptyReport();
  const startedMs = Date.now();
  let casesAhead = 0;
  const take = (part: DamageReport): void => {
    part.ms = Date.now() - startedMs;
    part.casesAhead = casesAhead;
    addReport(total, part);
    onPart?.(part);
  };
  take(await failAll(task));
  const groups = [...workload({ seed: task.seed, ...SMALL })];
  const closed = await smallDatabase(groups);
  const running = await runningDatabase(groups);
  const plan = [
    ...(['blocks', 'cuts', 'flips'] as const).map((kind) => ({ database: closed, kind })),
    ...(['cuts', 'flips'] as const).map((kind) => ({ database: running, kind })),
  ];
  casesAhead = Math.ceil(plan.reduce((sum, { database, kind }) => sum + casesOf(database, kind), 0) / task.parts);
  for (const { database, kind } of plan) take(await damageAll(database, kind, task, take));
  total.ms = Date.now() - startedMs;
  return total;
}

if (parentPort !== null) await runDamage(workerData as DamageTask, (part) => parentPort?.postMessage(part));
