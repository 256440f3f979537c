/** From the scanned log files to the records to replay and the place where the log goes on; decides what is damage. */
import { HeddleError } from '../core/errors.ts';
import type { LogPosition } from './log.ts';
import { type LogRecord, readRecords } from './log-frame.ts';
import type { LogScan } from './log-scan.ts';
import type { Manifest } from './manifest.ts';

export interface RecoveredLog {
  readonly position: LogPosition;
  readonly records: readonly LogRecord[];
  /** What of the log is lost; null unless damage is skipped. Then nothing may be written at `position`. */
  readonly lost: string | null;
}

/**
 * Damage: a group that some manifest or later frame knows to have been flushed, and that a shard still needs, is not
 * readable. A torn tail, which no one acknowledged, is not. `Corruption` unless `skipDamage`.
 */
export function recoverLog(scan: LogScan, manifest: Manifest, skipDamage: boolean): RecoveredLog {
  const neededFrom = manifest.logNeededFrom;
  const durable = Math.max(manifest.logDurableGroup, scan.durableGroup);
  const first = scan.frames[0]?.group ?? Infinity;
  const last = scan.frames[scan.frames.length - 1]?.group ?? neededFrom - 1;
  const isDamaged = durable >= neededFrom && (first > neededFrom || last < durable);
  const lost = isDamaged
    ? `the log is damaged: groups ${neededFrom} to ${durable} were acknowledged, readable are ${first === Infinity ? 'none' : `${first} to ${last}`}`
    : null;
  if (lost !== null && !skipDamage) throw logDamage(lost, { neededFrom, durable, first: first === Infinity ? null : first, last });
  const isWanted = wantedBy(manifest);
  const wanted = (frames: LogScan['frames']): LogRecord[] =>
    frames.flatMap((frame) => [...readRecords(frame.payload)].filter((record) => isWanted(record.shard, frame.group, record.sequence)));
  const goesOn = scan.frames.length > 0 && last >= neededFrom - 1;
  return {
    position: {
      epoch: scan.epoch + 1,
      frames: goesOn ? scan.files.flatMap((file) => file.frames.map((frame) => ({ file: file.file, frame }))) : [],
      nextGroup: neededFrom,
    },
    records: lost === null ? wanted(scan.frames) : unbroken([...wanted(scan.frames), ...wanted(scan.stray)], manifest),
    lost,
  };
}

/** Of each shard the records up to the first that is missing: a record speaks of what those before it left. */
function unbroken(records: readonly LogRecord[], manifest: Manifest): LogRecord[] {
  const upto = new Map(manifest.shards.map((shard) => [shard.id, shard.flushedSequence]));
  return records.filter(({ shard, sequence }) => {
    if (sequence !== upto.get(shard)! + 1) return false;
    upto.set(shard, sequence);
    return true;
  });
}

/** What was acknowledged and is in no segment yet can't all be read. */
export const logDamage = (what: string, details: Record<string, unknown>): HeddleError =>
  new HeddleError('Corruption', what, {
    hint: 'Restore a backup into a new database, or open this one with `salvage: true`; it is left as it is.',
    details,
  });

function wantedBy(manifest: Manifest): (shard: number, group: number, sequence: number) => boolean {
  const shards = new Map(manifest.shards.map((shard) => [shard.id, shard]));
  return (id, group, sequence) => {
    const shard = shards.get(id);
    return shard !== undefined && group > shard.createdAfterGroup && sequence > shard.flushedSequence;
  };
}
