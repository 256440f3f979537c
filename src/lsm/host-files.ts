/**
 * The files of one host: `m0`, `m1` (manifest), `l0`… (log), `d0`… (data). Made once, when the database is made; opened
 * together; never renamed or deleted afterwards.
 */
import { HeddleError } from '../core/errors.ts';
import type { Vfs, VfsFile } from '../vfs/vfs.ts';
import type { StorageLimits } from './storage-limits.ts';

export interface HostFiles {
  readonly manifests: readonly VfsFile[];
  readonly logs: readonly VfsFile[];
  readonly data: readonly VfsFile[];
}

export const MANIFEST_NAMES: readonly string[] = ['m0', 'm1'];

const namesOf = (letter: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${letter}${index}`);

/** Opens files together; closes what it got when one fails. */
export async function openAll(vfs: Vfs, names: readonly string[], create: boolean): Promise<VfsFile[]> {
  const results = await Promise.allSettled(names.map((name) => vfs.open(name, { create })));
  const failed = results.find((result) => result.status === 'rejected');
  const files = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (failed === undefined) return files;
  for (const file of files) file.close();
  throw HeddleError.from(failed.reason);
}

/** Opens what there is of a host's files, in one go: round trips to the browser's process are what opening costs. */
export async function openExisting(vfs: Vfs, names: ReadonlySet<string>): Promise<ReadonlyMap<string, VfsFile>> {
  const ours = [...names].filter((name) => /^[mld]\d+$/.test(name));
  const files = await openAll(vfs, ours, false);
  return new Map(ours.map((name, index) => [name, files[index]]));
}

/** The host's files among those that were opened; closes others. `NotFound` when one is missing. */
export function pickFiles(opened: ReadonlyMap<string, VfsFile>, logs: number, data: number): HostFiles {
  const pick = (names: readonly string[]): VfsFile[] =>
    names.map((name) => {
      const file = opened.get(name);
      if (file === undefined) throw new HeddleError('NotFound', `file ${name} does not exist`, { details: { name } });
      return file;
    });
  const files = { manifests: pick(MANIFEST_NAMES), logs: pick(namesOf('l', logs)), data: pick(namesOf('d', data)) };
  const kept = new Set([...files.manifests, ...files.logs, ...files.data]);
  for (const file of opened.values()) if (!kept.has(file)) file.close();
  return files;
}

/** Makes every file, log and reserve written with zeros; what an interrupted creation left is overwritten. */
export async function createFiles(vfs: Vfs, limits: StorageLimits): Promise<HostFiles> {
  const names = [...namesOf('l', limits.logFiles), ...namesOf('d', limits.dataFiles), ...MANIFEST_NAMES];
  const files = await openAll(vfs, names, true);
  try {
    const logs = files.slice(0, limits.logFiles);
    const data = files.slice(limits.logFiles, limits.logFiles + limits.dataFiles);
    const manifests = files.slice(limits.logFiles + limits.dataFiles);
    for (const file of files) file.truncate(0);
    for (const file of logs) writeZeros(file, limits.logFileBytes);
    writeZeros(data[data.length - 1], Math.floor(limits.reserveBytes / limits.extentBytes) * limits.extentBytes);
    for (const file of manifests) writeZeros(file, limits.manifestBytes);
    for (const file of files) file.flush();
    return { manifests, logs, data };
  } catch (error) {
    for (const file of files) file.close();
    throw HeddleError.from(error);
  }
}

export function closeFiles(files: HostFiles): void {
  for (const file of [...files.manifests, ...files.logs, ...files.data]) file.close();
}

/** Really written, not only extended: overwriting written blocks later needs no metadata and flushes 14 times faster. */
function writeZeros(file: VfsFile, bytes: number): void {
  const zeros = new Uint8Array(Math.min(bytes, 1 << 20));
  for (let at = 0; at < bytes; at += zeros.length) file.write(zeros.subarray(0, Math.min(zeros.length, bytes - at)), at);
}

/** The same files, of which no byte can be changed. */
export function readOnlyFiles({ manifests, logs, data }: HostFiles): HostFiles {
  const all = (files: readonly VfsFile[]): VfsFile[] => files.map(readOnly);
  return { manifests: all(manifests), logs: all(logs), data: all(data) };
}

function readOnly(file: VfsFile): VfsFile {
  const refuse = (): never => {
    throw readOnlyError(`file ${file.name}`);
  };
  return {
    name: file.name,
    read: (into, at) => file.read(into, at),
    size: () => file.size(),
    close: () => file.close(),
    flush: () => undefined,
    write: refuse,
    truncate: refuse,
  };
}

export const readOnlyError = (what: string): HeddleError =>
  new HeddleError('StorageUnavailable', `${what} can't be written: the database was opened to salvage it`, {
    hint: 'Restore what `db.salvage()` gives into a new database.',
  });
