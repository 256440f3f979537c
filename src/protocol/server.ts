/**
 * The answering end of a channel. A handler gets the method, its arguments and what it may know about the call; its result, or
 * its error as plain data, goes back. `alive` is answered here: a channel that answers it has a running thread behind it.
 */
import { HeddleError } from '../core/errors.ts';
import type { CallFrame, Frame, FramePort } from './frames.ts';
import { Outbox } from './outbox.ts';
import { prepareTransfer } from './transfer.ts';

export interface CallContext {
  /** Aborted when the caller cancels, or goes away. */
  readonly signal: AbortSignal;
  /** The caller had sent this before, perhaps to another owner. */
  readonly resent: boolean;
  progress(value: unknown): void;
}

/** After so many calls that took so long, what is ready leaves though more wait: the other end goes on with it meanwhile. */
const LEAVING_CALLS = 8;
const LEAVING_MS = 0.5;
/** Microtasks within which a settled call has been answered and posted. */
const LEAVING_TICKS = 24;

/** A value, or a promise of one. Buffers in the result are given up. */
export type Handler = (method: string, args: readonly unknown[], context: CallContext) => unknown;

export class Server {
  private readonly port: FramePort;
  private readonly outbox: Outbox;
  private readonly handler: Handler;
  private readonly running = new Map<number, CallControl>();
  /** Frames that have arrived and not been looked at. */
  private readonly inbox: Frame[] = [];
  private working = false;

  private readonly mayLeave: () => boolean;

  /** `mayLeave`: whether answers may leave before all calls of a message were looked at; not where calls are gathered to be worked on together. */
  constructor(port: FramePort, handler: Handler, mayLeave: () => boolean = () => false) {
    this.port = port;
    this.mayLeave = mayLeave;
    this.outbox = new Outbox(port, (frame, error) => this.unsendable(frame, error));
    this.handler = handler;
    port.onmessage = (event) => this.receive(event.data as Frame[]);
    port.start?.();
  }

  /** Tells the caller something it did not ask for. */
  emit(name: string, value: unknown): void {
    this.outbox.push({ kind: 'event', name, value });
  }

  /** Sends what is ready now, without waiting for the turn's end; before a worker ends itself. */
  flush(): void {
    this.outbox.flush();
  }

  /** Stops listening and cancels what runs. */
  close(): void {
    this.port.onmessage = null;
    this.outbox.flush();
    this.inbox.length = 0;
    for (const control of this.running.values()) control.abort();
    this.running.clear();
    this.port.close?.();
  }

  private receive(frames: Frame[]): void {
    this.inbox.push(...frames);
    if (!this.working) void this.work();
  }

  private async work(): Promise<void> {
    this.working = true;
    let sentAt = performance.now();
    let since = 0;
    for (let frame = this.inbox.shift(); frame; frame = this.inbox.shift()) {
      if (frame.kind === 'call') this.answer(frame);
      else if (frame.kind === 'cancel') this.running.get(frame.id)?.abort();
      if (++since < LEAVING_CALLS || this.inbox.length === 0 || performance.now() - sentAt < LEAVING_MS || !this.mayLeave()) continue;
      for (let tick = 0; tick < LEAVING_TICKS; tick++) await Promise.resolve();
      sentAt = performance.now();
      since = 0;
    }
    this.working = false;
  }

  private answer(frame: CallFrame): void {
    const { id, method, args } = frame;
    if (method === 'alive') return this.reply(id, null);
    const control = new CallControl(frame.resent === true, (value) => this.outbox.push({ kind: 'progress', id, value }));
    let result: unknown;
    try {
      result = this.handler(method, args, control);
    } catch (thrown) {
      return this.refuse(id, thrown);
    }
    if (!(result instanceof Promise)) return this.reply(id, result);
    this.running.set(id, control);
    result.then(
      (value) => this.finish(id, control, () => this.reply(id, value)),
      (thrown) => this.finish(id, control, () => this.refuse(id, thrown)),
    );
  }

  private finish(id: number, control: CallControl, answer: () => void): void {
    // The same id may run a second time after a resend; only its own entry is taken away.
    if (this.running.get(id) === control) this.running.delete(id);
    answer();
  }

  private reply(id: number, value: unknown): void {
    const transfer: Transferable[] = [];
    this.outbox.push({ kind: 'result', id, value: prepareTransfer(value, transfer) }, transfer);
  }

  private unsendable(frame: Frame, error: unknown): void {
    if (frame.kind === 'result') this.refuse(frame.id, error);
  }

  private refuse(id: number, thrown: unknown): void {
    this.outbox.push({ kind: 'failure', id, error: HeddleError.from(thrown, 'Unsupported').toPlain() });
  }
}

/** Made for every call, so the abort controller, which is dear, is made only when asked for. */
class CallControl implements CallContext {
  readonly resent: boolean;
  readonly progress: (value: unknown) => void;
  private controller: AbortController | null = null;

  constructor(resent: boolean, progress: (value: unknown) => void) {
    this.resent = resent;
    this.progress = progress;
  }
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }
  abort(): void {
    this.controller ??= new AbortController();
    this.controller.abort();
  }
}
