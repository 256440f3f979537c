/** Doorway of an engine worker: hosts shards of one database, in a directory of their own. */
import { expose } from 'comlink';
import { EngineWorker } from '../src/coordinator/engine-worker.ts';

expose(new EngineWorker({ locks: navigator.locks, end: () => close() }));
