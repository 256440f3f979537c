/** The bench's page: workers by number, asked step by step. */
import type { Step, StepResult } from './subject.worker.ts';

const workers = new Map<number, Worker>();

declare global {
  var textBench: { start(worker: number): void; step(worker: number, step: Step): Promise<StepResult>; end(worker: number): void };
}

globalThis.textBench = {
  start(number) {
    workers.set(number, new Worker(new URL('./subject.worker.ts', import.meta.url), { type: 'module' }));
  },
  step(number, step) {
    const worker = workers.get(number)!;
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<StepResult | { readonly error: string }>) =>
        'error' in data ? reject(new Error(`${step.kind}: ${data.error}`)) : resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(step);
    });
  },
  end(number) {
    workers.get(number)!.terminate();
    workers.delete(number);
  },
};
