/**
 * Doorway of the GPU worker, one a database, started when it is first useful: opens WebGPU and serves each port that it is
 * sent. First message: `{ mode, memoryBytesMax, ports }`; later ones: `{ ports }`.
 */
import { get, set } from 'idb-keyval';
import { silentLogger, systemClock } from '../src/core/clock.ts';
import type { GpuMode } from '../src/gpu/gpu-planner.ts';
import { serveGpu } from '../src/gpu/gpu-port.ts';
import { LocalGpu } from '../src/gpu/local-gpu.ts';

interface Message {
  readonly mode?: GpuMode;
  readonly memoryBytesMax?: number;
  readonly ports: readonly MessagePort[];
}

const MEMORY_BYTES_MAX = 2 ** 30;
let backend: LocalGpu | null = null;

self.onmessage = ({ data }: MessageEvent<Message>): void => {
  backend ??= new LocalGpu({
    gpu: navigator.gpu ?? null,
    mode: data.mode ?? 'auto',
    memoryBytesMax: data.memoryBytesMax ?? MEMORY_BYTES_MAX,
    clock: systemClock,
    logger: silentLogger,
    store: { get: (key) => get(key), set: (key, value) => set(key, value) },
  });
  for (const port of data.ports) serveGpu(port, backend);
};
