/**
 * GPU buffers under one byte budget, kept for reuse.
 *
 * - `take` hands out a buffer of at least the bytes asked for; `give` takes it back. A buffer that was given back may be handed
 *   out at once: the queue runs commands in order, so what was submitted before still sees the old contents.
 * - Sizes are rounded up to a quarter of a power of two, so that reuse is likely and at most a quarter is wasted.
 * - Over the budget, idle buffers are destroyed, oldest first; if that is not enough, `take` throws `GpuUnavailable`.
 */
import { GpuUnavailable } from './gpu-unavailable.ts';

/** `storage`: kernels and copies both ways. `uniform`: parameters. `read`: mapped to read results. */
export type BufferKind = 'storage' | 'uniform' | 'read';

/** GPUBufferUsage flags as numbers, since the constants are missing where WebGPU is (and in Node). */
const USAGE: Record<BufferKind, number> = { storage: 0x80 | 0x8 | 0x4, uniform: 0x40 | 0x8, read: 0x1 | 0x8 };

export class BufferPool {
  readonly bytesMax: number;
  private readonly device: GPUDevice;
  private readonly idle: { kind: BufferKind; buffer: GPUBuffer }[] = [];
  private readonly kinds = new Map<GPUBuffer, BufferKind>();
  /** Bytes of all buffers, idle ones included. */
  bytes = 0;

  constructor(device: GPUDevice, bytesMax: number) {
    this.device = device;
    this.bytesMax = bytesMax;
  }

  take(kind: BufferKind, bytes: number): GPUBuffer {
    const size = roundUp(bytes);
    const at = this.idle.findIndex((entry) => entry.kind === kind && entry.buffer.size >= size && entry.buffer.size <= size * 2);
    if (at >= 0) return this.idle.splice(at, 1)[0].buffer;
    while (this.bytes + size > this.bytesMax && this.idle.length > 0) this.destroy(this.idle.shift()!.buffer);
    if (this.bytes + size > this.bytesMax)
      throw new GpuUnavailable('memory', `${size} more bytes pass the GPU budget of ${this.bytesMax} (${this.bytes} in use)`);
    if (size > this.device.limits.maxBufferSize)
      throw new GpuUnavailable('limit', `a buffer of ${size} bytes passes the device's limit of ${this.device.limits.maxBufferSize}`);
    const buffer = this.device.createBuffer({ size, usage: USAGE[kind] });
    this.kinds.set(buffer, kind);
    this.bytes += size;
    return buffer;
  }

  give(buffer: GPUBuffer): void {
    const kind = this.kinds.get(buffer);
    if (kind) this.idle.push({ kind, buffer });
  }

  /** Gives a buffer's memory back to the system. */
  destroy(buffer: GPUBuffer): void {
    if (!this.kinds.delete(buffer)) return;
    this.bytes -= buffer.size;
    buffer.destroy();
  }

  /** Destroys every idle buffer. */
  trim(): void {
    for (const { buffer } of this.idle.splice(0)) this.destroy(buffer);
  }
}

function roundUp(bytes: number): number {
  const least = Math.max(256, bytes);
  const quarter = 2 ** Math.max(6, Math.floor(Math.log2(least)) - 2);
  return Math.ceil(least / quarter) * quarter;
}
