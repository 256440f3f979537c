/** Reading on past damage. */
import { HeddleError } from '../core/errors.ts';

/** What `read` gives, or null where that is damaged. */
export function readable<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof HeddleError && thrown.code === 'Corruption') return null;
    throw thrown;
  }
}
