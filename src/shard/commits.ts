/**
 * The way of a write through a host: it is staged (resolved, appended to the log, applied), committed with those it shares the commit
 * with, and acknowledged.
 *
 * Invariants:
 * - Nothing is flushed to segments between staging and committing.
 * - Once a commit has failed, or a record that was appended could not be applied, every call is refused: only opening anew is sure
 *   to forget what is not in the log.
 */
import type { HybridClock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { HostStorage } from '../lsm/host-storage.ts';
import { millisecondsOf } from '../protocol/object-record.ts';
import { readEntries, WriteKind } from '../protocol/write-batch.ts';
import type { Flushes } from './flushes.ts';
import type { WriteAck, WriteRequest } from './host-api.ts';
import type { HostLimits } from './host-options.ts';
import { RequestTable } from './request-table.ts';
import type { Shard } from './shard.ts';
import { WriteQueue, type WaitingWrite } from './write-queue.ts';
import { encodeWriteRecord, RecordType } from './write-record.ts';

/** About what a record takes in the log beside the batch it came from. */
export const RECORD_EXTRA_BYTES = 256;

function deletesOnly(batch: Uint8Array): boolean {
  for (const { kind } of readEntries(batch)) if (kind !== WriteKind.delete) return false;
  return true;
}

type StagedAck = Omit<WriteAck, 'durability'>;

export interface CommitsOptions {
  readonly storage: HostStorage;
  readonly shards: ReadonlyMap<number, Shard>;
  readonly limits: HostLimits;
  readonly flushes: Flushes;
  readonly hybrid: HybridClock;
  readonly durability: 'strict' | 'relaxed';
  readonly defer: (run: () => void) => void;
  /** Throws when the shard is not on this host. */
  shardOf(id: number): Shard;
}

export class Commits {
  /** Why every call is refused; null while all is well. */
  failure: HeddleError | null = null;
  /** What was answered to whom, so that a write that is sent again is applied once. */
  requests = new RequestTable();
  private readonly options: CommitsOptions;
  private readonly queue: WriteQueue;

  constructor(options: CommitsOptions) {
    this.options = options;
    this.queue = new WriteQueue(options.defer, options.limits.commitBytesMax, (round) => this.commitTogether(round));
  }

  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Nothing is answered from now on; returns the cause. */
  poison(thrown: unknown): HeddleError {
    const cause = HeddleError.from(thrown);
    this.failure ??= new HeddleError('StorageUnavailable', `the write-ahead log failed: ${cause.message}`, {
      hint: 'The engine worker is opened again; writes that were not acknowledged can be retried.',
      details: { cause: cause.code },
      retryable: true,
      cause,
    });
    return cause;
  }

  /** Resolves when the write is committed. */
  add(request: WriteRequest): Promise<WriteAck> {
    return this.queue.add(request);
  }

  /** One round of group commit; nothing is flushed to segments between staging and committing. */
  private commitTogether(round: readonly WaitingWrite[]): void {
    const staged: { write: WaitingWrite; ack: StagedAck }[] = [];
    let full: HeddleError | null = null;
    try {
      this.check();
      this.makeRoom(round.reduce((sum, { request }) => sum + request.batch.length + RECORD_EXTRA_BYTES, 0));
    } catch (thrown) {
      full = HeddleError.from(thrown);
    }
    for (const write of round) {
      try {
        // Deletes go on when the device is full: they are what makes room.
        if (full !== null && (full.code !== 'StorageFull' || !deletesOnly(write.request.batch))) throw full;
        staged.push({ write, ack: this.stage(write.request) });
      } catch (thrown) {
        write.reject(HeddleError.from(thrown));
      }
    }
    if (this.failure) {
      // What was appended for this round is not committed, so none of it may be acknowledged.
      for (const { write } of staged) write.reject(this.failure);
      return;
    }
    if (staged.length === 0) return;
    this.options.storage.commit(this.options.durability).then(
      (durability) => staged.forEach(({ write, ack }) => write.resolve({ ...ack, durability })),
      (thrown) => {
        const error = this.poison(thrown);
        for (const { write } of staged) write.reject(error);
      },
    );
  }

  private stage({ shard: id, request, batch, atomic }: WriteRequest): StagedAck {
    const shard = this.options.shardOf(id);
    const applied = this.requests.find(id, request);
    if (applied) return { ...applied, repeated: true };
    const hlc = this.options.hybrid.tick();
    const { operations, failures, written } = shard.resolve(readEntries(batch), millisecondsOf(hlc), atomic);
    // Logged even when it changes nothing: sent again after a later request, it might.
    const record = { hlc, request, failures, operations };
    const sequence = shard.sequence + 1;
    this.options.storage.append(id, sequence, RecordType.write, [encodeWriteRecord(record)]);
    try {
      shard.apply(record, sequence);
    } catch (thrown) {
      throw this.poison(thrown); // applied in part, and appended: only opening anew is sure to forget it
    }
    this.requests.add(id, { client: request.client.slice(), sequence: request.sequence }, { sequence, written, failures });
    return { sequence, written, failures, repeated: false };
  }

  /** Before a commit of about `bytes`: slows writers down when graphs lag, and sees to room in the log and the memtables. */
  makeRoom(bytes: number): void {
    for (const shard of this.options.shards.values())
      while (shard.backlog > this.options.limits.backlogRowsMax && shard.stepIndexes(4, this.options.storage.durableSequence(shard.id)));
    this.options.flushes.makeRoom(bytes);
  }
}
