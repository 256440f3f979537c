/** One thread of a crash run: explores its part of one workload after another until its time is over or the rounds are done. */
import { parentPort, workerData } from 'node:worker_threads';
import { explore, type Exploration } from './explore.ts';
import { record } from './record.ts';
import { sabotageNamed } from './sabotage.ts';
import { workload } from './workload.ts';

export interface Task {
  readonly firstSeed: number;
  readonly rounds: number;
  readonly operations: number;
  readonly objectsMax: number;
  readonly plansPerMoment: number;
  readonly plansPerRecoveryCall: number;
  readonly recoveriesPerDeep: number;
  readonly part: number;
  readonly parts: number;
  readonly violationsMax: number;
  readonly deadlineMs: number;
  /** Name of a broken engine, or null for the real one. */
  readonly sabotage: string | null;
  /** Built with small graphs: walks are not exact. */
  readonly graphs: boolean;
}

export interface RoundReport extends Omit<Exploration, 'hashes'> {
  readonly seed: number;
  readonly calls: number;
  readonly moments: number;
  readonly operations: number;
  readonly callKinds: readonly (readonly [string, number])[];
  readonly hashes: Float64Array<ArrayBuffer>;
  readonly ms: number;
}

export async function runRound(task: Task, seed: number): Promise<RoundReport> {
  const startedMs = Date.now();
  const sabotage = sabotageNamed(task.sabotage);
  const recording = await record(workload({ seed, operations: task.operations, objectsMax: task.objectsMax }), undefined, sabotage);
  const exploration = await explore(recording, { ...task, seed, sabotage, vectors: task.graphs ? 'graph' : 'exact' });
  return {
    ...exploration,
    seed,
    calls: recording.calls,
    moments: recording.moments.length,
    operations: recording.history.operations,
    callKinds: [...recording.callKinds],
    hashes: Float64Array.from(exploration.hashes),
    ms: Date.now() - startedMs,
  };
}

async function main(task: Task): Promise<void> {
  for (let round = 0; round < task.rounds && Date.now() < task.deadlineMs; round++) {
    const report = await runRound(task, task.firstSeed + round);
    parentPort?.postMessage(report, [report.hashes.buffer]);
    if (report.violations.length >= task.violationsMax) return;
  }
}

if (parentPort !== null) await main(workerData as Task);
