/**
 * An engine in this very thread: Node without workers, tests, and databases in memory. It can't die by itself; when it is poisoned it
 * is let go and its directory opened anew.
 */
import type { HeddleError } from '../core/errors.ts';
import type { EngineHost } from '../shard/host-api.ts';
import type { EngineProcess } from './engine.ts';

/** `release` lets go of the files at once, without flushing. */
export async function localEngine(open: () => Promise<{ host: EngineHost; release: () => Promise<void> }>): Promise<EngineProcess> {
  const { host, release } = await open();
  return {
    host,
    died: new Promise<HeddleError>(() => undefined),
    ping: () => Promise.resolve(null),
    kill: release,
  };
}
