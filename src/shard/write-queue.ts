/**
 * Writes that wait for a commit. The first is committed at the end of the turn it came in, with all that came in that turn; those
 * that arrive before the messages that waited meanwhile have been read share the next commit, up to a number of bytes. So a lone
 * write waits for nothing, and many have few flushes.
 */
import type { HeddleError } from '../core/errors.ts';
import type { WriteAck, WriteRequest } from './host-api.ts';

export interface WaitingWrite {
  readonly request: WriteRequest;
  readonly resolve: (ack: WriteAck) => void;
  readonly reject: (error: HeddleError) => void;
}

export class WriteQueue {
  private readonly defer: (run: () => void) => void;
  private readonly roundBytesMax: number;
  private readonly commit: (round: readonly WaitingWrite[]) => void;
  private waiting: WaitingWrite[] = [];
  /** The next commit is on its way. */
  private isComing = false;

  /** `defer` runs a function once the messages that wait have been read; `commit` settles every write of its round, then or later. */
  constructor(defer: (run: () => void) => void, roundBytesMax: number, commit: (round: readonly WaitingWrite[]) => void) {
    this.defer = defer;
    this.roundBytesMax = roundBytesMax;
    this.commit = commit;
  }

  add(request: WriteRequest): Promise<WriteAck> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      if (this.isComing) return;
      this.isComing = true;
      queueMicrotask(this.commitAll);
    });
  }

  private readonly commitAll = (): void => {
    this.isComing = this.waiting.length > 0;
    if (!this.isComing) return;
    while (this.waiting.length > 0) this.commit(this.waiting.splice(0, this.roundLength()));
    this.defer(this.commitAll);
  };

  /** At least one, however large. */
  private roundLength(): number {
    let bytes = 0;
    const over = this.waiting.findIndex(({ request }, at) => (bytes += request.batch.length) > this.roundBytesMax && at > 0);
    return over === -1 ? this.waiting.length : over;
  }
}
