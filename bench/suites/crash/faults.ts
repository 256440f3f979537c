/**
 * An error at the Nth call, for every N until none is left: the platform refuses a read, a write (after part of it), a flush,
 * a truncation or an opening, or the quota is met. What was acknowledged must stay, what failed must fail with a typed error
 * and leave nothing; after the trouble is over writes must go on, with or without opening anew.
 */
import { SeededRandom } from '../../../src/core/clock.ts';
import { HeddleError } from '../../../src/core/errors.ts';
import type { ShardHost } from '../../../src/shard/engine-host.ts';
import { type DeviceCall, type Fault, SimulatedDevice } from '../../../src/vfs/simulated/device.ts';
import { checkHost, Violation } from './check.ts';
import { encodeEntries } from './encode.ts';
import { History } from './history.ts';
import { CLIENT } from './record.ts';
import { openHost, schemaOf } from './subject.ts';
import { BACKGROUND_SHARD, type Group, type Operation } from './workload.ts';

export interface FaultPlan {
  readonly error: 'io' | 'quota';
  /** Number of the call that fails first, counting all calls. */
  readonly at: number;
  /** How many calls from there on fail. */
  readonly count: number;
  readonly seed: number;
}

/** Calls that a full disk can refuse. */
const GROWING: ReadonlySet<string> = new Set(['create', 'write', 'truncate', 'mirror-append']);

export interface FaultResult {
  /** Whether the fault was met at all; when not, the enumeration is over. */
  readonly fired: boolean;
  readonly failures: number;
}

/** Runs the workload with the fault; throws a `Violation` or what the engine threw untyped. */
export async function runWithFault(groups: Iterable<Group>, plan: FaultPlan): Promise<FaultResult> {
  const device = new SimulatedDevice();
  const random = new SeededRandom(plan.seed);
  let calls = 0;
  let fired = 0;
  const faults = (call: DeviceCall): Fault | null => {
    if (plan.error === 'quota' && !GROWING.has(call.kind)) return null;
    // Overwriting in place never meets the quota.
    if (plan.error === 'quota' && call.kind === 'write' && call.at + call.bytes <= (device.find(call.path)?.sizeBytes ?? 0)) return null;
    if (call.kind === 'close') return null;
    if (++calls < plan.at || calls >= plan.at + plan.count) return null;
    fired++;
    return plan.error === 'quota' ? { error: 'quota' } : { error: 'io', keepBytes: random.int(call.bytes + 1) };
  };
  device.faults = faults;

  const history = new History();
  /** Operations that failed, of which nothing may be there, except where the device may have taken them all the same. */
  let failures = 0;
  let host: ShardHost | null = null;
  const reopen = async (): Promise<ShardHost> => {
    for (let attempt = 0; ; attempt++) {
      device.restart(false);
      try {
        return await openHost(device);
      } catch (thrown) {
        failures++;
        if (!(thrown instanceof HeddleError)) throw thrown;
        if (attempt === plan.count + 5) throw new Violation('unopenable', `after ${attempt} tries: ${thrown.code}: ${thrown.message}`);
      }
    }
  };
  const attempt = async (action: (living: ShardHost) => Promise<unknown>): Promise<boolean> => {
    host ??= await reopen();
    try {
      await action(host);
      return true;
    } catch (thrown) {
      failures++;
      if (!(thrown instanceof HeddleError)) throw thrown;
      if (!['StorageFull', 'StorageUnavailable', 'Corruption'].includes(thrown.code)) throw thrown;
      return false;
    }
  };
  /** Tries until it succeeds: the same request, as a client would, opening the host anew where it has ended. */
  const insist = async (what: string, action: (living: ShardHost) => Promise<unknown>): Promise<void> => {
    for (let tries = 0; !(await attempt(action)); tries++) {
      if (tries > plan.count + 5) throw new Violation('lost', `${what} does not succeed after ${tries} tries, though the trouble is over`);
      if (tries % 2 === 1) host = await reopen();
    }
  };
  const perform = async (operation: Operation): Promise<void> => {
    switch (operation.kind) {
      case 'schema':
        history.schema(operation.shard, operation.version);
        return insist('a schema', (living) => living.putShard(operation.shard, schemaOf(operation.shard, operation.version)));
      case 'drop':
        history.drop(operation.shard);
        return insist('dropping a shard', (living) => living.dropShard(operation.shard));
      case 'write': {
        history.write(operation.shard, operation.entries, operation.shard === BACKGROUND_SHARD);
        const sequence = history.operations;
        const batch = encodeEntries(operation.entries);
        return insist('a write', (living) =>
          living.write({ shard: operation.shard, request: { client: CLIENT, sequence }, batch, atomic: operation.atomic }),
        );
      }
      case 'flush':
        await attempt((living) => living.flush());
        return;
      case 'compact':
        await attempt((living) => living.compact());
        return;
      case 'maintain':
        await attempt((living) => living.maintain(0.2));
        return;
      case 'wait':
        device.clock.advance(operation.ms);
        return;
      case 'reopen':
        await attempt((living) => living.close());
        host = await reopen();
        return;
      case 'attach':
        return;
    }
  };
  for (const group of groups) for (const operation of group) await perform(operation);
  const exact = { history, first: history.operations, last: history.operations };
  device.faults = null;
  if (host !== null) {
    // A host that ended says so; one that lives must answer right.
    const living = await attempt(async (now) => checkHost(now, exact, random, false));
    if (!living) host = null;
  }
  const again = await reopen();
  await checkHost(again, exact, random, true);
  return { fired: fired > 0, failures };
}
