/**
 * npm run crash -- [--minutes 10] [--seed 1] [--threads N] [--json FILE]
 *
 * Crashes a workload of several shards on a simulated device at every call that changes the disk, recovers what may be left
 * and checks it; then shows that the harness can see, by running it on broken engines. `--no-mutants` leaves that out,
 * `--no-damage` the flipped bits, cut files and failing calls; `--damage-stride N` tries only every Nth; `--replay SEED` explores one workload and prints what it finds.
 */
import { availableParallelism } from 'node:os';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { addReport, type DamageReport, type DamageTask, emptyReport } from './damage-worker.ts';
import { buildChanged, SMALL_GRAPHS, whyNot } from './mutant-build.ts';
import { MUTANTS } from './mutants.ts';
import { record } from './record.ts';
import { NO_FLUSH_BY, noteFlushSites, sabotageNames, whyRedundant } from './sabotage.ts';
import { CALLS_GOAL, FULL, SHORT, STATES_GOAL } from './sizes.ts';
import type { RoundReport, Task } from './worker.ts';
import { workload } from './workload.ts';

export const figures = [
  'crash.states',
  'crash.lost',
  'crash.partial',
  'crash.resurrected',
  'crash.disagreeing',
  'crash.unopenable',
  'crash.mutants',
  'crash.mutants-missed',
  'corruption.cases',
  'corruption.undetected',
];

const MUTANT_SEEDS = 20;
/** Of each workload one moment in so many: what is broken shows at many moments in a row, so more workloads see more. */
const MUTANT_STRIDE = 6;
const MUTANT_LIMIT_MS = 240_000;
/** An engine may be broken so that it never ends; a thread looks at its deadline only between two recoveries. */
const HANG_MS = 30_000;
/** For those that nothing is expected of. */
const REDUNDANT_LIMIT_MS = 20_000;
/** Part of the time that goes to the engine with small graphs; its seeds are apart from the others'. */
const GRAPH_SHARE = 0.3;
const GRAPH_SEEDS_FROM = 500_000;

const runTask = (entry: URL | string, task: Task, onRound: (report: RoundReport) => void, signal?: AbortSignal): Promise<void> =>
  runWorker(entry, task, onRound, signal);

/** An opening makes much that dies at once: collecting it less often saves an eighth of the time. */
const YOUNG_GENERATION_MB = 64;

/** `signal` ends the thread, whatever it is doing. */
function runWorker<R>(entry: URL | string, task: unknown, onReport: (report: R) => void, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, { workerData: task, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
    worker.on('message', onReport);
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    signal?.addEventListener('abort', () => void worker.terminate());
  });
}

const workerUrl = (): URL => new URL('./worker.ts', import.meta.url);

interface Totals {
  readonly hashes: Set<number>;
  readonly violations: { kind: string; message: string; at: string }[];
  readonly rounds: Map<
    number,
    {
      calls: number;
      operations: number;
      moments: number;
      parts: number;
      complete: boolean;
      recoveries: number;
      kills: number;
      deep: number;
      callKinds: Record<string, number>;
    }
  >;
}

function add(totals: Totals, report: RoundReport): void {
  for (const hash of report.hashes) totals.hashes.add(hash);
  totals.violations.push(...report.violations);
  const round = totals.rounds.get(report.seed) ?? {
    calls: report.calls,
    operations: report.operations,
    moments: report.moments,
    parts: 0,
    complete: true,
    recoveries: 0,
    kills: 0,
    deep: 0,
    callKinds: Object.fromEntries(report.callKinds),
  };
  totals.rounds.set(report.seed, {
    ...round,
    parts: round.parts + 1,
    complete: round.complete && report.complete,
    recoveries: round.recoveries + report.recoveries,
    kills: round.kills + report.kills,
    deep: round.deep + report.deep,
  });
}

interface ExploreAll {
  readonly entry: URL | string;
  readonly graphs: boolean;
  readonly firstSeed: number;
  readonly rounds: number;
  readonly threads: number;
  readonly minutes: number;
}

/** Explores workloads on all threads until the time is over. */
async function exploreAll(context: BenchContext, totals: Totals, options: ExploreAll): Promise<void> {
  const deadlineMs = Date.now() + options.minutes * 60_000;
  const parts = Array.from({ length: options.threads }, (_, part) => part);
  await Promise.all(
    parts.map((part) =>
      runTask(
        options.entry,
        {
          ...FULL,
          firstSeed: options.firstSeed,
          rounds: options.rounds,
          part,
          parts: options.threads,
          violationsMax: 20,
          deadlineMs,
          sabotage: null,
          graphs: options.graphs,
        },
        (report) => {
          add(totals, report);
          context.log(
            `seed ${report.seed}${options.graphs ? ', small graphs' : ''}, part ${part + 1} of ${options.threads}: ${report.calls} calls, ${report.moments} moments, ${report.recoveries} recoveries, ${report.deep} of them crashed, ${totals.hashes.size} states so far, ${totals.violations.length} violations${report.complete ? '' : ' (cut short)'}`,
          );
          for (const { kind, message, at } of report.violations.slice(0, 5)) context.log(`  ${kind}: ${message}\n    ${at}`);
        },
      ),
    ),
  );
}

