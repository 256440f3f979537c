/** The two manifest files: reading both at open, writing the older one at each edit. */
import { HeddleError } from '../core/errors.ts';
import type { VfsFile } from '../vfs/vfs.ts';
import { type Manifest, decodeManifest, encodeManifest } from './manifest.ts';

export type SlotState = { readonly kind: 'valid'; readonly manifest: Manifest } | { readonly kind: 'blank' } | { readonly kind: 'damaged' };

/** Reads one manifest file. `Unsupported` when a newer build wrote it. */
export function readSlot(file: VfsFile): SlotState {
  const bytes = new Uint8Array(file.size());
  const got = bytes.length === 0 ? 0 : file.read(bytes, 0);
  const manifest = decodeManifest(bytes.subarray(0, got));
  if (manifest !== null) return { kind: 'valid', manifest };
  return bytes.every((byte) => byte === 0) ? { kind: 'blank' } : { kind: 'damaged' };
}

/** Writes a generation into its file and makes it durable. `StorageFull` comes before anything is written. */
export function writeSlot(files: readonly VfsFile[], manifest: Manifest): void {
  const bytes = encodeManifest(manifest);
  const file = files[manifest.generation % files.length];
  if (bytes.length > file.size()) growFile(file, Math.max(bytes.length, file.size() * 2), bytes.length);
  file.write(bytes, 0);
  file.flush();
}

function growFile(file: VfsFile, wished: number, needed: number): void {
  try {
    file.truncate(wished);
  } catch (error) {
    if (HeddleError.from(error).code !== 'StorageFull' || wished === needed) throw error;
    file.truncate(needed);
  }
}
