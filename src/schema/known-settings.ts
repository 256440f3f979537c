/**
 * Settings that nobody knows are refused, with the nearest one that is known: what TypeScript tells its users, plain JavaScript
 * learns here. Called where a call arrives, in the worker, so that it costs the page nothing.
 */
import { editDistance } from '../core/edit-distance.ts';
import { HeddleError } from '../core/errors.ts';

const TYPOS_MAX = 3;

/** `at` says where: `collection "Note": property "title"`. */
export function refuseUnknown(given: readonly string[], known: readonly string[], at: string): void {
  for (const name of given) {
    if (known.includes(name)) continue;
    throw new HeddleError('InvalidInput', `${at}: there is no option "${name}"`, {
      hint: `Did you mean "${nearest(name, known)}"? There is ${known.join(', ')}.`,
      details: { property: name },
    });
  }
}

/** Names of the settings that are given, undefined ones counted as left out. */
export const given = (settings: object): string[] =>
  Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [name]));

/** The known name that is closest, without regard to case; the first one when none is close. */
function nearest(name: string, known: readonly string[]): string {
  const distances = known.map((other) => editDistance(name.toLowerCase(), other.toLowerCase(), TYPOS_MAX));
  return known[distances.indexOf(Math.min(...distances))];
}
