/**
 * When rows go up to the GPU: once the milliseconds that it would have saved so far, had they been there, reach those that the
 * upload takes. (The ski-rental rule: at worst twice the cost of knowing the future.) What is there already costs nothing more.
 */
import type { GpuBackend, GpuJobSize, GpuPlan } from './gpu-backend.ts';

export class UploadRule {
  private readonly backend: GpuBackend;
  /** Milliseconds that the GPU would have saved if the rows had been there. */
  private forgoneMs = 0;

  constructor(backend: GpuBackend) {
    this.backend = backend;
  }

  /** The plan for `job`, which needs `missingBytes` on the GPU before it can run. */
  async plan(job: GpuJobSize, missingBytes: number): Promise<GpuPlan> {
    const here = await this.backend.plan(job);
    if (!here.useGpu || missingBytes === 0) return here;
    const now = await this.backend.plan({ ...job, uploadBytes: job.uploadBytes + missingBytes });
    if (now.useGpu || here.gpuMs === null || now.gpuMs === null) return now;
    this.forgoneMs += Math.max(0, job.cpuMs - here.gpuMs);
    if (this.forgoneMs < now.gpuMs - here.gpuMs) return now;
    this.forgoneMs = 0;
    return { ...now, useGpu: true, reason: 'what uploading costs was forgone by now' };
  }
}
