/**
 * What runs in a tab's coordinator worker: a candidate for ownership, and once it holds the Web Lock, the owner.
 *
 * - The lock is held by this worker, not by the page, so one `terminate` ends ownership, engines and files together.
 * - Ports are served from the moment the lock is held, while the database is still being opened: calls wait, `alive` is answered.
 * - When the lock is stolen, everything is dropped at once: the files' exclusive handles are the real fence, and they must be let go.
 * Source: opfs.md, section 4.6.
 */
import { HeddleError } from '../core/errors.ts';
import { BroadcastPort, type Broadcast, type Letter } from '../protocol/broadcast-port.ts';
import type { FramePort } from '../protocol/frames.ts';
import {
  LEADING,
  lockNames,
  type BootOptions,
  type IntroductionMessage,
  type LeadMessage,
  type OwnerApi,
  type OwnerMethod,
  type OwnerMetrics,
} from '../protocol/owner-api.ts';
import { Server } from '../protocol/server.ts';
import type { Coordinator } from './coordinator.ts';
import { Session } from './session.ts';

/** What a worker's global scope gives; passed in, so that this can be tested and no global is used here. */
export interface OwnerEnvironment {
  readonly locks: LockManager;
  /** Opens the database; `kill` in the result's engines ends all at once. */
  open(options: BootOptions): Promise<Coordinator>;
  broadcast(name: string): Broadcast;
  /** Ends this worker, with everything below it. */
  end(): void;
}

export class Owner implements OwnerApi {
  private readonly environment: OwnerEnvironment;
  private options: BootOptions | null = null;
  private local: MessagePort | null = null;
  private switchboard: MessagePort | null = null;
  private queued: AbortController | null = null;
  private opening: Promise<Coordinator> | null = null;
  private readonly sessions = new Set<Session>();
  private release: () => void = () => undefined;
  private closed = false;

  constructor(environment: OwnerEnvironment) {
    this.environment = environment;
  }

  boot(options: BootOptions, local: MessagePort, switchboard: MessagePort | null): void {
    this.options = options;
    this.local = local;
    this.switchboard = switchboard;
    if (options.storage === 'memory') void this.lead();
    else this.queue(false);
  }

  reclaim(steal: boolean): void {
    if (this.opening !== null || this.options === null || this.closed) return;
    // Aborting a queued request makes the browser look at the queue again, which frees a holder in the back/forward cache.
    this.queued?.abort();
    this.queue(steal);
  }

  private queue(steal: boolean): void {
    const queued = new AbortController();
    this.queued = queued;
    const request = steal ? { steal } : { signal: queued.signal };
    this.environment.locks
      .request(lockNames.owner(this.options!.name), request, () => this.lead())
      .catch((thrown: unknown) => {
        if (queued.signal.aborted && this.opening === null) return;
        // The lock was taken from us: another worker may be opening the files at this moment.
        void thrown;
        this.environment.end();
      });
  }

  /** Holds the lock until the promise resolves. */
  private async lead(): Promise<void> {
    if (this.closed) return;
    const held = new Promise<void>((resolve) => (this.release = resolve));
    this.opening = this.environment.open(this.options!);
    // Who asks gets the error with the answer to its hello.
    this.opening.then((coordinator) => (coordinator.onGreeted = (session) => this.watch(coordinator, session))).catch(() => this.release());
    this.serve(this.local as FramePort);
    this.local!.postMessage([{ kind: 'event', name: LEADING, value: null }]);
    if (this.options!.storage === 'opfs') this.introduceItself();
    await held;
  }

  private introduceItself(): void {
    const { switchboard, options } = this;
    if (switchboard !== null) {
      switchboard.onmessage = (event) => this.serve((event.data as IntroductionMessage).port);
      switchboard.postMessage({ kind: 'lead' } satisfies LeadMessage);
      return;
    }
    const { name, tab } = options!;
    const channel = this.environment.broadcast(name);
    channel.addEventListener('message', (event) => {
      const { from, kind } = event.data as Letter;
      if (kind !== 'join' || from === tab) return;
      this.serve(new BroadcastPort(channel, tab, from));
      channel.postMessage({ from: tab, to: from, kind: 'welcome' } satisfies Letter);
    });
    channel.postMessage({ from: tab, to: null, kind: 'lead' } satisfies Letter);
  }

  private serve(port: FramePort): void {
    const session = new Session(this.opening!, port);
    this.sessions.add(session);
    session.onClosed = () => this.sessions.delete(session);
  }

  /** A client holds a lock as long as it lives; when it can be had, the client is gone. */
  private watch(coordinator: Coordinator, session: Session): void {
    if (this.options!.storage === 'memory') return;
    this.environment.locks
      .request(lockNames.client(this.options!.name, session.name), () => coordinator.clientGone(session.name))
      .catch(() => undefined); // this worker is being ended
  }

  async close(): Promise<void> {
    this.closed = true;
    this.queued?.abort();
    const coordinator = await this.opening?.catch(() => null);
    await coordinator?.close();
    this.release();
  }

  async metrics(): Promise<OwnerMetrics> {
    const coordinator = await this.opening?.catch(() => null);
    const engines = coordinator?.engines ?? [];
    return {
      owner: this.opening !== null,
      sessions: this.sessions.size,
      engines: engines.length,
      engineRestarts: engines.reduce((sum, { restarts }) => sum + restarts, 0),
    };
  }
}

const METHODS: ReadonlySet<string> = new Set<OwnerMethod>(['boot', 'reclaim', 'close', 'metrics']);

/** Answers the page's calls for boot and lifecycle. */
export function serveOwner(port: FramePort, owner: Owner): Server {
  return new Server(port, (method, args) => {
    if (!METHODS.has(method)) throw new HeddleError('Unsupported', `the coordinator worker has no method ${JSON.stringify(method)}`);
    return (owner[method as OwnerMethod] as (...args: readonly unknown[]) => unknown).apply(owner, args as unknown[]);
  });
}
