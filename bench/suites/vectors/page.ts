/** The page of the vectors suite: starts the engine's worker and hands its calls through. */
import { wrap, type Remote } from 'comlink';
import type { MeasuredIndex } from './measured-index.ts';

const worker = new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module' });
const engine: Remote<MeasuredIndex> = wrap<MeasuredIndex>(worker);
Object.assign(globalThis, { engine });
