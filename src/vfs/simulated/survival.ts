/**
 * Plans of what a power cut keeps: every combination while there are few, else the telling ones and then random ones.
 */
import type { SeededRandom } from '../../core/clock.ts';
import { unitsOf } from './image.ts';
import type { Survival, Unit } from './image.ts';
import type { DeviceSnapshot } from './device.ts';

export const keepNothing: Survival = () => 0;
export const keepEverything: Survival = (unit) => unit.calls.length - 1;

/** As if the device had written everything in order and stopped after call `call`. */
export const keepUntil =
  (call: number): Survival =>
  (unit) => {
    let version = 0;
    while (version + 1 < unit.calls.length && unit.calls[version + 1] <= call) version++;
    return version;
  };

/** Each unit keeps a random version: the newest with probability `keep`, the durable one otherwise, now and then one between; one sector in `1 / tear` is torn. */
export function keepRandomly(random: SeededRandom, keep: number, tear: number): Survival {
  return (unit) => {
    const last = unit.calls.length - 1;
    const version = last > 1 && random.next() < 0.3 ? random.int(last + 1) : random.next() < keep ? last : 0;
    if (unit.kind === 'sector' && version > 0 && random.next() < tear) return version - 1 + (1 + random.int(511)) / 512;
    return version;
  };
}

function combinations(units: readonly Unit[]): number {
  let count = 1;
  for (const unit of units) count = Math.min(count * unit.calls.length, Number.MAX_SAFE_INTEGER);
  return count;
}

/** The `n`th of all combinations. */
function combination(units: readonly Unit[], n: number): Survival {
  const choices = units.map((unit) => {
    const choice = n % unit.calls.length;
    n = Math.floor(n / unit.calls.length);
    return choice;
  });
  return (_, ordinal) => choices[ordinal];
}

/**
 * Up to `plansMax` plans for the snapshot: all combinations where they fit; else nothing, everything, each of the last calls
 * cut off in order, everything but one unit and nothing but one unit for a few, and random ones for the rest.
 */
export function* survivals(snapshot: DeviceSnapshot, plansMax: number, random: SeededRandom): IterableIterator<Survival> {
  const units = unitsOf(snapshot);
  const all = combinations(units);
  if (all <= plansMax) {
    for (let n = 0; n < all; n++) yield combination(units, n);
    return;
  }
  let left = plansMax;
  yield keepNothing;
  yield keepEverything;
  left -= 2;
  const calls = [...new Set(units.flatMap((unit) => unit.calls))].sort((a, b) => b - a);
  for (const call of calls.slice(1, 1 + Math.floor(left / 4))) {
    yield keepUntil(call);
    left--;
  }
  for (let n = Math.floor(left / 3); n > 0; n--, left--) {
    const special = random.int(units.length);
    const inverse = random.next() < 0.5;
    yield (unit, ordinal) => ((ordinal === special) === inverse ? unit.calls.length - 1 : 0);
  }
  for (; left > 0; left--) yield keepRandomly(random, [0.1, 0.5, 0.9][left % 3], 0.1);
}
