/**
 * Why a job did not run on the GPU. Thrown inside `src/gpu` only: the backend turns it into `null`, and the caller lets the
 * CPU answer. It never reaches a user.
 */

/**
 * `lost`: the device went away. `memory`: over the byte budget or out of GPU memory. `limit`: the job exceeds what the device
 * or the kernels take. `kernel`: the kernel did not compile or failed its self-test. `declined`: the planner chose the CPU.
 */
export type GpuUnavailableReason = 'lost' | 'memory' | 'limit' | 'kernel' | 'declined';

export class GpuUnavailable extends Error {
  override readonly name = 'GpuUnavailable';
  readonly reason: GpuUnavailableReason;
  constructor(reason: GpuUnavailableReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
