/**
 * How a page reaches the owner of a database in a browser: its own coordinator worker, which may be or become the owner, and the
 * introductions of the switchboard (or a broadcast channel) to the worker of another tab.
 *
 * - `pagehide` ends the worker at once: a page in the back/forward cache must not keep the lock. `pageshow` starts anew.
 * - A silent owner is asked for a sign of life, then the lock is asked for again, at last stolen (opfs.md, section 4.6).
 * - Frozen pages let go of ownership too.
 */
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { Caller } from '../protocol/caller.ts';
import { BroadcastPort, type Letter } from '../protocol/broadcast-port.ts';
import type { Frame, FramePort } from '../protocol/frames.ts';
import { PROTOCOL_VERSION } from '../protocol/frames.ts';
import {
  channelName,
  LEADING,
  lockNames,
  type BootOptions,
  type IntroductionMessage,
  type OwnerMethod,
  type SwitchboardRequest,
} from '../protocol/owner-api.ts';
import type { Connection } from './connection.ts';
import type { ConnectOptions } from './options.ts';

const ASK_AFTER_MS = 2_000;
const RECLAIM_AFTER_MS = 5_000;
const STEAL_AFTER_MS = 15_000;
const CLOSE_WAIT_MS = 10_000;

/** Starts it; returns how to end it. */
export function browserTransport(
  name: string,
  options: ConnectOptions,
  connection: Connection,
  attach: (port: FramePort) => void,
  fail: (error: HeddleError) => void,
): () => Promise<void> {
  const lack = missing(options);
  if (lack !== null) {
    fail(lack);
    return () => Promise.resolve();
  }
  const link = new OwnerLink(name, options, connection, attach, fail);
  link.start();
  return () => link.close();
}

/** What this place lacks for a database, said so that the app can tell its user. */
function missing({ storage }: ConnectOptions): HeddleError | null {
  const unavailable = (message: string, hint: string): HeddleError => new HeddleError('StorageUnavailable', message, { hint });
  if (typeof storage === 'object') return unavailable('a browser has no file system paths', 'Leave storage out: it is OPFS in browsers.');
  if (storage !== 'memory') {
    if (!globalThis.isSecureContext)
      return unavailable('this page is not a secure context, so the browser gives it no storage', 'Serve it over HTTPS or from localhost.');
    if (navigator.locks === undefined) return unavailable('this browser has no Web Locks', 'Use a current browser, or storage: "memory".');
    if (navigator.storage?.getDirectory === undefined)
      return unavailable(
        'this browser gives the page no private file system (OPFS)',
        'Private windows and old browsers lack it. Open a normal window, or choose storage: "memory", which keeps nothing.',
      );
  }
  return typeof Worker === 'undefined' ? unavailable('this place has no workers', 'Call connect() on a page.') : null;
}

class OwnerLink {
  private readonly name: string;
  private readonly options: ConnectOptions;
  private readonly connection: Connection;
  private readonly attach: (port: FramePort) => void;
  private readonly fail: (error: HeddleError) => void;
  private readonly tab: string;
  private worker: Worker | null = null;
  /** To this tab's worker: boot and lifecycle. */
  private control: Caller | null = null;
  private isOwner = false;
  private switchboard: MessagePort | null = null;
  private channel: BroadcastChannel | null = null;
  private releaseClientLock: () => void = () => undefined;
  private blockedTimer: ReturnType<typeof setTimeout> | null = null;
  private asked = false;
  private reclaimedAt = 0;

  constructor(
    name: string,
    options: ConnectOptions,
    connection: Connection,
    attach: (port: FramePort) => void,
    fail: (error: HeddleError) => void,
  ) {
    this.fail = fail;
    this.name = name;
    this.options = options;
    this.connection = connection;
    this.tab = uuidText(connection.clientId);
    this.attach = (port) => {
      if (this.blockedTimer !== null) clearTimeout(this.blockedTimer);
      this.asked = false;
      attach(port);
    };
  }

  start(): void {
    addEventListener('pagehide', this.hide);
    addEventListener('pageshow', this.show);
    document.addEventListener('freeze', this.hide);
    document.addEventListener('resume', this.show);
    this.connection.caller.onSilence = (silentMs) => this.silence(silentMs);
    if (this.options.onBlocked !== undefined) this.blockedTimer = setTimeout(this.options.onBlocked, RECLAIM_AFTER_MS);
    this.run();
  }

  private run(): void {
    const local = new MessageChannel();
    local.port1.onmessage = (event: MessageEvent<Frame[]>) => {
      const [first] = event.data;
      if (first.kind !== 'event' || first.name !== LEADING) return;
      this.isOwner = true;
      this.attach(local.port1);
    };
    this.worker = this.makeWorker();
    this.control = new Caller();
    void this.control.attach(this.worker);
    const { storage, durability = 'strict', engines = null, onEvicted, gpu, salvage } = this.options;
    const boot: BootOptions = {
      name: this.name,
      storage: storage === 'memory' ? 'memory' : 'opfs',
      durability,
      engines,
      allowEvicted: onEvicted !== undefined,
      tab: this.tab,
      gpu,
      salvage,
    };
    const { worker } = this;
    const begin = (): void => {
      if (this.worker !== worker) return;
      const candidate = boot.storage === 'memory' ? null : this.joinSwitchboard();
      const ports = candidate === null ? [local.port2] : [local.port2, candidate];
      void this.ask('boot', [boot, local.port2, candidate], ports);
    };
    // The lock first: an owner that could have it would take this page for gone.
    if (boot.storage === 'opfs') this.holdClientLock(begin);
    else begin();
  }