/** The same with an engine whose graphs start small, so that their logs and snapshots are crossed by every few operations. */
async function exploreGraphs(context: BenchContext, totals: Totals, options: Omit<ExploreAll, 'entry' | 'graphs'>): Promise<void> {
  await inFolder(context, async (folder) =>
    exploreAll(context, totals, { ...options, graphs: true, entry: await buildChanged(SMALL_GRAPHS, context.root, folder) }),
  );
}

async function inFolder<T>(context: BenchContext, use: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(join(context.root, 'bench/.cache/run'), { recursive: true });
  const folder = mkdtempSync(join(context.root, 'bench/.cache/run/changed-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface MutantResult {
  readonly name: string;
  readonly caught: boolean;
  readonly by: string;
  readonly ms: number;
}

/** Runs a broken engine until something is found wrong with it. */
async function tryMutant(name: string, entry: URL | string, sabotage: string | null, threads: number): Promise<MutantResult> {
  const startedMs = Date.now();
  let by: string | null = null;
  const over = new AbortController();
  const note = (what: string): void => {
    by ??= what;
    over.abort();
  };
  const task = (part: number): Task => ({
    ...SHORT,
    firstSeed: 1000 + part * MUTANT_SEEDS,
    rounds: MUTANT_SEEDS,
    part: 3,
    parts: MUTANT_STRIDE,
    violationsMax: 1,
    deadlineMs: startedMs + (whyRedundant(name) === null ? MUTANT_LIMIT_MS : REDUNDANT_LIMIT_MS),
    sabotage,
    graphs: false,
  });
  const { deadlineMs } = task(0);
  const hang = setTimeout(() => note('the workload hangs'), deadlineMs + HANG_MS - startedMs);
  await Promise.all(
    Array.from({ length: threads }, (_, part) =>
      runTask(
        entry,
        task(part),
        ({ violations: [found] }) => {
          if (found !== undefined) note(`${found.kind}: ${found.message} (${found.at})`);
        },
        over.signal,
      ).catch((thrown: unknown) => {
        // A workload that a broken engine can't even run to its end is noticed, too.
        note(`the workload failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }),
    ),
  );
  clearTimeout(hang);
  return { name, caught: by !== null, by: by ?? '', ms: Date.now() - startedMs };
}

async function flushSites(): Promise<Map<string, number>> {
  const sites = new Map<string, number>();
  await record(workload({ seed: 1000, operations: SHORT.operations, objectsMax: SHORT.objectsMax }), undefined, {
    wrapVfs: noteFlushSites(sites),
  });
  return sites;
}

async function mutants(context: BenchContext, threads: number): Promise<MutantResult[]> {
  const results: MutantResult[] = [];
  const only = context.option('mutant');
  const note = (result: MutantResult): void => {
    results.push(result);
    context.log(
      `${result.caught ? 'caught' : 'MISSED'} in ${result.ms} ms: ${result.name}${result.caught ? ` (${result.by.split('\n')[0].slice(0, 160)})` : ''}`,
    );
  };
  const wanted = (name: string): boolean => only === undefined || name.includes(only);
  const outside = [...sabotageNames, ...[...(await flushSites()).keys()].map((site) => NO_FLUSH_BY + site)];
  for (const name of outside) if (wanted(name)) note(await tryMutant(name, workerUrl(), name, threads));
  for (const mutant of MUTANTS) {
    if (!wanted(mutant.name)) continue;
    const reason = whyNot(mutant, context.root);
    if (reason !== null) note({ name: mutant.name, caught: false, by: reason, ms: 0 });
    else
      note(
        await inFolder(context, async (folder) =>
          tryMutant(mutant.name, await buildChanged([mutant], context.root, folder), null, threads),
        ),
      );
  }
  return results;
}

/** What a thread has done, its last report being `latest`, and about how long it has to go on. */
function progressOf(own: DamageReport, { ms, casesAhead }: DamageReport): string {
  const done = `${own.cases} cases, ${own.faultRuns} runs with errors, ${own.undetected + own.faultFailures} went wrong, ${Math.round(ms / 1000)} s so far`;
  if (casesAhead === 0 || own.cases === 0) return done;
  const share = Math.min(1, own.cases / casesAhead);
  return `${done}; ${Math.floor(share * 100)} % of the cases, about ${Math.round((ms * (1 / share - 1)) / 1000)} s more`;
}

/** Damage of every kind to a small database, and errors at every call of a short workload. */
async function damage(context: BenchContext, threads: number): Promise<DamageReport> {
  const total = emptyReport();
  const stride = Number(context.option('damage-stride') ?? 1);
  const startedMs = Date.now();
  await Promise.all(
    Array.from({ length: threads }, (_, part) => {
      const task: DamageTask = { seed: 5, part: part * stride, parts: threads * stride, stride };
      const own = emptyReport();
      return runWorker<DamageReport>(new URL('./damage-worker.ts', import.meta.url), task, (report) => {
        addReport(total, report);
        addReport(own, report);
        context.log(`damage, thread ${part + 1} of ${threads}: ${progressOf(own, report)}`);
      });
    }),
  );
  total.ms = Date.now() - startedMs;
  context.log(
    `damage: ${total.cases} cases, ${JSON.stringify(total.outcomes)}; errors at every call: ${total.faultRuns} runs, ${total.faultFailures} went wrong`,
  );
  for (const finding of total.findings.slice(0, 10)) context.log(`  ${finding}`);
  return total;
}

export async function run(context: BenchContext): Promise<SuiteResult> {
  const threads = Number(context.option('threads') ?? Math.min(4, availableParallelism()));
  const replay = context.option('replay');
  const totals: Totals = { hashes: new Set(), violations: [], rounds: new Map() };
  const minutes = Number(context.option('minutes') ?? 10);
  const firstSeed = Number(replay ?? context.option('seed') ?? 1);
  const rounds = replay === undefined ? Number.MAX_SAFE_INTEGER : 1;
  await exploreAll(context, totals, {
    entry: workerUrl(),
    graphs: false,
    firstSeed,
    rounds,
    threads,
    minutes: minutes * (1 - GRAPH_SHARE),
  });
  await exploreGraphs(context, totals, { firstSeed: firstSeed + GRAPH_SEEDS_FROM, rounds, threads, minutes: minutes * GRAPH_SHARE });
  const count = (kind: string): number => totals.violations.filter((violation) => violation.kind === kind).length;
  const result: Figure[] = [
    { name: 'crash.states', value: totals.hashes.size, unit: 'distinct disk images', goal: `>= ${STATES_GOAL}` },
    ...(['lost', 'partial', 'resurrected', 'disagreeing', 'unopenable'] as const).map((kind) => ({
      name: `crash.${kind}`,
      value: count(kind),
      unit: 'states',
      goal: '= 0',
    })),
  ];
  const missing: { name: string; reason: string }[] = [];
  const rows: Record<string, unknown>[] = [...totals.rounds].map(([seed, round]) => ({
    kind: 'workload',
    seed,
    ...round,
    complete: round.complete && round.parts === threads,
    callsGoal: CALLS_GOAL,
  }));
  rows.push(...totals.violations.map((violation) => ({ ...violation, kind: 'violation', violation: violation.kind })));
  if (context.flag('no-mutants') || replay !== undefined)
    for (const name of ['crash.mutants', 'crash.mutants-missed']) missing.push({ name, reason: 'broken engines were not asked for' });
  else {
    const tried = await mutants(context, threads);
    const harmful = tried.filter(({ name, caught }) => caught || whyRedundant(name) === null);
    result.push({ name: 'crash.mutants', value: harmful.length, unit: 'broken engines', goal: '>= 20' });
    result.push({
      name: 'crash.mutants-missed',
      value: harmful.filter(({ caught }) => !caught).length,
      unit: 'broken engines',
      goal: '= 0',
    });
    rows.push(
      ...tried.map((mutant) => ({ kind: 'mutant', ...mutant, ...(mutant.caught ? {} : { redundant: whyRedundant(mutant.name) }) })),
    );
  }
  if (context.flag('no-damage') || replay !== undefined)
    for (const name of ['corruption.cases', 'corruption.undetected']) missing.push({ name, reason: 'damage was not asked for' });
  else {
    const found = await damage(context, threads);
    result.push({ name: 'corruption.cases', value: found.cases, unit: 'damaged disks' });
    result.push({ name: 'corruption.undetected', value: found.undetected, unit: 'damaged disks', goal: '= 0' });
    rows.push({ kind: 'damage', ...found });
  }
  return { figures: result, rows, missing };
}
