/**
 * One WebGPU device, opened with the limits and features that the kernels can use.
 *
 * - Jobs run one at a time (`exclusive`): error scopes are a stack of the device's, and two jobs would share one memory budget.
 * - Out of memory, a validation error or a lost device ends the job with `GpuUnavailable`; the device itself stays usable
 *   unless it was lost.
 * - A pipeline is compiled once and kept; a kernel that failed its self-test is refused by name.
 *
 * Callers: `gpu-backend.ts`, in the GPU worker or, in Node, in the engine's own thread. Source: W3C WebGPU, sections 4 and 22.
 */
import { BufferPool } from './buffer-pool.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { PassTimer } from './pass-timer.ts';

/** What is known of the adapter; plain data, part of `db.gpu`. */
export interface GpuAdapterFacts {
  readonly description: string;
  /** Runs on the CPU; the planner never sends work to it by itself. */
  readonly isSoftware: boolean;
  readonly packedDot: boolean;
  /** It can tell what passes take on the GPU itself. */
  readonly timestamps: boolean;
  readonly bindingBytesMax: number;
  readonly workgroupBytes: number;
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;
/** Limits raised to what the adapter has; every other one stays at WebGPU's default, which the kernels keep to. */
const RAISED = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize'] as const;

const TIMESTAMPS = 'timestamp-query';

export interface OpenGpuOptions {
  readonly gpu: GPU;
  /** Bytes of GPU memory that all buffers together may take. */
  readonly memoryBytesMax: number;
}

export class GpuDevice {
  readonly device: GPUDevice;
  readonly facts: GpuAdapterFacts;
  readonly pool: BufferPool;
  /** Null where the adapter has no timestamps. */
  readonly timer: PassTimer | null;
  isLost = false;
  /** Rejects when the device is lost; raced against every wait. */
  private readonly lost: Promise<never>;
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly refused = new Set<string>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(device: GPUDevice, facts: GpuAdapterFacts, memoryBytesMax: number) {
    this.device = device;
    this.facts = facts;
    this.pool = new BufferPool(device, memoryBytesMax);
    this.timer = facts.timestamps ? new PassTimer(device) : null;
    this.lost = device.lost.then((reason) => {
      this.isLost = true;
      throw new GpuUnavailable('lost', `the GPU device was lost (${reason.reason}): ${reason.message}`);
    });
    this.lost.catch(() => undefined);
  }

  /** Calls back once when the device is lost. */
  onLost(callback: (message: string) => void): void {
    this.lost.catch((error: unknown) => callback((error as GpuUnavailable).message));
  }

  /** Runs a job alone on the device; whatever goes wrong on the GPU becomes a `GpuUnavailable`. */
  exclusive<T>(job: () => Promise<T>): Promise<T> {
    const run = this.last.then(() => this.guarded(job));
    this.last = run.catch(() => undefined);
    return run;
  }

  private async guarded<T>(job: () => Promise<T>): Promise<T> {
    if (this.isLost) throw new GpuUnavailable('lost', 'the GPU device is lost');
    this.device.pushErrorScope('validation');
    this.device.pushErrorScope('out-of-memory');
    const outcome = await Promise.race([job(), this.lost]).then(
      (value) => ({ value, thrown: undefined as unknown }),
      (thrown: unknown) => ({ value: undefined as T, thrown: thrown ?? new Error('job failed') }),
    );
    const memory = await this.popScope();
    const invalid = await this.popScope();
    if (this.isLost) throw new GpuUnavailable('lost', 'the GPU device was lost during a job', outcome.thrown);
    if (memory) throw new GpuUnavailable('memory', `out of GPU memory: ${memory.message}`);
    if (invalid) throw new GpuUnavailable('kernel', `the GPU refused a command: ${invalid.message}`);
    if (outcome.thrown instanceof GpuUnavailable) throw outcome.thrown;
    if (outcome.thrown !== undefined) throw new GpuUnavailable('kernel', `GPU job failed: ${String(outcome.thrown)}`, outcome.thrown);
    return outcome.value;
  }

  private async popScope(): Promise<GPUError | null> {
    try {
      return await this.device.popErrorScope();
    } catch {
      return null; // a lost device has no scopes left; `isLost` says the rest
    }
  }

  /** The pipeline `name`, compiled from `wgsl()` the first time. */
  pipeline(name: string, wgsl: () => string): Promise<GPUComputePipeline> {
    if (this.refused.has(name)) return Promise.reject(new GpuUnavailable('kernel', `kernel ${name} failed its self-test`));
    const known = this.pipelines.get(name);
    if (known) return known;
    const module = this.device.createShaderModule({ label: name, code: wgsl() });
    const compiled = this.device
      .createComputePipelineAsync({ label: name, layout: 'auto', compute: { module, entryPoint: 'main' } })
      .catch(async (error: unknown) => {
        const notes = (await module.getCompilationInfo()).messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join('; ');
        throw new GpuUnavailable('kernel', `kernel ${name} did not compile: ${notes || String(error)}`, error);
      });
    this.pipelines.set(name, compiled);
    return compiled;
  }

  /** Never runs kernels of this name again. */
  refuse(name: string): void {
    this.refused.add(name);
  }

  /** Names of the pipelines compiled so far. */
  get compiled(): readonly string[] {
    return [...this.pipelines.keys()];
  }

  /** Waits for the GPU, or for its loss. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.lost]);
  }

  destroy(): void {
    this.device.destroy();
  }
}

/** What the adapter is and can do. */
export function adapterFacts(adapter: GPUAdapter, languageFeatures: WGSLLanguageFeatures | undefined): GpuAdapterFacts {
  const { vendor, architecture, device, description } = adapter.info;
  const name = [vendor, architecture, device, description].filter((part) => part !== '').join(' ');
  return {
    description: name === '' ? 'unknown adapter' : name,
    isSoftware: adapter.info.isFallbackAdapter === true || SOFTWARE.test(name),
    packedDot: languageFeatures?.has('packed_4x8_integer_dot_product') ?? false,
    timestamps: adapter.features.has(TIMESTAMPS),
    bindingBytesMax: Math.min(adapter.limits.maxStorageBufferBindingSize, adapter.limits.maxBufferSize),
    workgroupBytes: adapter.limits.maxComputeWorkgroupStorageSize,
  };
}

/** Opens a device, or null where there is no adapter. */
export async function openGpuDevice({ gpu, memoryBytesMax }: OpenGpuOptions): Promise<GpuDevice | null> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const facts = adapterFacts(adapter, gpu.wgslLanguageFeatures);
  const requiredLimits: Record<string, number> = {};
  for (const limit of RAISED) requiredLimits[limit] = adapter.limits[limit];
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures: facts.timestamps ? [TIMESTAMPS] : [] });
  return new GpuDevice(device, facts, memoryBytesMax);
}
