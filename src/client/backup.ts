/** `db.backup()`, `db.salvage()` and `db.restore()`: the stream of `docs/format/backup.md`, made and read by the owner, carried part by part. */
import type { BackupCursor, BackupPart } from '../protocol/coordinator-api.ts';
import type { Connection } from './connection.ts';
import type { CallSettings } from './types.ts';

export interface BackupSettings extends CallSettings {
  /** Names; all collections when left out. */
  readonly collections?: readonly string[];
  /** `lost`: objects left out because they are damaged; a backup fails at the first, `salvage` goes on. */
  readonly onProgress?: (objects: number, lost: number) => void;
}

export interface RestoreSettings extends CallSettings {
  readonly onProgress?: (objects: number) => void;
}

export interface RestoreResult {
  readonly collections: readonly string[];
  readonly objects: number;
}

/** Bytes sent at a time. */
const FEED_BYTES = 1024 * 1024;

export function backup(
  connection: Connection,
  { collections, signal, timeoutMs, onProgress }: BackupSettings = {},
  salvaging = false,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let cursor: BackupCursor | null = null;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      for (;;) {
        const { bytes, next }: BackupPart = await connection.call('backupPart', [collections ?? null, cursor, salvaging], {
          signal,
          timeoutMs,
        });
        if (bytes.length > 0) controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
        if (next === null) return controller.close();
        onProgress?.(next.objects, next.lost);
        cursor = next;
        if (bytes.length > 0) return;
      }
    },
  });
}

export async function restore(
  connection: Connection,
  source: ReadableStream<Uint8Array> | Blob,
  { signal, timeoutMs, onProgress }: RestoreSettings = {},
): Promise<RestoreResult> {
  const id = await connection.call('restoreBegin', [], { signal, timeoutMs });
  const reader = (source instanceof ReadableStream ? source : source.stream()).getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      for (let at = 0; at < chunk.value.length; at += FEED_BYTES) {
        const bytes = chunk.value.slice(at, at + FEED_BYTES);
        const { objects } = await connection.call('restoreFeed', [id, bytes], { signal, timeoutMs, bytes: bytes.length });
        onProgress?.(objects);
      }
    }
    return await connection.call('restoreFeed', [id, null], { signal, timeoutMs });
  } finally {
    await reader.cancel().catch(() => undefined); // the stream may have ended or failed already
  }
}
