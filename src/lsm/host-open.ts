/**
 * Opening a host's storage: finds out what is there, makes what is new, recovers what was left, refuses what is damaged.
 *
 *   nothing there, nothing mirrored      → make it
 *   creation was interrupted             → make it again: nothing had been acknowledged
 *   files missing or behind the mirror   → the first minute ended in a power cut: make it again and take the mirror's records
 *   otherwise                            → newest valid manifest, then the log after it
 */
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import { namesSettle } from '../vfs/settle.ts';
import type { Vfs, VfsFile } from '../vfs/vfs.ts';
import { FirstMinute, type MirrorRecord, readMirror } from './first-minute.ts';
import { catchUp, foldMirror, isBehind } from './mirror-state.ts';
import { type HostFiles, MANIFEST_NAMES, closeFiles, createFiles, openAll, openExisting, pickFiles, readOnlyFiles } from './host-files.ts';
import { FRAME_MAGIC } from './log-frame.ts';
import { logDamage, recoverLog } from './log-recovery.ts';
import { scanLog } from './log-scan.ts';
import { Log } from './log.ts';
import { type SlotState, readSlot, writeSlot } from './manifest-files.ts';
import { MANIFEST_HEADER_BYTES, type Manifest, type ShardManifest } from './manifest.ts';
import type { HostStorageOptions, OpenedHost } from './opened-host.ts';
import { type Extent, Space } from './space.ts';
import { DEFAULT_LIMITS, type StorageLimits } from './storage-limits.ts';

export async function openHost(options: HostStorageOptions): Promise<OpenedHost> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const mirrored = options.mirror === null ? [] : await readMirror(options.mirror);
  const found = await findManifests(options, mirrored);
  if (found === null) return makeHost(options, limits, mirrored);
  const opened = await openFound(options, limits, found, mirrored);
  return opened ?? makeHost(options, limits, mirrored);
}

interface FoundManifests {
  /** Every file of the host that is there, by name. */
  readonly files: ReadonlyMap<string, VfsFile>;
  readonly newest: Manifest;
  readonly fallback: Manifest | null;
  /** Manifest files whose content does not validate. */
  readonly damaged: readonly number[];
  readonly notes: readonly string[];
}

/** Null: there is no database here, or only what the mirror has of it. */
async function findManifests(options: HostStorageOptions, mirrored: readonly MirrorRecord[]): Promise<FoundManifests | null> {
  const names = new Set(await options.vfs.list());
  const isMissing = MANIFEST_NAMES.some((name) => !names.has(name));
  if (isMissing) {
    if (mirrored.length > 0) return null;
    if (options.mustExist === true && names.size === 0)
      throw new HeddleError('Evicted', 'the database is gone: the browser or the user cleared the site data', {
        hint: 'start over with an empty database, or import a backup',
      });
    await refuseOrphans(options.vfs, names);
    return null;
  }
  const files = await openExisting(options.vfs, names);
  try {
    const slots = MANIFEST_NAMES.map((name) => readSlot(files.get(name)!));
    const found = chooseManifest(files, slots, mirrored.length > 0);
    if (found === null) for (const file of files.values()) file.close();
    return found;
  } catch (error) {
    for (const file of files.values()) file.close();
    throw error;
  }
}

function chooseManifest(files: FoundManifests['files'], slots: readonly SlotState[], hasMirror: boolean): FoundManifests | null {
  const valid = slots.flatMap((slot) => (slot.kind === 'valid' ? [slot.manifest] : [])).sort((a, b) => b.generation - a.generation);
  if (valid.length === 0) {
    if (hasMirror || slots.some((slot) => slot.kind === 'blank')) return null;
    throw new HeddleError('Corruption', 'both copies of the manifest are damaged', { hint: 'import a backup' });
  }
  const [newest, other] = valid;
  const notes = slots.flatMap((slot, index) =>
    slot.kind === 'valid' ? [] : [`manifest m${index} is ${slot.kind}; generation ${newest.generation} is used`],
  );
  const damaged = slots.flatMap((slot, index) => (slot.kind === 'damaged' ? [index] : []));
  return { files, newest, fallback: other !== undefined && other.generation === newest.generation - 1 ? other : null, damaged, notes };
}

/** Without manifests nothing can have been acknowledged, unless they were lost: then the log holds frames. */
async function refuseOrphans(vfs: Vfs, names: ReadonlySet<string>): Promise<void> {
  const logs = [...names].filter((name) => /^l\d+$/.test(name));
  const files = await openAll(vfs, logs, false);
  try {
    const first = new Uint8Array(4);
    for (const file of files)
      if (file.read(first, 0) === 4 && new DataView(first.buffer).getUint32(0, true) === FRAME_MAGIC)
        throw new HeddleError('Corruption', `the manifest is gone, but log file ${file.name} holds records`, {
          details: { file: file.name },
        });
  } finally {
    for (const file of files) file.close();
  }
}

