import { describe, expect, it } from 'vitest';
import { OpfsFile } from './opfs-file.ts';
import type { SyncHandle } from './opfs-file.ts';
import { FileContent } from './file-content.ts';

/** A handle that writes at most `writeBytesMax` at a time, and throws what `fail` gives. */
function handleOf(options: {
  writeBytesMax?: number;
  fail?: (call: string) => Error | null;
}): SyncHandle & { readonly content: FileContent } {
  const content = new FileContent();
  const check = (call: string): void => {
    const error = options.fail?.(call) ?? null;
    if (error !== null) throw error;
  };
  return {
    content,
    read: (into, { at }) => content.read(into, at),
    write: (bytes, { at }) => {
      check('write');
      const part = bytes.subarray(0, options.writeBytesMax ?? bytes.length);
      content.write(part, at);
      return part.length;
    },
    flush: () => check('flush'),
    truncate: (sizeBytes) => {
      check('truncate');
      content.truncate(sizeBytes);
    },
    getSize: () => content.sizeBytes,
    close: () => undefined,
  };
}

const named = (name: string): Error => Object.assign(new Error('simulated'), { name });

describe('an OPFS file', () => {
  it('goes on after a short write until all bytes are written', () => {
    const handle = handleOf({ writeBytesMax: 3 });
    const file = new OpfsFile('f', handle);
    file.write(new Uint8Array([1, 2, 3, 4, 5, 6, 7]), 2);
    const all = new Uint8Array(9);
    expect(handle.content.read(all, 0)).toBe(9);
    expect([...all]).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 7]);
    expect(file.size()).toBe(9);
  });

  it('gives up on a write that makes no progress instead of hanging', () => {
    const file = new OpfsFile('f', handleOf({ writeBytesMax: 0 }));
    expect(() => file.write(new Uint8Array(3), 0)).toThrow(expect.objectContaining({ code: 'StorageUnavailable' }));
  });

  it('says StorageFull with the bytes wanted when the quota is met, and knows its true length afterwards', () => {
    let calls = 0;
    const handle = handleOf({ writeBytesMax: 4, fail: (call) => (call === 'write' && ++calls === 2 ? named('QuotaExceededError') : null) });
    const file = new OpfsFile('f', handle);
    expect(() => file.write(new Uint8Array(10), 0)).toThrow(
      expect.objectContaining({ code: 'StorageFull', details: { reason: 'QuotaExceededError', bytesWanted: 6 } }),
    );
    expect(file.size()).toBe(4);
  });

  it('types every other failure, and swallows none', () => {
    for (const call of ['write', 'flush', 'truncate'] as const) {
      const file = new OpfsFile('f', handleOf({ fail: (now) => (now === call ? named('InvalidStateError') : null) }));
      const act = { write: () => file.write(new Uint8Array(1), 0), flush: () => file.flush(), truncate: () => file.truncate(1) }[call];
      expect(act).toThrow(expect.objectContaining({ code: 'StorageUnavailable' }));
      expect(file.size()).toBe(0);
    }
  });
});
