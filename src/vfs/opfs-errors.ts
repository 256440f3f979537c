/**
 * The exceptions of OPFS and IndexedDB as `HeddleError`s. What each browser throws was measured; see `docs/adr/what-survives-a-crash.md`.
 */
import { HeddleError } from '../core/errors.ts';

const nameOf = (thrown: unknown): string => (typeof thrown === 'object' && thrown !== null && 'name' in thrown ? String(thrown.name) : '');

/** Another handle holds the file: worth another try. */
export const isBusy = (thrown: unknown): boolean => nameOf(thrown) === 'NoModificationAllowedError';

export const isMissing = (thrown: unknown): boolean => nameOf(thrown) === 'NotFoundError';

/**
 * `what` says which call failed. `bytesWanted` is how much it would have grown the file, the figure a caller needs to free
 * enough; browsers don't tell it.
 */
export function typedOpfsError(thrown: unknown, what: string, bytesWanted = 0): HeddleError {
  if (thrown instanceof HeddleError) return thrown;
  const name = nameOf(thrown);
  const message = `${what}: ${thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)}`;
  const options = { cause: thrown, details: { reason: name, bytesWanted } };
  switch (name) {
    case 'QuotaExceededError':
      return new HeddleError('StorageFull', message, {
        ...options,
        hint: 'Delete objects or free disk space; writes resume by themselves.',
      });
    case 'NotFoundError':
      return new HeddleError('NotFound', message, options);
    case 'NoModificationAllowedError':
      return new HeddleError('StorageUnavailable', message, {
        ...options,
        hint: 'Another tab or worker holds this file; close it or wait.',
      });
    case 'SecurityError':
      return new HeddleError('StorageUnavailable', message, { ...options, hint: PRIVATE_HINT });
    case 'UnknownError':
    case 'NotSupportedError':
      return new HeddleError('StorageUnavailable', message, {
        ...options,
        hint: `${PRIVATE_HINT} Or this browser's build lacks file access from workers.`,
      });
    default:
      return new HeddleError('StorageUnavailable', message, options);
  }
}

const PRIVATE_HINT =
  "Private windows and sites with blocked cookies have no lasting storage; open with storage: 'memory' if losing everything on close is acceptable.";

/** Why OPFS can't be used here, for `StorageUnavailable`. */
export function missingApiError(missing: string): HeddleError {
  return new HeddleError('StorageUnavailable', `this browser context has no ${missing}`, {
    hint: 'Serve the page over HTTPS (or localhost) and use a browser with OPFS sync access handles: Chrome 108, Firefox 111, Safari 16.4 or newer.',
    details: { reason: 'missing-api', missing },
  });
}
