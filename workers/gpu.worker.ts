/**
 * Doorway of the GPU worker, one a database, started when an engine first asks for it: opens WebGPU and serves each engine's
 * port. Every message brings one port, and the request that was the reason to start.
 */
import { get, set } from 'idb-keyval';
import { silentLogger, systemClock } from '../src/core/clock.ts';
import { serveGpu } from '../src/gpu/gpu-port.ts';
import type { GpuIntroduction } from '../src/gpu/gpu-worker-starter.ts';
import { LocalGpu } from '../src/gpu/local-gpu.ts';

const MEMORY_BYTES_MAX = 2 ** 30;
let backend: LocalGpu | null = null;

self.onmessage = ({ data: { mode, port, first } }: MessageEvent<GpuIntroduction>): void => {
  backend ??= new LocalGpu({
    gpu: navigator.gpu ?? null,
    mode,
    memoryBytesMax: MEMORY_BYTES_MAX,
    clock: systemClock,
    logger: silentLogger,
    store: { get: (key) => get(key), set: (key, value) => set(key, value) },
  });
  serveGpu(port, backend, first);
};
