/**
 * One engine worker under supervision: started, asked, and started again when it dies.
 *
 * Invariants:
 * - A request that was with an engine when it died, or that met a poisoned one, fails with a retryable `LeaderChanged`; the client
 *   sends it again, byte for byte, and the engine's request table sees to it that it is applied once.
 * - Requests that come while the engine is being started wait for it.
 * - An engine that dies `RESTARTS_MAX` times within `RESTART_WINDOW_MS` is given up: its requests fail with the cause.
 */
import type { Clock, Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { EngineHost } from '../shard/host-api.ts';

export const RESTARTS_MAX = 5;
export const RESTART_WINDOW_MS = 60_000;

/** A running engine, in a worker or in this thread. */
export interface EngineProcess {
  readonly host: EngineHost;
  /** Resolves with the reason when it is no longer there. Never rejects. */
  readonly died: Promise<HeddleError>;
  /** Answers as soon as the thread is free. */
  ping(): Promise<unknown>;
  /** Ends it at once, without flushing; what it held is released when this resolves. */
  kill(): Promise<void>;
}

export class Engine {
  readonly index: number;
  private readonly start: () => Promise<EngineProcess>;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private process: EngineProcess | null = null;
  private starting: Promise<EngineProcess> | null = null;
  private readonly deaths: number[] = [];
  private closed = false;
  /** How often it was started again. */
  restarts = 0;
  /** Requests with it now; background work steps aside for them. */
  inFlight = 0;
  /** Called when it was started again, before waiting requests go on. */
  onRestart: (host: EngineHost) => void = () => undefined;
  /** Called when a request met damage. */
  onDamage: () => void = () => undefined;

  constructor(index: number, start: () => Promise<EngineProcess>, clock: Clock, logger: Logger) {
    this.index = index;
    this.start = start;
    this.clock = clock;
    this.logger = logger;
  }

  async open(): Promise<void> {
    await this.living();
  }

  /** Asks the engine. Errors are the engine's own, but for `LeaderChanged` when it died over it. */
  run<T>(action: (host: EngineHost) => Promise<T>): Promise<T> {
    return this.ask((process) => action(process.host));
  }

  ping(): Promise<unknown> {
    return this.ask((process) => process.ping());
  }

  /** Asks for something that takes its time and needs none of the engine's, like the settling of files: background work goes on. */
  wait<T>(action: (host: EngineHost) => Promise<T>): Promise<T> {
    return this.ask((process) => {
      this.inFlight--;
      return action(process.host).finally(() => this.inFlight++);
    });
  }

  private async ask<T>(action: (process: EngineProcess) => Promise<T>): Promise<T> {
    const process = this.process ?? (await this.living());
    this.inFlight++;
    try {
      return await action(process);
    } catch (thrown) {
      throw this.judge(process, HeddleError.from(thrown, 'Corruption'));
    } finally {
      this.inFlight--;
    }
  }

  /** A poisoned engine (its log failed) is of no more use: it is ended, and opened again for the next request. */
  private judge(process: EngineProcess, error: HeddleError): HeddleError {
    if (error.code === 'Corruption') this.onDamage();
    if (error.code !== 'StorageUnavailable' || !error.retryable) return error;
    void process.kill();
    this.buried(process, error);
    return engineLost(this.index, error);
  }

  private living(): Promise<EngineProcess> {
    if (this.closed) return Promise.reject(new HeddleError('Closed', 'the database is closed'));
    if (this.process !== null) return Promise.resolve(this.process);
    this.starting ??= this.startWatched().finally(() => (this.starting = null));
    return this.starting;
  }

  private async startWatched(): Promise<EngineProcess> {
    const again = this.deaths.length > 0;
    const process = await this.start();
    this.process = process;
    void process.died.then((reason) => this.buried(process, reason));
    if (again) {
      this.restarts++;
      this.onRestart(process.host);
    }
    return process;
  }

  private buried(process: EngineProcess, reason: HeddleError): void {
    if (this.process !== process || this.closed) return;
    this.process = null;
    const now = this.clock.monotonic();
    this.deaths.push(now);
    while (this.deaths[0] < now - RESTART_WINDOW_MS) this.deaths.shift();
    this.logger.log('warn', `engine ${this.index} died: ${reason.message}`, { code: reason.code, deaths: this.deaths.length });
    if (this.deaths.length <= RESTARTS_MAX) {
      this.living().catch((thrown: unknown) =>
        this.logger.log('error', `engine ${this.index} could not be started again`, { cause: String(thrown) }),
      );
      return;
    }
    const given = new HeddleError(
      'StorageUnavailable',
      `engine ${this.index} died ${this.deaths.length} times in a minute: ${reason.message}`,
      {
        hint: 'Reload the page; if it happens again, export what can be read and restore it into a new database.',
        details: { cause: reason.code },
        cause: reason,
      },
    );
    this.starting = Promise.reject(given);
    this.starting.catch(() => undefined);
  }

  /** Orderly: memtables are flushed. */
  async close(): Promise<void> {
    const process = this.process ?? (await this.starting?.catch(() => null)) ?? null;
    this.closed = true;
    if (process === null) return;
    try {
      await process.host.close();
    } finally {
      await process.kill();
    }
  }
}

export function engineLost(index: number, cause: HeddleError): HeddleError {
  return new HeddleError('LeaderChanged', `engine ${index} was lost: ${cause.message}`, {
    hint: 'The call can be repeated; a write is applied at most once.',
    details: { engine: index, cause: cause.code },
    cause,
  });
}
