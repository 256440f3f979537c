import { afterAll, describe, expect, it } from 'vitest';
import type { DatabaseStep } from './conformance.worker.ts';

const worker = new Worker(new URL('./conformance.worker.ts', import.meta.url), { type: 'module' });
afterAll(() => worker.terminate());

const statusAfter = (name: string, step: DatabaseStep): Promise<string> =>
  new Promise((resolve) => {
    worker.onmessage = (event: MessageEvent<string>) => resolve(event.data);
    worker.postMessage({ kind: 'database', name, step });
  });

describe('the traces of a database in a browser', () => {
  it('say what was lost: nothing, the files, the marker, or all', async () => {
    const name = `Some Database ${Date.now()}`;
    expect(await statusAfter(name, 'look')).toBe('new');
    expect(await statusAfter(name, 'create files')).toBe('present');
    expect(await statusAfter(name, 'write to the mirror')).toBe('present');
    expect(await statusAfter(name, 'delete files')).toBe('mirrored');
    expect(await statusAfter(name, 'create files')).toBe('present');
    expect(await statusAfter(name, 'settle and drop the mirror')).toBe('present');
    expect(await statusAfter(name, 'delete files')).toBe('evicted');
    expect(await statusAfter(name, 'create files')).toBe('present');
    expect(await statusAfter(name, 'destroy')).toBe('new');
    expect(await statusAfter(name, 'destroy')).toBe('new');
  });
});
