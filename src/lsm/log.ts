/**
 * The host's write-ahead log: one for all shards of an engine worker, in files that are written with zeros when the
 * database is made and recycled in turn. Layout: `docs/format/log.md`.
 *
 * Invariants:
 * - `write` puts everything appended since into one frame with one call; `flush` makes it durable. A frame is read back whole
 *   or not at all.
 * - A file is recycled only when every record in it is in containers that both durable manifest generations name.
 * - In the ordinary case no file grows. A commit larger than a file, or one made while no file can be recycled, grows the
 *   file first, so that a full disk is met before anything is written; recycling cuts it back.
 * - Any error of a write or a flush ends the log: what the device holds is unknown from then on (Rebello et al., "Can
 *   Applications Recover from fsync Failures?", 2020). The frame's header is then wiped, so that the failed group does not
 *   come back.
 */
import { HeddleError } from '../core/errors.ts';
import type { VfsFile } from '../vfs/vfs.ts';
import {
  FRAME_HEADER_BYTES,
  type Frame,
  RECORD_HEADER_BYTES,
  frameBytes,
  frameSeed,
  readRecords,
  sealFrame,
  writeRecordHeader,
} from './log-frame.ts';

export interface LogOptions {
  readonly files: readonly VfsFile[];
  readonly fileBytes: number;
  readonly fileBytesMax: number;
  readonly hostSeed: number;
  /** Whether a record found at open belongs to a shard that exists. */
  isWanted(shard: number, group: number): boolean;
}

/** Where the log goes on after recovery. */
export interface LogPosition {
  readonly epoch: number;
  readonly frames: readonly { readonly file: number; readonly frame: Frame }[];
  /** First group to be written when `frames` is empty. */
  readonly nextGroup: number;
}

interface LogFile {
  readonly file: VfsFile;
  firstGroup: number;
  /** Highest sequence number of each shard with records here. */
  readonly highest: Map<number, number>;
}

export class Log {
  private readonly options: LogOptions;
  private readonly files: LogFile[];
  private coveredSequence: (shard: number) => number = () => 0;
  /** Indexes into `files`, oldest first; the last is being written. */
  private order: number[];
  private at = 0;
  private lastFrameAt = 0;
  private group: number;
  private previousCrc = 0;
  private readonly epoch: number;
  /** Groups up to this are flushed. */
  private flushedGroup: number;
  /** `durableGroup` of the last frame written. */
  private notedGroup = 0;
  private frame = new Uint8Array(64 << 10);
  private view = new DataView(this.frame.buffer);
  private filled = FRAME_HEADER_BYTES;
  private records = 0;
  private readonly pendingHighest = new Map<number, number>();
  private writtenHighest = new Map<number, number>();
  private readonly durableHighest = new Map<number, number>();
  private failure: HeddleError | null = null;
  flushes = 0;
  commits = 0;

  constructor(options: LogOptions, position: LogPosition) {
    this.options = options;
    this.epoch = position.epoch;
    this.files = options.files.map((file) => ({ file, firstGroup: 0, highest: new Map() }));
    this.order = [];
    this.group = position.nextGroup - 1;
    for (const { file, frame } of position.frames) this.adopt(file, frame);
    if (this.order.length === 0) this.order.push(0);
    this.files[this.current].firstGroup ||= this.group + 1;
    this.flushedGroup = this.group;
  }

  /** `covered`: sequence numbers up to this are in containers that both durable generations name; Infinity for a dropped shard. */
  bindCovered(covered: (shard: number) => number): void {
    this.coveredSequence = covered;
  }

  private get current(): number {
    return this.order[this.order.length - 1];
  }

  /** Number of the last group written. */
  get lastGroup(): number {
    return this.group;
  }

  get durableGroup(): number {
    return this.flushedGroup;
  }

  /** Whether there are records that `write` has not taken yet. */
  get hasPending(): boolean {
    return this.records > 0;
  }

  get pendingBytes(): number {
    return this.filled - FRAME_HEADER_BYTES;
  }

  /** Whether there are frames that `flush` has not made durable. */
  get hasUnflushed(): boolean {
    return this.flushedGroup < this.group;
  }

  /** Bytes of the log files on the device. */
  get diskBytes(): number {
    return this.files.reduce((sum, { file }) => sum + file.size(), 0);
  }

  /** Highest sequence number of the shard that is durable in the log; 0 when the log has none. */
  durableSequence(shard: number): number {
    return this.durableHighest.get(shard) ?? 0;
  }

