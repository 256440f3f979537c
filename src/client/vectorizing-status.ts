/** `collection.vectorizing`: how far background vectorizing is, and holding it. */
import type { HeddleError } from '../core/errors.ts';
import type { VectorSchema } from '../schema/collection-schema.ts';
import type { Handle } from './handle.ts';
import type { VectorizingWorker } from './vectorizing.ts';

export interface VectorizingStatus {
  readonly done: number;
  readonly total: number;
  /** From the rate seen by this tab; null until there is one. */
  readonly etaMs: number | null;
  readonly paused: boolean;
  /** The last failure of the vectorizer in this tab, null while it works. */
  readonly lastError: HeddleError | null;
}

export class Vectorizing {
  private readonly handle: Handle;
  private readonly worker: VectorizingWorker;
  /** First and last status of this run of work, for the rate. */
  private since: { readonly at: number; readonly done: number } | null = null;

  constructor(handle: Handle, worker: VectorizingWorker) {
    this.handle = handle;
    this.worker = worker;
  }

  async status(): Promise<VectorizingStatus> {
    const { connection, schema } = this.handle;
    const replies = await Promise.all(this.queues().map(({ ordinal }) => connection.call('vectorizing', [schema.id, ordinal])));
    const done = replies.reduce((sum, { rows }) => sum + rows, 0);
    const pending = replies.reduce((sum, reply) => sum + reply.pending, 0);
    const paused = replies.some((reply) => reply.paused);
    return { done, total: done + pending, etaMs: this.eta(done, pending, paused), paused, lastError: this.worker.lastError };
  }

  /** Holds it in all tabs, until `resume` or until the database is closed everywhere. */
  async pause(): Promise<void> {
    const { connection, schema } = this.handle;
    connection.paused.add(schema.id);
    await connection.call('pauseVectorizing', [schema.id, true]);
    this.since = null;
  }

  async resume(): Promise<void> {
    const { connection, schema } = this.handle;
    connection.paused.delete(schema.id);
    await connection.call('pauseVectorizing', [schema.id, false]);
    this.worker.wake();
  }

  /** Resolves when nothing waits any more; rejects when the vectorizer fails. */
  async finished({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const { done, total, lastError } = await this.status();
      if (lastError !== null) throw lastError;
      if (done >= total) return;
      await this.nextBatch(signal);
    }
  }

  private nextBatch(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const { listeners } = this.worker;
      const go = (): void => {
        listeners.delete(go);
        clearTimeout(timer);
        signal?.removeEventListener('abort', go);
        resolve();
      };
      // Another tab may be the one that works.
      const timer = setTimeout(go, 1_000);
      listeners.add(go);
      signal?.addEventListener('abort', go);
    });
  }

  private queues(): VectorSchema[] {
    return this.handle.schema.vectors.filter(({ vectorizer }) => vectorizer !== null);
  }

  private eta(done: number, pending: number, paused: boolean): number | null {
    const now = performance.now();
    if (paused || pending === 0) {
      this.since = null;
      return pending === 0 ? 0 : null;
    }
    if (this.since === null || this.since.done > done) this.since = { at: now, done };
    const rate = (done - this.since.done) / (now - this.since.at);
    return rate > 0 ? Math.round(pending / rate) : null;
  }
}
