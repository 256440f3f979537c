/**
 * The one error class of Heddle.
 *
 * Invariants:
 * - Every error that reaches a caller is a `HeddleError`; its `code` is part of the public contract, its message is not.
 * - The message says what failed, with the value; `hint` says what to do next; `details` is plain data that survives a
 *   worker boundary (`toPlain` / `fromPlain` rebuild the class on the other side, so `instanceof` holds there too).
 * - `retryable` is true only when the same call, sent again unchanged, may succeed and will be applied at most once.
 */

/** What went wrong, from the caller's point of view. Values reach the wire; never renumber or reuse a name. */
export type ErrorCode =
  | 'InvalidInput'
  | 'NotFound'
  | 'Conflict'
  | 'SchemaConflict'
  | 'Corruption'
  | 'StorageFull'
  | 'StorageUnavailable'
  | 'Evicted'
  | 'Closed'
  | 'LeaderChanged'
  | 'ReloadRequired'
  | 'VectorizerFailed'
  | 'Aborted'
  | 'Timeout'
  | 'Unsupported';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['LeaderChanged', 'Timeout', 'StorageFull']);

/** Facts about the failure, as plain structured-cloneable data (for example `{ index: 17, property: 'year', value: 'MMXX' }`). */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface HeddleErrorOptions {
  /** What the caller can do about it, one sentence. */
  readonly hint?: string;
  readonly details?: ErrorDetails;
  /** Overrides the default for the code. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The form in which an error crosses a worker boundary. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: ErrorDetails;
  readonly retryable: boolean;
}

export class HeddleError extends Error {
  override readonly name = 'HeddleError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: HeddleErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? '';
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? RETRYABLE.has(code);
  }

  toPlain(): PlainError {
    const { code, message, hint, details, retryable } = this;
    return { code, message, hint, details, retryable };
  }

  static fromPlain(plain: PlainError): HeddleError {
    return new HeddleError(plain.code, plain.message, plain);
  }

  /** Any thrown value as a `HeddleError`; a foreign one becomes `fallback` with the original as its cause. */
  static from(thrown: unknown, fallback: ErrorCode = 'StorageUnavailable'): HeddleError {
    if (thrown instanceof HeddleError) return thrown;
    const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    return new HeddleError(fallback, message, { cause: thrown });
  }
}

/** Programmer mistakes only: a condition that the code itself guarantees. The world's mistakes are `HeddleError`s. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${what}`);
}
