/** Doorway of the coordinator worker: a candidate for owning the database, and once it holds the lock, the owner. */
import { expose } from 'comlink';
import { openInWorkers } from '../src/coordinator/open-in-workers.ts';
import { Owner } from '../src/coordinator/owner.ts';
import { channelName } from '../src/protocol/owner-api.ts';

const { locks, hardwareConcurrency } = navigator;
const spawnEngine = (): Worker => new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module', name: 'heddle engine' });

expose(
  new Owner({
    locks,
    open: (options) => openInWorkers(options, { locks, cores: hardwareConcurrency, spawnEngine }),
    broadcast: (name) => new BroadcastChannel(channelName(name)),
    end: () => close(),
  }),
);
