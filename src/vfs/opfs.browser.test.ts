import { afterAll, describe, expect, it } from 'vitest';
import { MIRROR_CASES, VFS_CASES } from './vfs-conformance.ts';

const worker = new Worker(new URL('./conformance.worker.ts', import.meta.url), { type: 'module' });
afterAll(() => worker.terminate());

/** The failure's text, or null. */
const inWorker = (kind: 'vfs' | 'mirror', title: string): Promise<string | null> =>
  new Promise((resolve) => {
    worker.onmessage = (event: MessageEvent<string | null>) => resolve(event.data);
    worker.onerror = (event) => resolve(event.message);
    worker.postMessage({ kind, title });
  });

describe('vfs: OPFS in a dedicated worker', () => {
  for (const { title } of VFS_CASES) it(title, async () => expect(await inWorker('vfs', title)).toBeNull());
});

describe('mirror: IndexedDB', () => {
  for (const { title } of MIRROR_CASES) it(title, async () => expect(await inWorker('mirror', title)).toBeNull());
});
