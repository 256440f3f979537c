/** A log file as the engine has them: 4 MiB, really written, flushed once. */
import type { SyncHandle } from '../../../src/vfs/opfs-file.ts';

export async function openProbeLog(name: string): Promise<SyncHandle> {
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle(name, { create: true });
  const handle = await (file as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle();
  handle.write(new Uint8Array(4 << 20), { at: 0 });
  handle.flush();
  return handle;
}
