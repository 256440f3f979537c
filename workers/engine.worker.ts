/** Doorway of an engine worker: hosts shards of one database, in a directory of their own. */
import { EngineWorker, serveEngine } from '../src/coordinator/engine-worker.ts';
import type { FramePort } from '../src/protocol/frames.ts';

serveEngine(self as unknown as FramePort, new EngineWorker({ locks: navigator.locks, end: () => close() }));