  /** Copies a record into the group that the next `write` will write. */
  append(shard: number, sequence: number, type: number, payload: readonly Uint8Array[]): void {
    this.checkUsable();
    let length = 0;
    for (const part of payload) length += part.length;
    this.room(RECORD_HEADER_BYTES + length);
    writeRecordHeader(this.view, this.filled, shard, sequence, type, length);
    let at = this.filled + RECORD_HEADER_BYTES;
    for (const part of payload) {
      this.frame.set(part, at);
      at += part.length;
    }
    this.filled = at;
    this.records++;
    const highest = this.pendingHighest.get(shard);
    if (highest === undefined || highest < sequence) this.pendingHighest.set(shard, sequence);
  }

  /** The records of the group that is being collected, encoded; borrowed until the next `append` or `write`. */
  pendingPayload(): Uint8Array {
    return this.frame.subarray(FRAME_HEADER_BYTES, this.filled);
  }

  /** Forgets what was appended since the last `write`. */
  discardPending(): void {
    this.filled = FRAME_HEADER_BYTES;
    this.records = 0;
    this.pendingHighest.clear();
  }

  /** Writes the pending records as one frame. `StorageFull`: nothing was written, the log goes on. Anything else ends it. */
  write(generation: number): void {
    this.checkUsable();
    if (this.records === 0) return;
    this.put(generation);
    this.commits++;
  }

  /** Writes a frame without records: the evidence that what came before had been flushed, and of a new epoch. */
  seal(generation: number): void {
    this.checkUsable();
    if (this.records > 0) return;
    this.put(generation);
  }

  /** True when the last frame written does not yet say that it was flushed. */
  get needsSeal(): boolean {
    return this.failure === null && this.notedGroup < this.group && this.flushedGroup === this.group && this.records === 0;
  }

  /** Makes every frame written so far durable. Any error ends the log. */
  flush(): void {
    this.checkUsable();
    if (!this.hasUnflushed) return;
    const file = this.files[this.current].file;
    this.guard(() => file.flush(), this.lastFrameAt);
    this.flushes++;
    this.flushedGroup = this.group;
    for (const [shard, sequence] of this.writtenHighest) this.durableHighest.set(shard, sequence);
    this.writtenHighest = new Map();
  }

  /** A shard is gone: its records keep no file from being recycled. */
  forget(shard: number): void {
    for (const file of this.files) file.highest.delete(shard);
    for (const highest of [this.pendingHighest, this.writtenHighest, this.durableHighest]) highest.delete(shard);
  }

  /** Why the log ended, or null. */
  get failed(): HeddleError | null {
    return this.failure;
  }

  fail(error: HeddleError): void {
    this.failure ??= error;
  }

  /** The first group that may hold a record which no container has, given what is flushed. */
  neededFrom(flushedSequence: (shard: number) => number): number {
    for (const index of this.order) {
      const file = this.files[index];
      if (!isCovered(file, flushedSequence)) return file.firstGroup;
    }
    return this.group + 1;
  }

  /** How much of the file that is being written is used, 0 to 1. */
  get fill(): number {
    return this.at / this.files[this.current].file.size();
  }

  /** Whether a commit of about `bytes` fits without growing a file. */
  hasRoom(bytes: number): boolean {
    return this.at + frameBytes(bytes) <= this.files[this.current].file.size() || this.freeFile() !== -1;
  }

  /** Shards that keep the oldest file from being recycled while no other is free; empty: there is no pressure. */
  pressure(flushedSequence: (shard: number) => number): number[] {
    if (this.order.length < this.files.length && this.at < this.options.fileBytes * 2) return [];
    const shards = new Set<number>();
    for (const index of this.order.slice(0, Math.max(1, this.order.length - 1))) {
      const file = this.files[index];
      for (const [shard, sequence] of file.highest) if (sequence > flushedSequence(shard)) shards.add(shard);
      if (shards.size > 0) break;
    }
    return [...shards];
  }

  /** Whether the oldest file would be free if the newest generation alone counted: then one more edit frees it. */
  wantsConfirmation(bytes: number, flushedSequence: (shard: number) => number): boolean {
    if (this.at + frameBytes(bytes) <= this.options.fileBytes || this.freeFile() !== -1) return false;
    return this.order.length > 1 && isCovered(this.files[this.order[0]], flushedSequence);
  }