/** Null: the files are behind the mirror. */
async function openFound(
  options: HostStorageOptions,
  wished: StorageLimits,
  found: FoundManifests,
  mirrored: readonly MirrorRecord[],
): Promise<OpenedHost | null> {
  const { newest, fallback } = found;
  const { logFiles, logFileBytes, dataFiles, extentBytes, reserveBytes } = newest;
  const limits: StorageLimits = { ...wished, logFiles, logFileBytes, dataFiles, extentBytes, reserveBytes };
  const files = pickFound(found.files, limits, mirrored.length > 0);
  if (files === null) return null;
  try {
    const opened = recoverFiles(options, limits, files, found);
    if (opened.isReadOnly) return { ...opened, firstMinute: null };
    if (mirrored.length > 0 && !newest.settled && isBehind(opened, mirrored)) {
      closeFiles(files);
      return null;
    }
    if (newest.settled && mirrored.length > 0) await options.mirror!.clear();
    const firstMinute = firstMinuteOf(options, limits, newest.settled, mirrored);
    if (firstMinute !== null) catchUp(firstMinute, opened, mirrored);
    return { ...opened, fallback, firstMinute };
  } catch (error) {
    closeFiles(files);
    throw error;
  }
}

/** Null: a file is missing, but the mirror has what was in it. */
function pickFound(opened: FoundManifests['files'], limits: StorageLimits, hasMirror: boolean): HostFiles | null {
  try {
    return pickFiles(opened, limits.logFiles, limits.dataFiles);
  } catch (error) {
    for (const file of opened.values()) file.close();
    const typed = HeddleError.from(error);
    if (typed.code !== 'NotFound') throw typed;
    if (hasMirror) return null;
    throw new HeddleError('Corruption', `a file of the database is gone: ${typed.message}`, { details: typed.details, cause: typed });
  }
}

function recoverFiles(
  options: HostStorageOptions,
  limits: StorageLimits,
  files: HostFiles,
  found: FoundManifests,
): Omit<OpenedHost, 'firstMinute'> {
  const { newest, fallback } = found;
  const hostSeed = crc32c(newest.hostId);
  const neededFrom = newest.logNeededFrom;
  const scan = scanLog(files.logs, hostSeed, neededFrom, Math.min(neededFrom, fallback?.logNeededFrom ?? neededFrom));
  if (scan.generation > newest.generation + 1)
    throw new HeddleError(
      'Corruption',
      `the newest readable manifest is generation ${newest.generation}, but generation ${scan.generation} was durable`,
      {
        details: { readable: newest.generation, durable: scan.generation },
      },
    );
  const isSalvage = options.salvage ?? false;
  const recovered = recoverLog(scan, newest, isSalvage);
  // In the first minute a power cut may take the length of a new file; later nothing makes a log file shorter.
  const cut = newest.settled ? files.logs.find((file) => file.size() < limits.logFileBytes) : undefined;
  const cutShort = cut && `log file ${cut.name} was cut to ${cut.size()} of ${limits.logFileBytes} bytes`;
  if (cutShort && !isSalvage) throw logDamage(cutShort, { file: cut.name });
  const lost = recovered.lost ?? cutShort ?? null;
  const opened = lost === null ? files : readOnlyFiles(files);
  const space = spaceOf(opened.data, limits, [newest, ...(fallback === null ? [] : [fallback])]);
  if (fallback !== null) retireFallback(space, newest, fallback);
  const log = new Log(
    { files: opened.logs, fileBytes: limits.logFileBytes, fileBytesMax: limits.logFileBytesMax, hostSeed, isWanted: wantedOf(newest) },
    recovered.position,
  );
  if (lost === null) beginWriting(files, limits, found, log, recovered.position.frames.length > 0);
  const settleMs = newest.settled ? 0 : settleMsOf(options, limits);
  return {
    files: opened,
    limits,
    manifest: newest,
    fallback,
    space,
    log,
    hostSeed,
    records: recovered.records,
    isReadOnly: lost !== null,
    settleMs,
    notes: lost === null ? found.notes : [...found.notes, lost],
  };
}

/** Puts right what a crash may have left of the files, and makes what was read durable: it may have come from a cache only. */
function beginWriting(files: HostFiles, limits: StorageLimits, { newest, damaged }: FoundManifests, log: Log, goesOn: boolean): void {
  for (const file of files.logs) if (file.size() < limits.logFileBytes) file.truncate(limits.logFileBytes);
  // What is left of a torn generation is wiped: the next write of that file could complete it, naming data that is no more.
  for (const index of damaged) files.manifests[index].write(new Uint8Array(MANIFEST_HEADER_BYTES), 0);
  for (const file of files.manifests) file.flush();
  for (const file of files.logs) file.flush();
  if (goesOn) log.seal(newest.generation);
  log.flush();
}

/** Records of a shard that does not exist, or of an earlier one with its id, are not wanted. */
function wantedOf(manifest: Manifest): (shard: number, group: number) => boolean {
  const created = new Map(manifest.shards.map((shard) => [shard.id, shard.createdAfterGroup]));
  return (shard, group) => group > (created.get(shard) ?? Infinity);
}

