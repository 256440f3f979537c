/**
 * Runs a workload once on a simulated device and freezes the device before every call that changes it, together with what had
 * been issued and what had been acknowledged by then. Crash states are made from these moments, so that the workload runs
 * once however many crashes are tried.
 */
import { fromUtf8 } from '../../../src/core/bytes.ts';
import { HeddleError } from '../../../src/core/errors.ts';
import { WriteKind } from '../../../src/protocol/write-batch.ts';
import { type DeviceCall, type DeviceSnapshot, SimulatedDevice } from '../../../src/vfs/simulated/device.ts';
import type { ShardHost } from '../../../src/shard/engine-host.ts';
import { encodeEntries, idOf } from './encode.ts';
import { History } from './history.ts';
import type { ModelEntry } from './model.ts';
import { openHost, type Sabotage, schemaOf, VECTOR_ORDINAL } from './subject.ts';
import { BACKGROUND_SHARD, type Group, type Operation, vectorOfTitle } from './workload.ts';

/** A request as it was sent, to be sent again after a crash. */
export type Sent =
  | { readonly kind: 'write'; readonly shard: number; readonly batch: Uint8Array; readonly atomic: boolean }
  | { readonly kind: 'schema'; readonly shard: number; readonly version: number }
  | { readonly kind: 'drop'; readonly shard: number };

/** The device before a call, and what was promised by then. */
export interface Moment {
  readonly call: DeviceCall;
  readonly snapshot: DeviceSnapshot;
  /** Operations issued; any of them may have reached the disk. */
  readonly issued: number;
  /** The last operation acknowledged at all: survives a kill. */
  readonly acked: number;
  /** The last operation acknowledged as `power`. */
  readonly ackedPower: number;
}

export interface Recording {
  readonly history: History;
  readonly moments: readonly Moment[];
  /** By operation number. */
  readonly sent: ReadonlyMap<number, Sent>;
  readonly calls: number;
  /** Calls by kind, reads too. */
  readonly callKinds: ReadonlyMap<string, number>;
}

export const CLIENT = new Uint8Array(16).fill(0xc1);

export async function record(groups: Iterable<Group>, device = new SimulatedDevice(), sabotage: Sabotage = {}): Promise<Recording> {
  const history = new History();
  const moments: Moment[] = [];
  const sent = new Map<number, Sent>();
  const callKinds = new Map<string, number>();
  let acked = 0;
  let ackedPower = 0;
  let before = -1;
  device.onCall = (call) => {
    callKinds.set(call.kind, (callKinds.get(call.kind) ?? 0) + 1);
    if (call.index === before) return;
    before = call.index;
    moments.push({ call, snapshot: device.freeze(), issued: history.operations, acked, ackedPower });
  };

  const acknowledge = (operation: number, durability: 'power' | 'process'): void => {
    acked = Math.max(acked, operation);
    if (durability === 'power') ackedPower = Math.max(ackedPower, operation);
  };
  const send = (host: ShardHost, shard: number, entries: readonly ModelEntry[], batch: Uint8Array, atomic = true): Promise<void> => {
    history.write(shard, entries, shard === BACKGROUND_SHARD);
    const operation = history.operations;
    sent.set(operation, { kind: 'write', shard, batch, atomic });
    return host.write({ shard, request: { client: CLIENT, sequence: operation }, batch, atomic }).then((ack) => {
      if (ack.failures.length > 0) throw new Error(`operation ${operation} was refused: ${ack.failures[0].error.message}`);
      acknowledge(operation, ack.durability);
    });
  };
  const attach = async (host: ShardHost, shard: number, limit: number): Promise<void> => {
    const pending = await host.pendingVectors(shard, VECTOR_ORDINAL, limit);
    if (pending.length === 0) return;
    const entries = pending.map(({ uuid, properties }): ModelEntry => {
      const [title] = JSON.parse(fromUtf8(properties)) as unknown[];
      return { kind: WriteKind.attach, id: idOf(uuid), values: [], patch: {}, vector: vectorOfTitle(title) };
    });
    await send(
      host,
      shard,
      entries,
      encodeEntries(
        entries,
        pending.map(({ docID }) => docID),
      ),
    );
  };

  let host = await openHost(device, sabotage);
  const perform = async (operation: Operation): Promise<void> => {
    switch (operation.kind) {
      case 'schema': {
        history.schema(operation.shard, operation.version);
        const number = history.operations;
        sent.set(number, operation);
        await host.putShard(operation.shard, schemaOf(operation.shard, operation.version));
        return acknowledge(number, 'process');
      }
      case 'drop': {
        history.drop(operation.shard);
        const number = history.operations;
        sent.set(number, operation);
        await host.dropShard(operation.shard);
        return acknowledge(number, 'process');
      }
      case 'write':
        return send(host, operation.shard, operation.entries, encodeEntries(operation.entries), operation.atomic);
      case 'attach':
        return attach(host, operation.shard, operation.limit);
      case 'flush':
        return host.flush();
      case 'compact':
        return host.compact();
      case 'maintain':
        await host.maintain(2);
        return;
      case 'reopen':
        await host.close();
        device.restart(false);
        host = await openHost(device, sabotage);
        return;
      case 'wait':
        device.clock.advance(operation.ms);
        return;
    }
  };
  for (const group of groups) await Promise.all(group.map(perform));
  await host.close();
  moments.push({
    call: { index: device.calls + 1, kind: 'close', path: '', at: 0, bytes: 0 },
    snapshot: device.freeze(),
    issued: history.operations,
    acked,
    ackedPower,
  });
  device.onCall = null;
  return { history, moments, sent, calls: device.calls, callKinds };
}

/** Sends everything after operation `last` again, in order, as a client does after its leader died; what the last write's acknowledgement says. */
export async function resend(host: ShardHost, recording: Recording, moment: Moment, last: number): Promise<'power' | 'process'> {
  let durability: 'power' | 'process' = 'process';
  for (let operation = last + 1; operation <= moment.issued; operation++) {
    const request = recording.sent.get(operation) as Sent;
    durability = 'process';
    if (request.kind === 'schema' && isDroppedLater(recording, request.shard, operation, moment.issued)) continue;
    if (request.kind === 'schema') await host.putShard(request.shard, schemaOf(request.shard, request.version));
    else if (request.kind === 'drop') await host.dropShard(request.shard);
    else {
      // A shard that a later operation drops may have been dropped already.
      if (isDroppedLater(recording, request.shard, operation, moment.issued)) continue;
      const ack = await host.write({
        shard: request.shard,
        request: { client: CLIENT, sequence: operation },
        batch: request.batch,
        atomic: request.atomic,
      });
      if (ack.failures.length > 0) throw new HeddleError('Conflict', `resending operation ${operation}: ${ack.failures[0].error.message}`);
      durability = ack.durability;
    }
  }
  return durability;
}

function isDroppedLater(recording: Recording, shard: number, operation: number, last: number): boolean {
  for (let later = operation + 1; later <= last; later++) {
    const request = recording.sent.get(later);
    if (request?.kind === 'drop' && request.shard === shard) return true;
  }
  return false;
}
