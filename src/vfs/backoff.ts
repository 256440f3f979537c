/**
 * Retrying and time limits for the asynchronous calls of OPFS.
 *
 * A file that another tab has just let go of stays busy for some milliseconds (1 to 23 tries of 2 ms were measured after a
 * navigation), and near the process's limit of open files Chromium's `createSyncAccessHandle` never settles at all. So
 * every such call is retried while busy and limited in time.
 */
import { HeddleError } from '../core/errors.ts';

export interface RetryLimits {
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
  /** Over all tries; after that the last failure is thrown. */
  readonly totalMs: number;
}

export const RETRY: RetryLimits = { firstDelayMs: 2, delayMsMax: 100, totalMs: 10_000 };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls `action` again, with growing pauses, while it throws something `isBusy` accepts and time is left. */
export async function retryWhileBusy<T>(
  action: () => Promise<T>,
  isBusy: (thrown: unknown) => boolean,
  limits: RetryLimits = RETRY,
): Promise<T> {
  let waitedMs = 0;
  for (let delayMs = limits.firstDelayMs; ; delayMs = Math.min(delayMs * 2, limits.delayMsMax)) {
    try {
      return await action();
    } catch (thrown) {
      if (!isBusy(thrown) || waitedMs + delayMs > limits.totalMs) throw thrown;
      await sleep(delayMs);
      waitedMs += delayMs;
    }
  }
}

/**
 * `promise`, or `StorageUnavailable` once `limitMs` has passed. What arrives too late is handed to `discard`, so that a
 * handle opened after all does not keep its file locked.
 */
export function withTimeLimit<T>(promise: Promise<T>, limitMs: number, what: string, discard?: (late: T) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      reject(
        new HeddleError('StorageUnavailable', `${what} did not finish within ${limitMs} ms`, {
          hint: 'Close other tabs of this site, then open the database again.',
          details: { limitMs },
        }),
      );
    }, limitMs);
    promise.then(
      (value) => {
        clearTimeout(timer);
        if (over) discard?.(value);
        else resolve(value);
      },
      (thrown: unknown) => {
        clearTimeout(timer);
        if (!over) reject(thrown);
      },
    );
  });
}
