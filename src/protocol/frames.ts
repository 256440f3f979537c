/**
 * Frames: what travels between page, coordinator and engine workers. One `postMessage` carries an array of frames, all that
 * became ready in one turn of the sender.
 *
 * - A call is answered by exactly one `result` or `failure` with its id, or by nothing when it was cancelled first.
 * - `resent` marks a call that an earlier owner may have seen; writes are then answered from the request table.
 * - Values are structured-cloneable; errors travel as plain data (`HeddleError.toPlain`).
 */
import type { PlainError } from '../core/errors.ts';

/** Rises when a frame or a method changes its meaning; another version gets `ReloadRequired`. */
export const PROTOCOL_VERSION = 1;

export interface CallFrame {
  readonly kind: 'call';
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly resent?: true;
}
export interface ResultFrame {
  readonly kind: 'result';
  readonly id: number;
  readonly value: unknown;
}
export interface FailureFrame {
  readonly kind: 'failure';
  readonly id: number;
  readonly error: PlainError;
}
export interface CancelFrame {
  readonly kind: 'cancel';
  readonly id: number;
}
export interface ProgressFrame {
  readonly kind: 'progress';
  readonly id: number;
  readonly value: unknown;
}
export interface EventFrame {
  readonly kind: 'event';
  readonly name: string;
  readonly value: unknown;
}

export type Frame = CallFrame | ResultFrame | FailureFrame | CancelFrame | ProgressFrame | EventFrame;

/** What frames need of a channel; `MessagePort`, `Worker` and a worker's global scope have it. */
export interface FramePort {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
  /** A `MessagePort` only delivers once started. */
  start?(): void;
  close?(): void;
}
