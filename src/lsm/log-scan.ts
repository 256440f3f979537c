/**
 * Reading the log files back at open: which groups are there, where the log ends, and whether what is missing was torn by
 * a crash or damaged later. Reads whole files (one call each); called once, before any write.
 */
import type { VfsFile } from '../vfs/vfs.ts';
import { FRAME_ALIGNMENT, FRAME_MAGIC, type Frame, readFrame } from './log-frame.ts';

/** One log file as it was found. */
export interface ScannedFile {
  readonly file: number;
  readonly bytes: Uint8Array;
  /** Valid frames from offset 0 on, groups rising by one. */
  readonly frames: readonly Frame[];
  /** Offset after the last of them. */
  readonly end: number;
  /** Valid frames found beyond the end that belong to the log after it: proof that something before them is damaged or torn. */
  readonly stray: readonly Frame[];
}

export interface LogScan {
  /** Files that hold frames of the chain, oldest group first. */
  readonly files: readonly ScannedFile[];
  /** Frames in order of their groups, over all files, up to the first gap; groups before `neededFrom` may be among them. */
  readonly frames: readonly Frame[];
  /** Valid frames after a gap that are newer than the chain. */
  readonly stray: readonly Frame[];
  /** What any of these frames says had been flushed. */
  readonly durableGroup: number;
  /** Highest manifest generation any of these frames knew to be durable. */
  readonly generation: number;
  /** Highest epoch of any frame, stale ones included. */
  readonly epoch: number;
}

/**
 * `neededFrom`: the first group that the newest manifest does not cover. `keepFrom`: the same for the manifest that may be
 * fallen back to; files that end before it are not looked at.
 */
export function scanLog(files: readonly VfsFile[], hostSeed: number, neededFrom: number, keepFrom: number): LogScan {
  const scanned = files.map((file, index) => scanFile(file, index, hostSeed));
  const ordered = scanned
    .filter((file) => file.frames.length > 0 && file.frames[file.frames.length - 1].group >= keepFrom)
    .sort((a, b) => a.frames[0].epoch - b.frames[0].epoch || a.frames[0].group - b.frames[0].group);
  let frames: Frame[] = [];
  let used: ScannedFile[] = [];
  const apart: Frame[] = [];
  for (const file of ordered) {
    const last = frames[frames.length - 1];
    const first = file.frames[0];
    const isStart = first.group <= neededFrom && (last === undefined || (last.group < neededFrom - 1 && !continues(last, first)));
    if (isStart) {
      frames = [];
      used = [];
    }
    if (isStart || (last !== undefined && continues(last, first))) {
      for (const frame of file.frames) frames.push(frame);
      used.push(file);
    } else {
      apart.push(...file.frames);
    }
  }
  for (const file of scanned) apart.push(...file.stray);
  const last = frames[frames.length - 1];
  const isNewer = (frame: Frame): boolean =>
    frame.group >= neededFrom && (last === undefined || (frame.group > last.group && frame.epoch >= last.epoch));
  const stray = apart.filter(isNewer).sort((a, b) => a.group - b.group);
  const all = [...frames, ...stray];
  const most = (among: readonly Frame[], pick: (frame: Frame) => number): number =>
    among.reduce((best, frame) => Math.max(best, pick(frame)), 0);
  return {
    files: used,
    frames,
    stray,
    durableGroup: most(all, (frame) => frame.durableGroup),
    generation: most(all, (frame) => frame.generation),
    epoch: most([...all, ...apart, ...scanned.flatMap((file) => file.frames)], (frame) => frame.epoch),
  };
}

function scanFile(file: VfsFile, index: number, hostSeed: number): ScannedFile {
  const bytes = new Uint8Array(file.size());
  const got = bytes.length === 0 ? 0 : file.read(bytes, 0);
  const readable = bytes.subarray(0, got);
  const frames: Frame[] = [];
  let end = 0;
  let last: Frame | null = null;
  for (;;) {
    const frame = readFrame(readable, end, hostSeed, index);
    if (frame === null || !continues(last, frame)) break;
    frames.push(frame);
    last = frame;
    end = frame.end;
  }
  return { file: index, bytes: readable, frames, end, stray: findStray(readable, end, last, index, hostSeed) };
}

function continues(last: Frame | null, next: Frame): boolean {
  return last === null || (next.group === last.group + 1 && next.epoch >= last.epoch && next.previousCrc === last.crc);
}

/** Valid frames past `from` that are newer than `last`; older ones are what recycling left behind. */
function findStray(bytes: Uint8Array, from: number, last: Frame | null, file: number, hostSeed: number): Frame[] {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const found: Frame[] = [];
  const step = FRAME_ALIGNMENT / 4;
  for (let word = from / 4; word < words.length; word += step) {
    if (words[word] !== FRAME_MAGIC) continue;
    const frame = readFrame(bytes, word * 4, hostSeed, file);
    if (frame === null) continue;
    const newer = last === null || (frame.group > last.group && frame.epoch >= last.epoch);
    if (newer) found.push(frame);
  }
  return found;
}
