/**
 * When rows go up to the GPU: once the milliseconds that it would have saved so far, had they been there, reach those that the
 * upload takes. (The ski-rental rule: at worst twice the cost of knowing the future.) What is there already costs nothing more.
 */
import type { GpuJobSize, GpuPlan, MissingRows } from './gpu-backend.ts';

export class UploadRule {
  /** By key: milliseconds that the GPU would have saved if the rows had been there. */
  private readonly forgoneMs = new Map<string, number>();

  /** The plan for `job`, by what `plan` says of jobs that have all they need. */
  async plan(plan: (job: GpuJobSize) => Promise<GpuPlan>, job: GpuJobSize, missing?: MissingRows): Promise<GpuPlan> {
    const here = await plan(job);
    if (!here.useGpu || !missing || missing.bytes === 0) return here;
    const now = await plan({ ...job, uploadBytes: job.uploadBytes + missing.bytes });
    if (now.useGpu || here.gpuMs === null || now.gpuMs === null) return now;
    const forgoneMs = (this.forgoneMs.get(missing.key) ?? 0) + Math.max(0, job.cpuMs - here.gpuMs);
    const pays = forgoneMs >= now.gpuMs - here.gpuMs;
    this.forgoneMs.set(missing.key, pays ? 0 : forgoneMs);
    return pays ? { ...now, useGpu: true, reason: 'what uploading costs was forgone by now' } : now;
  }
}
