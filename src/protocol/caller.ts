/**
 * The asking end of a channel: calls with ids, answers, cancellation, deadlines, credits, and the resend of what was not
 * answered when the other end changes.
 *
 * Invariants:
 * - Every call settles: by its answer, by `Aborted`, by `Timeout` at its deadline, or by `close`.
 * - Calls leave in the order they were made, again so after a change of port.
 * - Arguments are kept (never transferred) until the answer, so that a resend is the same byte for byte.
 * - With nothing pending there is no timer.
 */
import { HeddleError, type PlainError } from '../core/errors.ts';
import type { Frame, FramePort } from './frames.ts';
import { Outbox } from './outbox.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly onProgress?: (value: never) => void;
  /** Bytes this call holds in flight; beyond the credit the other end granted, calls wait here. */
  readonly bytes?: number;
  /** Buffers in the arguments that move; only on a channel that never changes its other end, since they can't be sent again. */
  readonly transfer?: readonly Transferable[];
}

/** Generous: a first open may recover a large log, a backup may stream for long. */
export const DEADLINE_MS = 120_000;
/** Bytes of unanswered calls the other end is ready to hold for one client. */
export const CREDIT_BYTES = 16 * 1024 * 1024;
const SWEEP_MS = 500;
const RESENDS_MAX = 8;

interface Pending {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly bytes: number;
  readonly deadline: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HeddleError) => void;
  readonly onProgress: ((value: never) => void) | undefined;
  readonly release: (() => void) | undefined;
  readonly transfer: readonly Transferable[] | undefined;
  /** Sent at least once, perhaps to another end. */
  sent: boolean;
  /** With the other end now, holding its credit. */
  inFlight: boolean;
  /** Held back until there is credit. */
  held: boolean;
  resends: number;
}

export class Caller {
  private port: FramePort | null = null;
  private outbox: Outbox | null = null;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private bytesInFlight = 0;
  private heldCount = 0;
  private sweeper: ReturnType<typeof setTimeout> | null = null;
  private closed: HeddleError | null = null;
  private heardAt = 0;
  private readonly now: () => number;
  /** Called with every event frame. */
  onEvent: (name: string, value: unknown) => void = () => undefined;
  /** Called about twice a second while calls wait, with the milliseconds since anything was heard. */
  onSilence: (silentMs: number) => void = () => undefined;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  get pendingCount(): number {
    return this.pending.size;
  }

  /**
   * Takes a new other end; everything unanswered is sent to it again, in order, after the greeting. Returns the answer to the
   * greeting; one that an earlier end did not answer is dropped.
   */
  attach(port: FramePort, greeting?: string, args: readonly unknown[] = []): Promise<unknown> {
    this.detach();
    this.port = port;
    this.outbox = new Outbox(port, (frame, error) => this.unsendable(frame, error));
    port.onmessage = (event) => this.receive(event.data as Frame[]);
    port.start?.();
    this.heardAt = this.now();
    this.bytesInFlight = 0;
    this.heldCount = 0;
    for (const call of this.pending.values()) call.inFlight = call.held = false;
    for (const call of this.pending.values())
      if (call.method === greeting)
        this.settle(call, () => call.reject(new HeddleError('LeaderChanged', 'the owner changed before it answered')));
    const greeted = greeting === undefined ? Promise.resolve() : this.call(greeting, args);
    for (const call of this.pending.values()) this.send(call);
    return greeted;
  }

  /** Lets the other end go; calls wait for the next one. */
  detach(): void {
    if (this.port === null) return;
    this.port.onmessage = null;
    this.port = null;
    this.outbox = null;
  }

  /** Closes the channel; what is pending and whatever comes later fails with `error`. */
  close(error: HeddleError): void {
    this.closed = error;
    this.detach();
    for (const call of this.pending.values()) this.settle(call, () => call.reject(error));
  }

