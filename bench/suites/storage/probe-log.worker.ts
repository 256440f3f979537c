/** The alternative that the probe weighs: a worker that owns the log file, writes and flushes what it is sent, and says so. */
import type { SyncHandle } from '../../../src/vfs/opfs-file.ts';
import { openProbeLog } from './probe-file.ts';

let handle: SyncHandle | null = null;
let at = 0;

onmessage = async ({ data }: MessageEvent<Uint8Array | 'open'>) => {
  if (data === 'open') {
    handle = await openProbeLog('probe-log-worker');
    postMessage('open');
    return;
  }
  handle!.write(data, { at });
  at = (at + data.length) % (2 << 20);
  handle!.flush();
  postMessage('flushed');
};
