/** An open database: its collections, and what concerns all of them. */
import { HeddleError } from '../core/errors.ts';
import type { ApiArgs, ApiReply, DatabaseStats, GpuReport } from '../protocol/coordinator-api.ts';
import { backup, restore, type BackupSettings, type RestoreResult, type RestoreSettings } from './backup.ts';
import { Collections } from './collections.ts';
import type { Connection } from './connection.ts';
import type { CallSettings } from './types.ts';
import { VectorizingWorker } from './vectorizing.ts';

export interface StorageReport extends DatabaseStats {
  /** Bytes the origin uses and may use, as the browser tells; null where it does not. The quota is an estimate. */
  readonly usageBytes: number | null;
  readonly quotaBytes: number | null;
  /** The browser has promised not to evict; null outside browsers. */
  readonly persisted: boolean | null;
}

/** Firefox asks the user, and never answers when nobody is asked. */
const PERSIST_WAIT_MS = 2_000;
/** Work whose time grows with the data. */
const UNHURRIED_MS = 3_600_000;
const CLOSE_WAIT_MS = 30_000;

export class Database {
  readonly name: string;
  readonly collections: Collections;
  private readonly connection: Connection;
  private readonly worker: VectorizingWorker;
  private readonly release: () => Promise<void>;
  private closing: Promise<void> | null = null;

  /** `release` ends what the connection stands on (workers, locks), after the owner has closed in good order if it is ours. */
  constructor(connection: Connection, release: () => Promise<void>) {
    this.connection = connection;
    this.name = connection.name;
    this.release = release;
    this.worker = new VectorizingWorker(connection);
    this.collections = new Collections(connection, this.worker);
    this.worker.wake();
  }

  /** Sizes, counts and state, of the database and of each collection. */
  async storage(settings?: CallSettings): Promise<StorageReport> {
    const stats = await this.connection.call('stats', [], settings);
    const storage = globalThis.navigator?.storage as StorageManager | undefined;
    const estimate = (await storage?.estimate?.()) ?? {};
    const persisted = (await storage?.persisted?.()) ?? null;
    return { ...stats, usageBytes: estimate.usage ?? null, quotaBytes: estimate.quota ?? null, persisted };
  }

  /** The GPU: what it is, what it was measured to do, what it did. Null while no batch of searches was large enough to ask for it. */
  async gpu(settings?: CallSettings): Promise<GpuReport | null> {
    return (await this.connection.call('stats', [], settings)).gpu;
  }

  /** Asks the browser to keep the origin's data until the user deletes it; whether it agreed. Some browsers ask the user. */
  async persist(): Promise<boolean> {
    const storage = globalThis.navigator?.storage as StorageManager | undefined;
    if (storage?.persist === undefined) return false;
    const patience = new Promise<false>((resolve) => setTimeout(() => resolve(false), PERSIST_WAIT_MS));
    return Promise.race([storage.persist(), patience]);
  }

  /** Resolves when everything written survives a power cut; in a new database that takes up to a minute. */
  async settled(settings?: CallSettings): Promise<void> {
    await this.unhurried('settled', settings);
  }

  /** Reads everything and returns what is damaged; empty when all is well. */
  verify(settings?: CallSettings): Promise<readonly string[]> {
    return this.unhurried('verify', settings);
  }

  /** Writes all memtables to segments. */
  async flush(settings?: CallSettings): Promise<void> {
    await this.unhurried('flush', settings);
  }

  /** Finishes all background work and merges everything; the disk shrinks to what is needed. */
  async compact(settings?: CallSettings): Promise<void> {
    await this.unhurried('compact', settings);
  }

  private unhurried<M extends 'settled' | 'verify' | 'flush' | 'compact'>(method: M, settings?: CallSettings): Promise<ApiReply<M>> {
    return this.connection.call(method, [] as unknown as ApiArgs<M>, { timeoutMs: UNHURRIED_MS, ...settings });
  }

  /** A round trip to an engine worker and back. */
  async ping(settings?: CallSettings): Promise<void> {
    await this.connection.call('ping', [], settings);
  }

  /** The whole database, or some collections of it, as one stream of bytes. */
  backup(settings?: BackupSettings): ReadableStream<Uint8Array<ArrayBuffer>> {
    return backup(this.connection, settings);
  }

  /**
   * A backup of a damaged database: what can't be read is left out and counted (`onProgress`, and in the stream's end). Objects are looked
   * for one by one, whatever the indexes say of them; restoring builds all indexes anew.
   */
  salvage(settings?: BackupSettings): ReadableStream<Uint8Array<ArrayBuffer>> {
    return backup(this.connection, settings, true);
  }

  /** Brings collections back from a backup; those that exist already are a `Conflict` before anything is written. */
  restore(source: ReadableStream<Uint8Array> | Blob, settings?: RestoreSettings): Promise<RestoreResult> {
    return restore(this.connection, source, settings);
  }

  /** Called when a log message comes from the owner. Returns how to stop. */
  onLog(callback: (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void): () => void {
    return this.connection.on('log', ({ level, message, fields }) => callback(level, message, fields));
  }

  /** Closes this tab's connection. The last one flushes; what was acknowledged is safe either way. */
  close(): Promise<void> {
    this.closing ??= this.closeNow();
    return this.closing;
  }

  private async closeNow(): Promise<void> {
    this.worker.close();
    await this.connection.call('goodbye', [], { timeoutMs: CLOSE_WAIT_MS }).catch((thrown: unknown) => {
      // The owner may be gone; then there is nobody to take leave of.
      if (!(thrown instanceof HeddleError)) throw thrown;
    });
    this.connection.close();
    await this.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
