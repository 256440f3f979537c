/**
 * Trains the centroids of a product quantizer: the GPU assigns rows, the CPU moves centroids to their means (a hundredth of
 * the work, and in double precision, so that the result does not depend on the order of additions).
 */
import { kmeansParams, KMEANS_LANES } from '../kernels/gpu/kmeans-assign.ts';
import { moveCentroids, type KmeansShape } from '../kernels/scalar/gpu-kmeans.ts';
import { withBatch } from './command-batch.ts';
import type { GpuDevice } from './gpu-device.ts';
import { kmeansKernel } from './kernels.ts';

export interface KmeansJob extends KmeansShape {
  /** Row-major `[rows × dimensions]`. */
  readonly sample: Float32Array<ArrayBuffer>;
  /** First guess, `[segments × centroids × dimensions / segments]`; becomes the result. */
  readonly start: Float32Array<ArrayBuffer>;
  readonly iterations: number;
}

/** The centroids and the last assignment `[rows × segments]`. */
export async function trainCentroids(
  gpu: GpuDevice,
  job: KmeansJob,
): Promise<{ readonly centroids: Float32Array<ArrayBuffer>; readonly assigned: Uint32Array<ArrayBuffer> }> {
  const kernel = await kmeansKernel(gpu);
  const centroids = job.start.slice();
  let assigned = new Uint32Array(0);
  await withBatch(gpu, async (batch) => {
    const sample = batch.upload(job.sample);
    const onGpu = batch.upload(centroids);
    const out = batch.scratch(job.rows * job.segments * 4);
    const params = kmeansParams({ ...job, width: job.dimensions / job.segments });
    for (let i = 0; i < job.iterations; i++) {
      if (i > 0) moveCentroids(job, job.sample, assigned, centroids);
      gpu.device.queue.writeBuffer(onGpu, 0, centroids);
      batch.dispatch(kernel, { 1: sample, 2: onGpu, 3: out }, params, Math.ceil(job.rows / KMEANS_LANES), job.segments);
      const [bytes] = await batch.read({ buffer: out, bytes: job.rows * job.segments * 4 });
      assigned = new Uint32Array(bytes);
    }
  });
  return { centroids, assigned };
}
