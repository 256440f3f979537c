/**
 * Live queries: a query asked again whenever the collection has changed, its answers as an async iterator. Changes that come while
 * it is being asked make one more round, not many; a slow reader gets the newest answer, not every one.
 */
import { HeddleError } from '../core/errors.ts';
import type { Handle } from './handle.ts';

/** At least this long between two rounds: a bulk import must not become a storm of queries. */
const ROUND_MS_MIN = 50;

export async function* live<T>(handle: Handle, ask: () => Promise<T>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
  const { id } = handle.schema;
  let changed = true;
  let wake = (): void => undefined;
  const stirred = (): void => {
    changed = true;
    wake();
  };
  const stopListening = [
    handle.connection.on('changed', ({ collection }) => {
      if (collection === id) stirred();
    }),
    handle.connection.on('owner', stirred),
  ];
  signal?.addEventListener('abort', stirred);
  try {
    for (;;) {
      if (signal?.aborted === true) throw new HeddleError('Aborted', 'the live query was aborted', { cause: signal.reason });
      if (changed) {
        changed = false;
        const began = performance.now();
        yield await ask();
        await rest(ROUND_MS_MIN - (performance.now() - began));
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    signal?.removeEventListener('abort', stirred);
    for (const stop of stopListening) stop();
  }
}

function rest(ms: number): Promise<void> | undefined {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}
