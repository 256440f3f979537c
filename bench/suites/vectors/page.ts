/** The page of the vectors suite: a worker with the engine, one with browser peers; calls go straight through. */
import { wrap, type Remote } from 'comlink';
import type { MeasuredIndex } from './measured-index.ts';
import type { Peers } from './peers.worker.ts';

const engine: Remote<MeasuredIndex> = wrap<MeasuredIndex>(new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module' }));
/** Started when asked for, so that its thread is told from the engine's. */
const startPeers = (): void => {
  globalThis.peers = wrap<Peers>(new Worker(new URL('./peers.worker.ts', import.meta.url), { type: 'module' }));
};
Object.assign(globalThis, { engine, startPeers });

declare global {
  var engine: Remote<MeasuredIndex>;
  var peers: Remote<Peers>;
  var startPeers: () => void;
}
