/**
 * Dispatches that are submitted together: parameters of all of them go into one uniform buffer, written once.
 *
 * A batch borrows buffers for its life (`scratch`, `upload`) and gives them back in `end`, whatever happened. It submits by
 * itself when its parameter slots are used up, and `flush` submits earlier (long work is cut so that a display driver's
 * watchdog, about two seconds, never sees it as hung).
 */
import type { GpuDevice } from './gpu-device.ts';
import { TIMER_BYTES } from './pass-timer.ts';

const SLOT_BYTES = 256;
const SLOTS = 64;
/** Groups of a dispatch side by side: far below the 65,535 that a device must take. */
const GRID_X = 1024;

/** Buffers by binding number; a hole is a binding that the kernel does not declare. */
export type Bindings = Readonly<Record<number, GPUBuffer>>;

export class CommandBatch {
  private readonly gpu: GpuDevice;
  private readonly params: GPUBuffer;
  private readonly values = new Uint32Array((SLOTS * SLOT_BYTES) / 4);
  private readonly borrowed: GPUBuffer[] = [];
  private encoder: GPUCommandEncoder | null = null;
  private slot = 0;
  /** A pass was marked for the timer, and not read yet. */
  private isTimed = false;

  constructor(gpu: GpuDevice) {
    this.gpu = gpu;
    this.params = gpu.pool.take('uniform', SLOTS * SLOT_BYTES);
  }

  /** A storage buffer until `end`; its contents are undefined. */
  scratch(bytes: number): GPUBuffer {
    const buffer = this.gpu.pool.take('storage', Math.max(16, bytes));
    this.borrowed.push(buffer);
    return buffer;
  }

  /** A storage buffer until `end` with these contents. */
  upload(contents: ArrayBufferView<ArrayBuffer>): GPUBuffer {
    const buffer = this.scratch(contents.byteLength);
    if (contents.byteLength > 0) this.gpu.device.queue.writeBuffer(buffer, 0, contents.buffer, contents.byteOffset, contents.byteLength);
    return buffer;
  }

  /** Adds one dispatch; `params` are unsigned integers in the order of the kernel's uniform block. */
  dispatch(pipeline: GPUComputePipeline, bindings: Bindings, params: readonly number[], x: number, y = 1): void {
    if (x === 0 || y === 0) return;
    if (this.slot === SLOTS) this.flush();
    const offset = this.slot++ * SLOT_BYTES;
    this.values.set(params, offset / 4);
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: this.params, offset, size: SLOT_BYTES } }];
    for (const [binding, buffer] of Object.entries(bindings)) entries.push({ binding: Number(binding), resource: { buffer } });
    this.encoder ??= this.gpu.device.createCommandEncoder();
    const timestampWrites = this.gpu.timer?.writes(!this.isTimed);
    this.isTimed = this.gpu.timer !== null;
    const pass = this.encoder.beginComputePass(timestampWrites && { timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.gpu.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(x, y);
    pass.end();
  }

  /** One dispatch of any number of groups, laid out in rows of `gridX`, which `params` is told. */
  dispatchAll(pipeline: GPUComputePipeline, bindings: Bindings, params: (gridX: number) => readonly number[], groups: number): void {
    const gridX = Math.min(groups, GRID_X);
    if (groups > 0) this.dispatch(pipeline, bindings, params(gridX), gridX, Math.ceil(groups / gridX));
  }

  copy(source: GPUBuffer, sourceAt: number, target: GPUBuffer, targetAt: number, bytes: number): void {
    this.encoder ??= this.gpu.device.createCommandEncoder();
    this.encoder.copyBufferToBuffer(source, sourceAt, target, targetAt, bytes);
  }

  /** Submits what was added so far. */
  flush(): void {
    if (!this.encoder) return;
    const { queue } = this.gpu.device;
    if (this.slot > 0) queue.writeBuffer(this.params, 0, this.values.buffer, 0, this.slot * SLOT_BYTES);
    queue.submit([this.encoder.finish()]);
    this.encoder = null;
    this.slot = 0;
  }

  /** Submits, waits and copies the first `bytes` of each buffer out. */
  async read(...buffers: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[]): Promise<ArrayBuffer[]> {
    const timer = this.isTimed ? this.gpu.timer : null;
    this.isTimed = false;
    if (timer) timer.resolve((this.encoder ??= this.gpu.device.createCommandEncoder()));
    const contents = await this.readAll([...buffers, ...(timer ? [{ buffer: timer.resolved, bytes: TIMER_BYTES }] : [])]);
    if (timer) timer.add(contents.pop()!);
    return contents;
  }

  private async readAll(wanted: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[]): Promise<ArrayBuffer[]> {
    const staged = wanted.map(({ buffer, bytes }) => {
      const staging = this.gpu.pool.take('read', bytes);
      this.copy(buffer, 0, staging, 0, Math.ceil(bytes / 4) * 4);
      return staging;
    });
    this.flush();
    const mapped = Promise.all(staged.map((staging) => staging.mapAsync(1)));
    await this.gpu.wait(mapped);
    return staged.map((staging, i) => {
      const contents = staging.getMappedRange(0, Math.ceil(wanted[i].bytes / 8) * 8).slice(0, wanted[i].bytes);
      staging.unmap();
      this.gpu.pool.give(staging);
      return contents;
    });
  }

  /** Submits, then gives all borrowed buffers back. */
  end(): void {
    if (!this.gpu.isLost) this.flush();
    for (const buffer of this.borrowed.splice(0)) this.gpu.pool.give(buffer);
    this.gpu.pool.give(this.params);
  }
}

/** Runs `work` with a batch that ends with it. */
export async function withBatch<T>(gpu: GpuDevice, work: (batch: CommandBatch) => Promise<T>): Promise<T> {
  const batch = new CommandBatch(gpu);
  try {
    return await work(batch);
  } finally {
    batch.end();
  }
}
