/**
 * An engine's host of shards across a port: `serveHost` in the engine worker, `remoteHost` in the coordinator. The two carry the
 * `EngineHost` interface method by method.
 */
import { HeddleError } from '../core/errors.ts';
import { Caller } from '../protocol/caller.ts';
import type { FramePort } from '../protocol/frames.ts';
import { Server, type Handler } from '../protocol/server.ts';
import type { EngineHost, WriteRequest } from '../shard/host-api.ts';

type HostMethod = keyof EngineHost;

const METHODS: ReadonlySet<string> = new Set<HostMethod>([
  'putShard',
  'dropShard',
  'shards',
  'write',
  'get',
  'exists',
  'scan',
  'salvage',
  'count',
  'keywordStats',
  'search',
  'fetch',
  'answer',
  'aggregate',
  'match',
  'pendingVectors',
  'maintain',
  'flush',
  'compact',
  'verify',
  'stats',
  'settled',
  'close',
  'vectorHealth',
]);

/** Calls that may take as long as the data is large. */
const UNHURRIED: ReadonlySet<string> = new Set(['compact', 'verify', 'settled', 'flush', 'close', 'putShard']);
const UNHURRIED_MS = 24 * 60 * 60 * 1_000;

/**
 * Answers calls on `port` from `host`. `onFault` is told, after the answer has left, of a trap of the wasm engine or a mistake
 * of ours, after which the state of memory cannot be trusted.
 */
export function serveHost(port: FramePort, host: EngineHost, onFault: (thrown: unknown) => void, mayLeave?: () => boolean): Server {
  const handle: Handler = (method, args) => {
    if (!METHODS.has(method)) throw new HeddleError('Unsupported', `the engine has no method ${JSON.stringify(method)}`);
    const run = host[method as HostMethod] as (...args: readonly unknown[]) => Promise<unknown>;
    return run.apply(host, args as unknown[]).catch((thrown: unknown) => {
      // The answer leaves first: a call that traps again and again must not be sent again and again.
      if (isFault(method, thrown)) setTimeout(() => onFault(thrown));
      throw thrown;
    });
  };
  return new Server(port, handle, mayLeave);
}

const MUTATING: ReadonlySet<string> = new Set<HostMethod>(['putShard', 'dropShard', 'write', 'maintain', 'flush', 'compact']);

/** Whether memory can still be trusted: not after a trap, nor after a mistake of ours in the middle of a change. */
function isFault(method: string, thrown: unknown): boolean {
  const cause = thrown instanceof HeddleError ? thrown.cause : thrown;
  if (cause instanceof WebAssembly.RuntimeError) return true;
  return MUTATING.has(method) && !(thrown instanceof HeddleError);
}

export interface RemoteHost {
  readonly host: EngineHost;
  /** Answers when the thread is free. */
  ping(): Promise<unknown>;
  /** Everything pending fails with `error`. */
  close(error: HeddleError): void;
}

export function remoteHost(port: FramePort): RemoteHost {
  const caller = new Caller();
  void caller.attach(port);
  const host: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  for (const method of METHODS) {
    const options = UNHURRIED.has(method) ? { timeoutMs: UNHURRIED_MS } : {};
    host[method] = (...args) => caller.call(method, args, options);
  }
  // The coordinator made the batch's bytes for this one call, or got them for it.
  host.write = (request) => caller.call('write', [request], { transfer: [(request as WriteRequest).batch.buffer as ArrayBuffer] });
  return {
    host: host as unknown as EngineHost,
    ping: () => caller.call('alive', []),
    close: (error) => caller.close(error),
  };
}
