/** Runs what needs a dedicated worker for the browser tests beside it: the conformance cases and the steps of a database's life. */
import { systemClock } from '../core/clock.ts';
import { databaseVfs, destroyDatabase, findDatabase, knownDatabases, markOpened, markSettled, statusOf } from './database-files.ts';
import { openIdbMirror } from './mirror-idb.ts';
import { opfsVfs } from './opfs.ts';
import { MIRROR_CASES, VFS_CASES } from './vfs-conformance.ts';

export type DatabaseStep = 'look' | 'create files' | 'write to the mirror' | 'delete files' | 'settle and drop the mirror' | 'destroy';

type Task =
  | { readonly kind: 'vfs' | 'mirror'; readonly title: string }
  | { readonly kind: 'database'; readonly name: string; readonly step: DatabaseStep };

let next = 0;
const unique = (): string => `test-${Date.now()}-${next++}`;
/** Busy files are given up soon, so that the cases about them stay fast. */
const QUICK = { retry: { firstDelayMs: 2, delayMsMax: 20, totalMs: 100 }, callLimitMs: 5000 };

async function take(name: string, step: DatabaseStep): Promise<void> {
  switch (step) {
    case 'look':
      return;
    case 'create files': {
      const file = await databaseVfs(name).directory('host0').open('m0', { create: true });
      file.close();
      await markOpened(name, systemClock);
      if (!(await knownDatabases()).includes(name)) throw new Error('the marker is not listed');
      return;
    }
    case 'write to the mirror': {
      const mirror = await openIdbMirror(name, 'host0');
      await mirror.append('log', [new Uint8Array([1])]);
      mirror.close();
      return;
    }
    case 'delete files':
      return databaseVfs(name).destroy();
    case 'settle and drop the mirror': {
      await markSettled(name, systemClock);
      const mirror = await openIdbMirror(name, 'host0');
      await mirror.clear();
      mirror.close();
      return;
    }
    case 'destroy':
      return destroyDatabase(name);
  }
}

async function run(task: Task): Promise<string | null> {
  if (task.kind === 'database') {
    await take(task.name, task.step);
    return statusOf(await findDatabase(task.name));
  }
  if (task.kind === 'vfs') await VFS_CASES.find((c) => c.title === task.title)?.run(async () => opfsVfs(['conformance', unique()], QUICK));
  else await MIRROR_CASES.find((c) => c.title === task.title)?.run(() => openIdbMirror(unique(), 'worker0'));
  return null;
}

self.onmessage = (event: MessageEvent<Task>) => {
  run(event.data).then(
    (result) => self.postMessage(result),
    (thrown: unknown) => self.postMessage(thrown instanceof Error ? `${thrown.message}\n${thrown.stack}` : String(thrown)),
  );
};
