/** What passes between a page, its coordinator worker and the switchboard, besides frames: boot, lifecycle, introductions. */
import type { PlainError } from '../core/errors.ts';

export interface BootOptions {
  readonly name: string;
  readonly storage: 'opfs' | 'memory';
  readonly durability: 'strict' | 'relaxed';
  /** Engines of a new database; null: by the number of cores. */
  readonly engines: number | null;
  /** An evicted database may be opened empty. */
  readonly allowEvicted: boolean;
  /** Names this tab on the broadcast channel, where there is no switchboard. */
  readonly tab: string;
  /** Whether batches of searches may go to the GPU; absent: `auto`. */
  readonly gpu?: 'auto' | 'force' | 'forbid';
  /** A damaged log is passed over. */
  readonly salvage?: boolean;
}

/** What a page asks of its coordinator worker, as frames on the worker's own port. */
export interface OwnerApi {
  /** Queues for ownership. `local`: frames of this tab. `switchboard`: introductions of other tabs; null: broadcast. */
  boot(options: BootOptions, local: MessagePort, switchboard: MessagePort | null): void;
  /** Asks for ownership again: frees an owner that is stuck in the back/forward cache. `steal`: from one that does not answer. */
  reclaim(steal: boolean): void;
  /** Closes in good order where it is the owner. */
  close(): Promise<void>;
  metrics(): Promise<OwnerMetrics>;
}

export type OwnerMethod = keyof OwnerApi;

export interface OwnerMetrics {
  readonly owner: boolean;
  readonly sessions: number;
  readonly engines: number;
  readonly engineRestarts: number;
}

export interface EngineBootOptions {
  readonly name: string;
  readonly index: number;
  readonly storage: 'opfs' | 'memory';
  readonly durability: 'strict' | 'relaxed';
  /** The database was made before. */
  readonly mustExist: boolean;
  readonly salvage?: boolean;
  /** Held as long as this worker lives. */
  readonly lifeLock: string;
}

/** An engine worker, by comlink. */
export interface EngineWorkerApi {
  /** Opens the host and serves it on `port`; the error where that fails. `gpu`: leads to the GPU worker. */
  boot(options: EngineBootOptions, port: MessagePort, gpu: MessagePort | null): Promise<PlainError | null>;
}

/** To the switchboard, from a page's port. */
export type SwitchboardRequest =
  /** This tab, with the port of its coordinator worker. */
  | { readonly kind: 'join'; readonly tab: string; readonly candidate: MessagePort }
  /** Another port to the owner, please: this one is silent. */
  | { readonly kind: 'again' }
  | { readonly kind: 'leave' };

/** From a coordinator worker that became the owner, to the switchboard. */
export interface LeadMessage {
  readonly kind: 'lead';
}

/** From the switchboard: a channel's end, to a page and to the owner. */
export interface IntroductionMessage {
  readonly kind: 'port';
  readonly port: MessagePort;
}

export const lockNames = {
  owner: (database: string): string => `heddle:${database}:owner`,
  client: (database: string, client: string): string => `heddle:${database}:client:${client}`,
  engine: (database: string, index: number, life: string): string => `heddle:${database}:engine:${index}:${life}`,
};

export const channelName = (database: string): string => `heddle:${database}`;
/** On the local port: this tab's worker became the owner. */
export const LEADING = 'leading';