  call<T>(method: string, args: readonly unknown[], options: CallOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal } = options;
      if (this.closed !== null) return reject(this.closed);
      if (signal?.aborted === true) return reject(abortedError(method, signal));
      const id = this.nextId++;
      const abort = signal === undefined ? undefined : (): void => this.cancel(id, signal);
      const call: Pending = {
        id,
        method,
        args,
        bytes: options.bytes ?? 0,
        deadline: this.now() + (options.timeoutMs ?? DEADLINE_MS),
        resolve: resolve as (value: unknown) => void,
        reject,
        onProgress: options.onProgress,
        release: abort && (() => signal?.removeEventListener('abort', abort)),
        transfer: options.transfer,
        sent: false,
        inFlight: false,
        held: false,
        resends: 0,
      };
      if (abort !== undefined) signal?.addEventListener('abort', abort);
      if (this.pending.size === 0) this.heardAt = this.now();
      this.pending.set(id, call);
      this.sweeper ??= setTimeout(this.sweep, SWEEP_MS);
      this.send(call);
    });
  }

  private send(call: Pending): void {
    if (this.outbox === null || call.inFlight || call.held) return;
    const fits = this.bytesInFlight === 0 || this.bytesInFlight + call.bytes <= CREDIT_BYTES;
    if (call.bytes === 0 || (this.heldCount === 0 && fits)) return this.transmit(call, this.outbox);
    call.held = true;
    this.heldCount++;
  }

  private transmit(call: Pending, outbox: Outbox): void {
    this.bytesInFlight += call.bytes;
    const { id, method, args } = call;
    outbox.push(call.sent ? { kind: 'call', id, method, args, resent: true } : { kind: 'call', id, method, args }, call.transfer);
    call.sent = call.inFlight = true;
  }

  private land(call: Pending): void {
    if (call.inFlight) this.bytesInFlight -= call.bytes;
    if (call.held) this.heldCount--;
    call.inFlight = call.held = false;
  }

  /** Sends held calls, oldest first, as far as the credit goes. */
  private spendCredit(): void {
    if (this.heldCount === 0 || this.outbox === null) return;
    for (const call of this.pending.values()) {
      if (!call.held) continue;
      if (this.bytesInFlight > 0 && this.bytesInFlight + call.bytes > CREDIT_BYTES) return;
      call.held = false;
      this.heldCount--;
      this.transmit(call, this.outbox);
    }
  }

  private receive(frames: Frame[]): void {
    this.heardAt = this.now();
    for (const frame of frames) {
      if (frame.kind === 'event') {
        this.onEvent(frame.name, frame.value);
        continue;
      }
      const call = this.pending.get(frame.id);
      if (call === undefined) continue;
      if (frame.kind === 'result') this.settle(call, () => call.resolve(frame.value));
      else if (frame.kind === 'failure') this.fail(call, frame.error);
      else if (frame.kind === 'progress') call.onProgress?.(frame.value as never);
    }
    this.spendCredit();
  }

  private fail(call: Pending, error: PlainError): void {
    if (error.code === 'LeaderChanged' && call.resends < RESENDS_MAX) {
      this.land(call);
      const delayMs = Math.min(1_000, 10 * 2 ** call.resends++);
      setTimeout(() => {
        if (this.pending.has(call.id)) this.send(call);
      }, delayMs);
      return;
    }
    this.settle(call, () => call.reject(HeddleError.fromPlain(error)));
  }

  private unsendable(frame: Frame, error: unknown): void {
    const call = frame.kind === 'call' ? this.pending.get(frame.id) : undefined;
    if (call === undefined) return;
    const { message } = HeddleError.from(error);
    this.settle(call, () =>
      call.reject(
        new HeddleError('InvalidInput', `${call.method}: an argument can't be sent: ${message}`, {
          hint: 'Pass plain data: no functions, no class instances.',
          cause: error,
        }),
      ),
    );
  }

  private cancel(id: number, signal: AbortSignal): void {
    const call = this.pending.get(id);
    if (call === undefined) return;
    this.outbox?.push({ kind: 'cancel', id });
    this.settle(call, () => call.reject(abortedError(call.method, signal)));
  }

  private settle(call: Pending, how: () => void): void {
    this.pending.delete(call.id);
    this.land(call);
    call.release?.();
    how();
  }

  private readonly sweep = (): void => {
    this.sweeper = null;
    const now = this.now();
    for (const call of this.pending.values()) {
      if (call.deadline > now) continue;
      this.outbox?.push({ kind: 'cancel', id: call.id });
      this.settle(call, () => call.reject(timeoutError(call.method)));
    }
    this.spendCredit();
    if (this.pending.size === 0) return;
    this.sweeper = setTimeout(this.sweep, SWEEP_MS);
    this.onSilence(now - this.heardAt);
  };
}

function abortedError(method: string, signal: AbortSignal): HeddleError {
  return new HeddleError('Aborted', `${method} was aborted`, { cause: signal.reason });
}

function timeoutError(method: string): HeddleError {
  return new HeddleError('Timeout', `${method} was not answered in time`, {
    hint: 'Give a larger timeoutMs, or try again: a write is applied at most once.',
  });
}
