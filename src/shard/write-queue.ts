/**
 * Writes that wait for the next commit. All that arrived before it runs share its write and its flush, up to a number of bytes; the
 * rest goes into the commit after it, in the same turn.
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
  private isDeferred = false;

  /** `defer` runs a function once the messages that wait have been read; `commit` settles every write of its round, then or later. */
  constructor(defer: (run: () => void) => void, roundBytesMax: number, commit: (round: readonly WaitingWrite[]) => void) {
    this.defer = defer;
    this.roundBytesMax = roundBytesMax;
    this.commit = commit;
  }

  add(request: WriteRequest): Promise<WriteAck> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      if (this.isDeferred) return;
      this.isDeferred = true;
      this.defer(() => this.commitAll());
    });
  }

  private commitAll(): void {
    this.isDeferred = false;
    while (this.waiting.length > 0) this.commit(this.waiting.splice(0, this.roundLength()));
  }

  /** At least one, however large. */
  private roundLength(): number {
    let bytes = 0;
    const over = this.waiting.findIndex(({ request }, at) => (bytes += request.batch.length) > this.roundBytesMax && at > 0);
    return over === -1 ? this.waiting.length : over;
  }
}
