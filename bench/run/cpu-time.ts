/**
 * CPU time of single threads, read from outside on Linux, so that rates hold on a loaded machine.
 *
 * Chromium names the threads of dedicated workers `DedicatedWorker…`; `/proc/<pid>/task/<tid>/schedstat` gives nanoseconds on
 * the processor. In Node the same is read for worker threads by difference (`threadsOf(process.pid)`).
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';

export interface Thread {
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process or thread has ended since it was listed
  }
};

const numbersIn = (folder: string): number[] => (existsSync(folder) ? readdirSync(folder).map(Number).filter(Number.isInteger) : []);

export function threadsOf(pid: number): Thread[] {
  return numbersIn(`/proc/${pid}/task`).map((tid) => ({ pid, tid, name: read(`/proc/${pid}/task/${tid}/comm`).trim() }));
}

/** Processor time of one thread in milliseconds; NaN once it has ended. */
export function cpuMsOf(thread: Thread): number {
  const text = read(`/proc/${thread.pid}/task/${thread.tid}/schedstat`);
  return text === '' ? NaN : Number(text.split(' ')[0]) / 1e6;
}

/** The processes of the browser that runs on `profile` (its `--user-data-dir`), the browser's own first. */
export function browserProcesses(profile: string): number[] {
  const all = numbersIn('/proc').map((pid) => ({ pid, words: read(`/proc/${pid}/cmdline`), parent: parentOf(pid) }));
  const main = all.find(({ words }) => words.includes(`--user-data-dir=${profile}\0`) && !words.includes('--type='));
  if (main === undefined) return [];
  const family = [main.pid];
  for (let at = 0; at < family.length; at++) family.push(...all.filter(({ parent }) => parent === family[at]).map(({ pid }) => pid));
  return family;
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Threads of dedicated workers in the browser on `profile`, oldest first. */
export function workerThreads(profile: string): Thread[] {
  return browserProcesses(profile)
    .flatMap(threadsOf)
    .filter(({ name }) => name.startsWith('DedicatedWorker'))
    .sort((a, b) => a.tid - b.tid);
}

/** Processor milliseconds that each of `threads` spends while `work` runs, and the wall milliseconds. */
export async function measureThreads<Value>(
  threads: readonly Thread[],
  work: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly cpuMs: readonly number[]; readonly wallMs: number }> {
  const before = threads.map(cpuMsOf);
  const started = performance.now();
  const value = await work();
  const wallMs = performance.now() - started;
  return { value, wallMs, cpuMs: threads.map((thread, at) => cpuMsOf(thread) - before[at]) };
}

/** Resident and private memory of processes, in bytes, summed (`Pss` where the kernel tells it, so that shared pages count once). */
export function memoryBytesOf(pids: readonly number[]): number {
  const kib = (pid: number) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return pids.reduce((sum, pid) => sum + kib(pid) * 1024, 0);
}
