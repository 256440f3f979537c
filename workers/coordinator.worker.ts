/** Doorway of the coordinator worker: a candidate for owning the database, and once it holds the lock, the owner. */
import { openInWorkers } from '../src/coordinator/open-in-workers.ts';
import { Owner, serveOwner } from '../src/coordinator/owner.ts';
import type { FramePort } from '../src/protocol/frames.ts';
import { channelName } from '../src/protocol/owner-api.ts';

const { locks, hardwareConcurrency } = navigator;
const spawnEngine = (): Worker => new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module', name: 'heddle engine' });
const spawnGpu = (): Worker => new Worker(new URL('./gpu.worker.ts', import.meta.url), { type: 'module', name: 'heddle gpu' });

const owner = new Owner({
  locks,
  open: (options) => openInWorkers(options, { locks, cores: hardwareConcurrency, spawnEngine, spawnGpu }),
  broadcast: (name) => new BroadcastChannel(channelName(name)),
  end: () => close(),
});
serveOwner(self as unknown as FramePort, owner);
