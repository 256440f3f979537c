/** The coordinator worker with a GPU worker that fails when it is told to. Imported in this order, and not awaited: no message may be missed. */
import './other-gpu-worker.ts';
import '../coordinator.worker.ts';
