/** The options of `connect`. */
import type { Vectorizer } from './vectorizer.ts';

export type LogFunction = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;

export interface ConnectOptions {
  /**
   * `opfs` (default in browsers), `{ path }` (default in Node: the current folder), or `memory`, which is gone with the page and is never
   * chosen by itself.
   */
  readonly storage?: 'opfs' | 'memory' | { readonly path: string };
  /** `strict` (default): flushed before a write is acknowledged. `relaxed`: within 50 ms. */
  readonly durability?: 'strict' | 'relaxed';
  /**
   * Opens a database whose log is damaged, which is refused else: with what is left, to be read and for `db.salvage()`. Nothing can be
   * written, and the files stay as they are. A database that is whole opens as always.
   */
  readonly salvage?: boolean;
  readonly signal?: AbortSignal;
  /** How long opening may take; two minutes. */
  readonly timeoutMs?: number;
  /** Vectorizers that this tab offers. */
  readonly vectorizers?: readonly Vectorizer[];
  /** Engine workers of a new database; default: one core fewer than there are, at most four. */
  readonly engines?: number;
  /** Node: each engine in a worker thread of its own, instead of all in this one. `close()` ends them. */
  readonly threads?: boolean;
  /** The browser had deleted the database. Called after an empty one was opened; without this, `connect` rejects with `Evicted`. */
  readonly onEvicted?: () => void;
  /** Another tab owns the database and has not answered for a few seconds. */
  readonly onBlocked?: () => void;
  /** Batches of searches on the GPU: when measured to win (`auto`, default), whenever possible (`force`), never (`forbid`). Browsers only. */
  readonly gpu?: 'auto' | 'force' | 'forbid';
  readonly logger?: LogFunction;
  /** Makes the coordinator worker, where its URL can't be left to the bundler. `engine.worker.js` must lie beside it. */
  readonly worker?: () => Worker;
}
