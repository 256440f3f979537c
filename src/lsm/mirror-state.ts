/**
 * The first minute's mirror against the files: which of them has more, and what the mirror still has to be told.
 *
 * Invariants:
 * - The mirror wins only when it has something the files have not and lacks nothing they have. A shard that the files dropped
 *   before the mirror heard of it, or records the mirror was too full to take, make it older, not newer.
 * - After an opening the mirror is whole again or gives up: an acknowledgement never says `power` over a gap in the mirror.
 * Called by `host-open.ts` only.
 */
import type { FirstMinute, MirrorRecord } from './first-minute.ts';
import type { OpenedHost } from './opened-host.ts';
import { type LogRecord, RECORD_HEADER_BYTES, readRecords, writeRecordHeader } from './log-frame.ts';

export interface MirroredState {
  readonly shards: ReadonlyMap<number, Uint8Array>;
  readonly records: readonly LogRecord[];
  readonly blob: Uint8Array;
}

/** What the mirror's records come to. */
export function foldMirror(mirrored: readonly MirrorRecord[]): MirroredState {
  const shards = new Map<number, Uint8Array>();
  let records: LogRecord[] = [];
  let blob = new Uint8Array(0) as Uint8Array;
  for (const record of mirrored) {
    if (record.kind === 'records') for (const one of readRecords(record.payload)) records.push(one);
    else if (record.kind === 'blob') blob = record.blob;
    else if (record.kind === 'gap') continue;
    else if (record.kind === 'drop') {
      shards.delete(record.shard);
      records = records.filter(({ shard }) => shard !== record.shard);
    } else shards.set(record.shard, record.meta);
  }
  return { shards, records: records.filter(({ shard }) => shards.has(shard)), blob };
}

type Files = Pick<OpenedHost, 'manifest' | 'records'>;

/** Last sequence number of each shard. */
function sequencesOf(shards: Iterable<readonly [id: number, flushed: number]>, records: readonly LogRecord[]): Map<number, number> {
  const last = new Map(shards);
  for (const { shard, sequence } of records) last.set(shard, Math.max(last.get(shard) ?? 0, sequence));
  return last;
}

const inFiles = ({ manifest, records }: Files): Map<number, number> =>
  sequencesOf(
    manifest.shards.map((shard) => [shard.id, shard.flushedSequence] as const),
    records,
  );
const inMirror = ({ shards, records }: MirroredState): Map<number, number> =>
  sequencesOf(
    [...shards.keys()].map((id) => [id, 0] as const),
    records,
  );

/** Whether `a` has a shard or a record that `b` has not. */
function hasMore(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  for (const [shard, sequence] of a) if (sequence > (b.get(shard) ?? -1)) return true;
  return false;
}

const hasGap = (mirrored: readonly MirrorRecord[]): boolean => mirrored.some(({ kind }) => kind === 'gap');

/** Whether the mirror is to be believed instead of files that can be read. */
export function isBehind(files: Files, mirrored: readonly MirrorRecord[]): boolean {
  if (hasGap(mirrored)) return false;
  const there = inFiles(files);
  const mirror = inMirror(foldMirror(mirrored));
  return hasMore(mirror, there) && !hasMore(there, mirror);
}

/**
 * Tells the mirror what the files have beyond it. Always at least one record, so that the next `sync` is a strict transaction:
 * what the process before put last may have been committed without reaching the device.
 */
export function catchUp(firstMinute: FirstMinute, files: Files, mirrored: readonly MirrorRecord[]): void {
  if (hasGap(mirrored)) return firstMinute.giveUp();
  const state = foldMirror(mirrored);
  const mirror = inMirror(state);
  for (const { id, flushedSequence, meta } of files.manifest.shards) {
    if (flushedSequence > (mirror.get(id) ?? 0)) return firstMinute.giveUp();
    if (!state.shards.has(id)) firstMinute.put({ kind: 'shard', shard: id, meta });
  }
  const hosted = new Set(files.manifest.shards.map(({ id }) => id));
  for (const id of state.shards.keys()) if (!hosted.has(id)) firstMinute.put({ kind: 'drop', shard: id });
  for (const record of files.records)
    if (record.sequence > (mirror.get(record.shard) ?? 0)) firstMinute.put({ kind: 'records', payload: encodeRecord(record) });
  firstMinute.put({ kind: 'blob', blob: files.manifest.blob });
}

function encodeRecord({ shard, sequence, type, payload }: LogRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + payload.length);
  writeRecordHeader(new DataView(bytes.buffer), 0, shard, sequence, type, payload.length);
  bytes.set(payload, RECORD_HEADER_BYTES);
  return bytes;
}