function spaceOf(data: readonly VfsFile[], limits: StorageLimits, manifests: readonly Manifest[]): Space {
  const used = new Map<string, Extent>();
  for (const manifest of manifests)
    for (const extent of extentsOf(manifest)) used.set(`${extent.file}:${extent.unit}:${extent.units}`, extent);
  const { extentBytes, reserveBytes, dataFileBytesMax } = limits;
  return new Space({ files: data, extentBytes, reserveBytes, fileBytesMax: dataFileBytesMax }, used.values());
}

function retireFallback(space: Space, newest: Manifest, fallback: Manifest): void {
  const key = (extent: Extent): string => `${extent.file}:${extent.unit}:${extent.units}`;
  const named = new Set([...extentsOf(newest)].map(key));
  space.retire(
    [...extentsOf(fallback)].filter((extent) => !named.has(key(extent))),
    newest.generation,
  );
}

function* extentsOf(manifest: Manifest): IterableIterator<Extent> {
  for (const shard of manifest.shards) for (const ref of [...shard.containers, ...shard.columns]) yield* ref.extents;
  for (const stream of manifest.streams) yield* stream.extents;
}

function settleMsOf(options: HostStorageOptions, limits: StorageLimits): number {
  return namesSettle(options.vfs.kind) ? limits.settleMs : 0;
}

function firstMinuteOf(
  options: HostStorageOptions,
  limits: StorageLimits,
  isSettled: boolean,
  mirrored: readonly MirrorRecord[],
): FirstMinute | null {
  if (options.mirror === null || isSettled) return null;
  return new FirstMinute(
    options.mirror,
    limits.mirrorBytesMax,
    mirrored.reduce((sum, record) => sum + bytesOf(record), 0),
    options.logger,
  );
}

function bytesOf(record: MirrorRecord): number {
  if (record.kind === 'records') return record.payload.length;
  if (record.kind === 'blob') return record.blob.length;
  return record.kind === 'drop' || record.kind === 'gap' ? 0 : record.meta.length;
}

/** Makes the database, with what the mirror holds of an earlier attempt whose files were lost. */
async function makeHost(options: HostStorageOptions, limits: StorageLimits, mirrored: readonly MirrorRecord[]): Promise<OpenedHost> {
  if (mirrored.length > 0) {
    options.logger.log('warn', 'the files of the first minute are gone; recovering from the mirror', { records: mirrored.length });
    await options.vfs.destroy();
  }
  const files = await createFiles(options.vfs, limits);
  try {
    const { shards, records, blob } = foldMirror(mirrored);
    const hostId = options.random.fill(new Uint8Array(16));
    const hostSeed = crc32c(hostId);
    const settleMs = settleMsOf(options, limits);
    const manifest = firstManifest(limits, hostId, settleMs === 0, shards, blob);
    const log = new Log(
      {
        files: files.logs,
        fileBytes: limits.logFileBytes,
        fileBytesMax: Math.max(limits.logFileBytesMax, limits.mirrorBytesMax * 2),
        hostSeed,
        isWanted: () => true,
      },
      { epoch: 1, frames: [], nextGroup: 1 },
    );
    for (const { shard, sequence, type, payload } of records) log.append(shard, sequence, type, [payload]);
    log.write(manifest.generation);
    log.flush();
    // Only now: files with a manifest hold all that the mirror held.
    writeSlot(files.manifests, manifest);
    const second = { ...manifest, generation: manifest.generation + 1 };
    writeSlot(files.manifests, second);
    const space = spaceOf(files.data, limits, []);
    const firstMinute = firstMinuteOf(options, limits, settleMs === 0, mirrored);
    return {
      files,
      limits,
      manifest: second,
      fallback: manifest,
      space,
      log,
      hostSeed,
      records,
      isReadOnly: false,
      firstMinute,
      settleMs,
      notes: [],
    };
  } catch (error) {
    closeFiles(files);
    throw HeddleError.from(error);
  }
}

function firstManifest(
  limits: StorageLimits,
  hostId: Uint8Array,
  settled: boolean,
  shards: ReadonlyMap<number, Uint8Array>,
  blob: Uint8Array,
): Manifest {
  const { logFiles, logFileBytes, dataFiles, extentBytes, reserveBytes } = limits;
  const newShard = ([id, meta]: [number, Uint8Array]): ShardManifest => ({
    id,
    meta,
    flushedSequence: 0,
    createdAfterGroup: 0,
    containers: [],
    columns: [],
  });
  return {
    hostId,
    generation: 1,
    settled,
    logFiles,
    logFileBytes,
    dataFiles,
    extentBytes,
    reserveBytes,
    logNeededFrom: 1,
    logDurableGroup: 0,
    nextContainer: 1,
    nextStream: 1,
    blob,
    shards: [...shards].map(newShard),
    streams: [],
    quarantined: [],
  };
}
