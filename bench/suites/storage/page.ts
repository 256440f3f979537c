/** The bench's page: one worker an engine, asked step by step. */
import type { ProbeResult } from './probe.worker.ts';
import type { EngineName, Step, StepResult } from './subject.worker.ts';

const workers = new Map<EngineName, Worker>();

declare global {
  var storageBench: { step(engine: EngineName, step: Step): Promise<StepResult>; probe(): Promise<ProbeResult[]> };
}

globalThis.storageBench = {
  step(engine, step) {
    let worker = workers.get(engine);
    if (worker === undefined) {
      worker = new Worker(new URL('./subject.worker.ts', import.meta.url), { type: 'module' });
      workers.set(engine, worker);
    }
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<StepResult | { readonly error: string }>) =>
        'error' in data ? reject(new Error(`${engine} ${step.kind}: ${data.error}`)) : resolve(data);
      worker.onerror = (event) => reject(new Error(`${engine}: ${event.message}`));
      worker.postMessage(step);
    });
  },
  probe() {
    const worker = new Worker(new URL('./probe.worker.ts', import.meta.url), { type: 'module' });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<ProbeResult[]>) => resolve(data);
      worker.onerror = (event) => reject(new Error(`probe: ${event.message}`));
      worker.postMessage('start');
    });
  },
};
