/**
 * Decides whether a job goes to the GPU: only when it is expected to be at least `WIN` times as fast as the CPU, since the
 * estimate is rough and the CPU's answer is the one that has always been right. Pure; the numbers come from `calibration.ts`
 * and from the caller, who knows what the CPU would take.
 */
import type { RowType } from '../kernels/gpu/row-format.ts';

/** `auto`: by measured cost. `force`: whenever the GPU can. `forbid`: never, and no adapter is asked for. */
export type GpuMode = 'auto' | 'force' | 'forbid';

/** How many times faster the GPU must be expected to be. */
export const WIN = 1.5;

/** What this device was measured to do. */
export interface GpuCosts {
  /** From submitting the smallest job to having its result. */
  readonly roundTripMs: number;
  readonly uploadBytesPerMs: number;
  /** Terms of exact scans (one dimension of one row for one query) by row type. */
  readonly scanTermsPerMs: Readonly<Record<RowType, number>>;
  /** Terms of graph walks: random rows, so fewer. */
  readonly walkTermsPerMs: number;
}

/** The size of a job, in the units of the costs. */
export interface GpuJobSize {
  readonly kind: 'scan' | 'walk' | 'build';
  readonly rowType: RowType;
  /** Queries × rows (or distances expected of a walk) × dimensions. */
  readonly terms: number;
  /** Bytes that are not on the GPU yet, queries included. */
  readonly uploadBytes: number;
  /** What the CPU is expected to take. */
  readonly cpuMs: number;
}

export interface GpuPlan {
  readonly useGpu: boolean;
  /** Expected, or null where nothing was measured. */
  readonly gpuMs: number | null;
  readonly cpuMs: number;
  /** For `explain`. */
  readonly reason: string;
}

/** `costs` null: not measured, as on a software adapter. */
export function planGpu(mode: GpuMode, isSoftware: boolean, costs: GpuCosts | null, job: GpuJobSize): GpuPlan {
  const gpuMs = costs && expectedMs(costs, job);
  const { cpuMs } = job;
  if (mode === 'forbid') return { useGpu: false, gpuMs, cpuMs, reason: 'the GPU is forbidden' };
  if (mode === 'force') return { useGpu: true, gpuMs, cpuMs, reason: 'the GPU is forced' };
  if (isSoftware) return { useGpu: false, gpuMs, cpuMs, reason: 'the adapter is a software one' };
  if (gpuMs === null) return { useGpu: false, gpuMs, cpuMs, reason: 'the GPU was not measured yet' };
  const useGpu = cpuMs >= WIN * gpuMs;
  const times = (cpuMs / gpuMs).toFixed(2);
  return { useGpu, gpuMs, cpuMs, reason: `expected ${times} times as fast as the CPU, ${useGpu ? 'at least' : 'less than'} ${WIN}` };
}

export function expectedMs(costs: GpuCosts, job: GpuJobSize): number {
  const rate = job.kind === 'walk' ? costs.walkTermsPerMs : costs.scanTermsPerMs[job.rowType];
  return costs.roundTripMs + job.uploadBytes / costs.uploadBytesPerMs + job.terms / rate;
}

/** What a job took: until its answer was there, and (where that can be told) on the GPU itself. */
export interface GpuTook {
  readonly ms: number;
  /** Null: not known. */
  readonly workMs: number | null;
}

/** Below this a browser's timestamps tell nothing. */
const WORK_MS_MIN = 0.5;

/** Costs after a job: a running mean, so that a device that slows down (heat, battery) is noticed. */
export function refit(costs: GpuCosts, job: GpuJobSize, took: GpuTook): GpuCosts {
  const aroundMs = took.ms - job.uploadBytes / costs.uploadBytesPerMs;
  if (took.workMs === null) {
    // Then only a job that is more than a round trip tells of the work.
    const workMs = aroundMs - costs.roundTripMs;
    return workMs < costs.roundTripMs ? costs : refitRate(costs, job, workMs);
  }
  const tripMs = aroundMs - took.workMs;
  const fitted = tripMs > 0 ? { ...costs, roundTripMs: mixed(costs.roundTripMs, tripMs) } : costs;
  return took.workMs < WORK_MS_MIN ? fitted : refitRate(fitted, job, took.workMs);
}

function refitRate(costs: GpuCosts, job: GpuJobSize, workMs: number): GpuCosts {
  if (job.terms === 0) return costs;
  const rate = job.terms / workMs;
  if (job.kind === 'walk') return { ...costs, walkTermsPerMs: mixed(costs.walkTermsPerMs, rate) };
  const { scanTermsPerMs } = costs;
  return { ...costs, scanTermsPerMs: { ...scanTermsPerMs, [job.rowType]: mixed(scanTermsPerMs[job.rowType], rate) } };
}

const mixed = (old: number, fresh: number): number => old + (fresh - old) / 8;
