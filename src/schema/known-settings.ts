/**
 * Settings that nobody knows are refused, with the nearest one that is known: what TypeScript tells its users, plain JavaScript
 * learns here. Called where a call arrives, in the worker, so that it costs the page nothing.
 */
import { editDistance } from '../core/edit-distance.ts';
import { HeddleError } from '../core/errors.ts';

const TYPOS_MAX = 3;

/** `at` says where: `collection "Note": property "title"`. Settings that are undefined count as left out. */
export function refuseUnknown(given: object, known: readonly string[], at: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.includes(name)) continue;
    throw new HeddleError('InvalidInput', `${at}: there is no setting "${name}"`, {
      hint: `Did you mean "${nearest(name, known)}"? There is ${known.join(', ')}.`,
      details: { path: at, setting: name },
    });
  }
}

/** The known name that is closest, without regard to case; the first one when none is close. */
function nearest(name: string, known: readonly string[]): string {
  const distances = known.map((other) => editDistance(name.toLowerCase(), other.toLowerCase(), TYPOS_MAX));
  return known[distances.indexOf(Math.min(...distances))];
}
