/** The package's entry in Node: the same API, the engine in this thread, over the file system or in memory. */
import { join } from 'node:path';
import { connectOver } from '../src/client/connect-over.ts';
import type { Database } from '../src/client/database.ts';
import type { ConnectOptions } from '../src/client/options.ts';
import { openInProcess } from '../src/coordinator/open-in-process.ts';
import { HeddleError } from '../src/core/errors.ts';
import { localChannel } from '../src/protocol/local-port.ts';
import { memoryVfs } from '../src/vfs/memory.ts';
import { nameOf } from '../src/vfs/names.ts';
import { nodeVfs } from '../src/vfs/node.ts';

export * from '../src/client/api.ts';

/** Opens the database `name`, making it where there is none: in the folder `storage.path`, or in memory. */
export async function connect(name: string, options: ConnectOptions = {}): Promise<Database> {
  const { storage = { path: '.' }, durability, engines } = options;
  if (storage === 'opfs')
    throw new HeddleError('StorageUnavailable', 'Node has no OPFS', { hint: 'Pass storage: { path: "folder" }, or "memory".' });
  const vfs = storage === 'memory' ? memoryVfs() : nodeVfs(join(storage.path, nameOf(name)));
  const coordinator = await openInProcess({ vfs, durability, engines, logger: options.logger && { log: options.logger } });
  const [here, there] = localChannel();
  coordinator.connect(there);
  return connectOver(name, options, (attach) => {
    attach(here);
    return () => coordinator.close();
  });
}