  private put(generation: number): void {
    const length = frameBytes(this.filled - FRAME_HEADER_BYTES);
    this.makeRoom(length);
    if (this.filled < length) this.frame.fill(0, this.filled, length);
    const file = this.files[this.current];
    const header = {
      epoch: this.epoch,
      group: this.group + 1,
      durableGroup: this.flushedGroup,
      generation,
      previousCrc: this.previousCrc,
      records: this.records,
    };
    const bytes = this.frame.subarray(0, length);
    const crc = sealFrame(bytes, this.filled - FRAME_HEADER_BYTES, header, frameSeed(this.options.hostSeed, this.current, this.at));
    this.guard(() => file.file.write(bytes, this.at), this.at);
    this.lastFrameAt = this.at;
    this.group++;
    this.notedGroup = this.flushedGroup;
    this.previousCrc = crc;
    this.at += length;
    for (const [shard, sequence] of this.pendingHighest) {
      file.highest.set(shard, sequence);
      this.writtenHighest.set(shard, sequence);
    }
    this.discardPending();
  }

  /** Goes on in a recycled file, or grows this one, so that `length` bytes fit. */
  private makeRoom(length: number): void {
    if (this.at + length <= this.files[this.current].file.size()) return;
    const free = this.at === 0 ? -1 : this.freeFile();
    if (free !== -1) {
      this.flush();
      this.order = this.order.filter((index) => index !== free);
      this.order.push(free);
      const next = this.files[free];
      next.firstGroup = this.group + 1;
      next.highest.clear();
      this.at = 0;
      if (next.file.size() > this.options.fileBytes) this.guard(() => next.file.truncate(this.options.fileBytes), 0);
      if (length <= next.file.size()) return;
    }
    const wanted = this.at + length;
    if (wanted > this.options.fileBytesMax && this.at > 0)
      throw new HeddleError('StorageFull', `the log has no room for ${length} bytes until a shard is flushed`, {
        hint: 'delete objects or free space on the device so that memtables can be flushed',
        details: { bytesWanted: length },
      });
    this.growTo(wanted);
  }

  private growTo(size: number): void {
    const file = this.files[this.current].file;
    try {
      file.truncate(size);
    } catch (error) {
      const typed = HeddleError.from(error);
      if (typed.code !== 'StorageFull') this.failure = typed;
      throw typed;
    }
  }

  /** A file whose records are all covered, or -1. */
  private freeFile(): number {
    const unused = this.files.findIndex((_, index) => !this.order.includes(index));
    if (unused !== -1) return unused;
    const oldest = this.order[0];
    return oldest !== this.current && isCovered(this.files[oldest], this.coveredSequence) ? oldest : -1;
  }

  private adopt(index: number, frame: Frame): void {
    if (this.order.length === 0 || this.current !== index) {
      this.order.push(index);
      this.files[index].firstGroup = frame.group;
    }
    for (const { shard, sequence } of readRecords(frame.payload)) {
      if (!this.options.isWanted(shard, frame.group)) continue;
      const { highest } = this.files[index];
      highest.set(shard, Math.max(highest.get(shard) ?? 0, sequence));
      this.durableHighest.set(shard, Math.max(this.durableHighest.get(shard) ?? 0, sequence));
    }
    this.group = frame.group;
    this.notedGroup = frame.durableGroup;
    this.previousCrc = frame.crc;
    this.at = frame.end;
  }

  private room(bytes: number): void {
    const needed = this.filled + bytes + 8;
    if (needed <= this.frame.length) return;
    const grown = new Uint8Array(Math.max(needed, this.frame.length * 2));
    grown.set(this.frame.subarray(0, this.filled));
    this.frame = grown;
    this.view = new DataView(grown.buffer);
  }

  private checkUsable(): void {
    if (this.failure !== null)
      throw new HeddleError('StorageUnavailable', `the log ended: ${this.failure.message}`, {
        hint: 'open the database again',
        details: this.failure.details,
        cause: this.failure,
      });
  }

  private guard(call: () => void, frameAt: number): void {
    try {
      call();
    } catch (error) {
      this.failure = HeddleError.from(error);
      this.wipe(frameAt);
      throw this.failure;
    }
  }

  /** Best effort: takes the frame that may have failed out of a later recovery's sight. */
  private wipe(frameAt: number): void {
    try {
      const { file } = this.files[this.current];
      file.write(new Uint8Array(FRAME_HEADER_BYTES), frameAt);
      file.flush();
    } catch {
      // The device refuses: the group may come back, as one that was never acknowledged.
    }
  }
}

function isCovered(file: LogFile, coveredSequence: (shard: number) => number): boolean {
  for (const [shard, sequence] of file.highest) if (sequence > coveredSequence(shard)) return false;
  return true;
}
