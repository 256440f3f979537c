/**
 * Which databases exist on this device, where their files are, and whether something took them away.
 *
 * Three stores hold traces of a database, and a browser can lose them apart from each other:
 * - its directory in OPFS (`heddle/<name>`), with one sub-directory for each engine worker;
 * - its creation marker, a small record kept through idb-keyval, which also says whether the files had settled;
 * - its mirror in IndexedDB, only while the files have not settled.
 *
 * Invariants:
 * - Nothing here takes "unreadable" for "absent": an error of the platform is thrown, not read as a first visit.
 * - The marker says "settled" before the mirror is dropped, so files that are gone, with no mirror and an unsettled marker,
 *   held nothing that was acknowledged as `power`.
 */
import { createStore, del, get, keys, set } from 'idb-keyval';
import type { UseStore } from 'idb-keyval';
import type { Clock } from '../core/clock.ts';
import { deleteIdbMirror, idbMirrorExists, openIdbMirror } from './mirror-idb.ts';
import { nameOf } from './names.ts';
import { opfsVfs } from './opfs.ts';
import { typedOpfsError } from './opfs-errors.ts';
import type { Vfs } from './vfs.ts';

const ROOT = 'heddle';

export interface DatabaseMarker {
  readonly createdMs: number;
  /** The files had settled: from then on only eviction or the user can have taken them. */
  readonly settled: boolean;
}

/**
 * - `new`: a first visit.
 * - `present`: the files are there.
 * - `mirrored`: the files are not there but the mirror is: a power cut in the first minute; recover from the mirror.
 * - `evicted`: the files were there, settled, and are gone. Never to be opened as an empty database without saying so.
 */
export type DatabaseStatus = 'new' | 'present' | 'mirrored' | 'evicted';

/** What was found of a database. */
export interface DatabaseTraces {
  readonly files: boolean;
  readonly mirror: boolean;
  readonly marker: DatabaseMarker | null;
}

export function statusOf({ files, mirror, marker }: DatabaseTraces): DatabaseStatus {
  if (files) return 'present';
  if (mirror) return 'mirrored';
  return marker?.settled === true ? 'evicted' : 'new';
}

/** Where markers are kept; made late, because creating it opens IndexedDB. */
let markers: UseStore | null = null;
const markerStore = (): UseStore => (markers ??= createStore('heddle', 'databases'));

async function guarded<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    markers = null; // the connection may be the one that failed
    throw typedOpfsError(thrown, what);
  }
}

/** The directory of the database `name`. */
export const databaseVfs = (name: string): Vfs => opfsVfs([ROOT, nameOf(name)]);

async function hasFiles(vfs: Vfs): Promise<boolean> {
  if ((await vfs.list()).length > 0) return true;
  for (const name of await vfs.directories()) if (await hasFiles(vfs.directory(name))) return true;
  return false;
}

async function hasMirror(name: string): Promise<boolean> {
  if ((await idbMirrorExists(name)) === false) return false;
  const mirror = await openIdbMirror(name, '');
  try {
    return (await mirror.streams()).length > 0;
  } finally {
    mirror.close();
  }
}

/** Looks at all three stores. */
export async function findDatabase(name: string): Promise<DatabaseTraces> {
  const [marker, files, mirror] = await Promise.all([
    guarded(`read the marker of ${JSON.stringify(name)}`, () => get<DatabaseMarker>(name, markerStore())),
    hasFiles(databaseVfs(name)),
    hasMirror(name),
  ]);
  return { files, mirror, marker: marker ?? null };
}

/** Notes that the database exists; to be called once it has been opened. An existing marker keeps its date. */
export async function markOpened(name: string, clock: Clock): Promise<void> {
  await guarded(`write the marker of ${JSON.stringify(name)}`, async () => {
    const known = await get<DatabaseMarker>(name, markerStore());
    if (known === undefined) await set(name, { createdMs: clock.now(), settled: false } satisfies DatabaseMarker, markerStore());
  });
}

/** Notes that every file has settled; to be called before the mirror is dropped. */
export async function markSettled(name: string, clock: Clock): Promise<void> {
  await guarded(`write the marker of ${JSON.stringify(name)}`, async () => {
    const known = await get<DatabaseMarker>(name, markerStore());
    if (known?.settled === true) return;
    await set(name, { createdMs: known?.createdMs ?? clock.now(), settled: true } satisfies DatabaseMarker, markerStore());
  });
}

/** Names of the databases that have a marker, in no order; one whose IndexedDB was lost appears again once opened. */
export const knownDatabases = (): Promise<string[]> => guarded('list the databases', () => keys<string>(markerStore()));

/**
 * Deletes all traces. Whatever moment it is cut short, the database is either still `present` or `new`: the marker stops
 * saying "settled" first, so that missing files don't look evicted, and the mirror goes before the files it could restore.
 */
export async function destroyDatabase(name: string): Promise<void> {
  const what = `delete the marker of ${JSON.stringify(name)}`;
  await guarded(what, async () => {
    const known = await get<DatabaseMarker>(name, markerStore());
    if (known !== undefined) await set(name, { ...known, settled: false } satisfies DatabaseMarker, markerStore());
  });
  await deleteIdbMirror(name);
  await databaseVfs(name).destroy();
  await guarded(what, () => del(name, markerStore()));
}
