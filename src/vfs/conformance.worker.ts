/** Runs the conformance cases of OPFS and of the IndexedDB mirror inside a dedicated worker; for `opfs.browser.test.ts`. */
import { openIdbMirror } from './mirror-idb.ts';
import { opfsVfs } from './opfs.ts';
import { MIRROR_CASES, VFS_CASES } from './vfs-conformance.ts';

let next = 0;
const unique = (): string => `test-${Date.now()}-${next++}`;
/** Busy files are given up soon, so that the cases about them stay fast. */
const QUICK = { retry: { firstDelayMs: 2, delayMsMax: 20, totalMs: 100 }, callLimitMs: 5000 };

self.onmessage = async (event: MessageEvent<{ kind: 'vfs' | 'mirror'; title: string }>) => {
  const { kind, title } = event.data;
  try {
    if (kind === 'vfs') await VFS_CASES.find((c) => c.title === title)?.run(async () => opfsVfs(['conformance', unique()], QUICK));
    else await MIRROR_CASES.find((c) => c.title === title)?.run(() => openIdbMirror(unique(), 'worker0'));
    self.postMessage(null);
  } catch (thrown) {
    self.postMessage(thrown instanceof Error ? `${thrown.message}\n${thrown.stack}` : String(thrown));
  }
};
