/**
 * The settle rule: when a new file's name can be trusted to outlive a power cut.
 *
 * Chromium keeps the names of OPFS files in a table it never syncs; measured, files made 6 s before a power cut were gone
 * (4 of 4) and files made 36 s before it were there (3 of 3), flushed or not. So a file counts as settled once the worker
 * that made it has itself lived `SETTLE_MS` since, by its monotonic clock. Time a worker did not live through does not count:
 * after a reload nothing says whether the machine slept, crashed or ran, so the wait starts again, until a settled file
 * says that it is over (`src/lsm`: the manifest).
 */
import type { Vfs } from './vfs.ts';

/** Twice what was measured to suffice. */
export const SETTLE_MS = 60_000;

/** Whether new names on this vfs have to settle: Node syncs the directory itself, memory has no power to lose. */
export const namesSettle = (kind: Vfs['kind']): boolean => kind === 'opfs' || kind === 'simulated';
