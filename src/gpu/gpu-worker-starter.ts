/**
 * Starts the GPU worker of a database when an engine first sends it something, and not before: most databases never do.
 *
 * `port()` gives an engine its end of a channel. The other end waits here; its first message starts the worker (once), to which
 * the end is then handed on with that message. What the engine sends meanwhile waits in the port and travels with it.
 *
 * Callers: the coordinator worker, which owns the GPU worker as it owns the engines.
 */
import type { GpuMode } from './gpu-planner.ts';
import type { GpuRequest } from './gpu-port.ts';

/** What the GPU worker is sent for each engine. */
export interface GpuIntroduction {
  readonly mode: GpuMode;
  readonly port: MessagePort;
  readonly first: readonly GpuRequest[];
}

export class GpuWorkerStarter {
  private readonly mode: GpuMode;
  private readonly spawn: () => Worker;
  private worker: Worker | null = null;

  constructor(mode: GpuMode, spawn: () => Worker) {
    this.mode = mode;
    this.spawn = spawn;
  }

  /** An engine's port to the GPU worker, to be transferred; null when the GPU is forbidden. */
  port(): MessagePort | null {
    if (this.mode === 'forbid') return null;
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = ({ data }: MessageEvent<GpuRequest>): void => {
      port2.onmessage = null;
      this.worker ??= this.spawn();
      this.worker.postMessage({ mode: this.mode, port: port2, first: [data] } satisfies GpuIntroduction, [port2]);
    };
    return port1;
  }
}