  private async ask(method: OwnerMethod, args: readonly unknown[], transfer: readonly Transferable[] = []): Promise<void> {
    await this.control?.call(method, args, { transfer }).catch((thrown: unknown) => {
      // The worker was ended meanwhile, or is stuck: the frames' own deadlines tell the callers.
      this.options.logger?.('debug', `${method}: ${String(thrown)}`);
    });
  }

  private makeWorker(): Worker {
    const { worker } = this.options;
    const made =
      worker?.() ??
      new Worker(new URL('../../workers/coordinator.worker.ts', import.meta.url), { type: 'module', name: 'heddle coordinator' });
    made.onerror = (event) => {
      event.preventDefault();
      const message = `the coordinator worker failed: ${event.message || 'its script could not be loaded'}`;
      this.options.logger?.('error', message);
      // Without effect once the database is open.
      this.fail(
        new HeddleError('StorageUnavailable', message, {
          hint: 'Is coordinator.worker.js served, and allowed by the Content-Security-Policy (worker-src)?',
        }),
      );
    };
    return made;
  }

  /** The port that the worker shall have to the switchboard; null where there is none and letters are broadcast. */
  private joinSwitchboard(): MessagePort | null {
    if (typeof SharedWorker === 'undefined') {
      this.joinBroadcast();
      return null;
    }
    const shared = new SharedWorker(new URL('../../workers/switchboard.worker.ts', import.meta.url), {
      type: 'module',
      name: `${channelName(this.name)}:${PROTOCOL_VERSION}`,
    });
    const { port1, port2 } = new MessageChannel();
    this.switchboard = shared.port;
    shared.port.onmessage = (event: MessageEvent<IntroductionMessage>) => {
      if (!this.isOwner) this.attach(event.data.port);
    };
    this.tell({ kind: 'join', tab: this.tab, candidate: port1 }, [port1]);
    return port2;
  }

  private tell(request: SwitchboardRequest, ports: MessagePort[] = []): void {
    this.switchboard?.postMessage(request, ports);
  }

  private joinBroadcast(): void {
    const channel = new BroadcastChannel(channelName(this.name));
    this.channel = channel;
    const join = (): void => channel.postMessage({ from: this.tab, to: null, kind: 'join' } satisfies Letter);
    channel.addEventListener('message', (event: MessageEvent<Letter>) => {
      const { from, to, kind } = event.data;
      // Our own worker speaks on a port of its own: a greeting that came later this way would end that port's session.
      if (this.isOwner || from === this.tab) return;
      if (kind === 'lead') join();
      else if (kind === 'welcome' && to === this.tab) this.attach(new BroadcastPort(channel, this.tab, from));
    });
    join();
  }

  /** Tells the owner, by its end, that this page is gone. */
  private holdClientLock(held: () => void): void {
    const released = new Promise<void>((resolve) => (this.releaseClientLock = resolve));
    const hold = (): Promise<void> => (held(), released);
    navigator.locks.request(lockNames.client(this.name, this.tab), hold).catch(() => undefined); // the page is going away
  }

  /** Calls wait and nothing was heard for this long. */
  private silence(silentMs: number): void {
    if (silentMs < ASK_AFTER_MS) {
      this.asked = false;
      return;
    }
    if (!this.asked) {
      this.asked = true;
      this.connection.caller.call('alive', []).catch(() => undefined); // only its being answered counts
    }
    const now = performance.now();
    if (silentMs < RECLAIM_AFTER_MS || now - this.reclaimedAt < RECLAIM_AFTER_MS || this.isOwner) return;
    this.reclaimedAt = now;
    this.options.onBlocked?.();
    this.tell({ kind: 'again' });
    void this.ask('reclaim', [silentMs >= STEAL_AFTER_MS]);
  }

  private readonly hide = (): void => {
    if (this.worker === null) return;
    this.connection.caller.detach();
    this.stop();
  };

  private readonly show = (): void => {
    if (this.worker === null) this.run();
  };

  private stop(): void {
    this.tell({ kind: 'leave' });
    this.switchboard?.close();
    this.channel?.close();
    this.releaseClientLock();
    this.worker?.terminate();
    this.worker = null;
    this.control?.close(new HeddleError('Closed', 'the worker was ended'));
    this.control = null;
    this.switchboard = null;
    this.channel = null;
    this.isOwner = false;
  }

  async close(): Promise<void> {
    removeEventListener('pagehide', this.hide);
    removeEventListener('pageshow', this.show);
    document.removeEventListener('freeze', this.hide);
    document.removeEventListener('resume', this.show);
    if (this.blockedTimer !== null) clearTimeout(this.blockedTimer);
    const patience = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_WAIT_MS));
    if (this.isOwner) await Promise.race([this.ask('close', []), patience]);
    this.stop();
  }
}
