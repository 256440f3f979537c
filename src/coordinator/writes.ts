/**
 * Writes of one collection: cut by shard, sent under the client's request id, acknowledgements put together.
 *
 * - A resend is cut the same way, so each shard sees the same request and answers from its table what it has applied.
 * - `writeMatching` reads which objects match and writes them with no other write of the collection in between (a gate), so that
 *   an object that stopped matching is not deleted. It writes under the coordinator's own request ids: run again after a failover
 *   it finds what is left to do.
 */
import { ByteWriter } from '../core/bytes.ts';
import type { Random } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { CallContext } from '../protocol/server.ts';
import type { MatchCall, MatchReply, WriteCall, WriteReply } from '../protocol/coordinator-api.ts';
import { writeEntry, WriteKind } from '../protocol/write-batch.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { WriteAck } from '../shard/host-api.ts';
import type { Catalog } from './catalog.ts';
import { checkOptions } from './check-request.ts';
import { sliceBatch, type BatchPart } from './routing.ts';

/** Objects in one batch of `writeMatching`. */
const MATCH_BATCH = 2_000;
/** Objects that one `writeMatching` touches at most in a shard; 16 bytes each are held. */
const MATCH_MAX = 4_000_000;

export class Writes {
  private readonly catalog: Catalog;
  /** Collection id → the `writeMatching` that writes wait for. */
  private readonly gates = new Map<number, Promise<unknown>>();

  /** The coordinator as a client of its engines. */
  private readonly self: Uint8Array;
  private sequence = 0;

  constructor(catalog: Catalog, random: Random) {
    this.catalog = catalog;
    this.self = random.fill(new Uint8Array(16));
  }

  async write(client: Uint8Array, call: WriteCall): Promise<WriteReply> {
    if (call.asked) checkOptions(call.asked);
    // Another may have taken its place in the queue meanwhile.
    for (let gate = this.gates.get(call.collection); gate !== undefined; gate = this.gates.get(call.collection)) await gate;
    const schema = this.current(call.collection, call.version);
    const parts = sliceBatch(schema, call.batch);
    if (parts.length === 1) return this.merge(parts, [await this.send(client, call, parts[0])]);
    const settled = await Promise.allSettled(parts.map((part) => this.send(client, call, part)));
    const failed = settled.find((one) => one.status === 'rejected');
    // Nothing is atomic across shards. A retryable failure is sent again whole; what is applied is then answered, not repeated.
    if (failed !== undefined) throw failed.reason;
    return this.merge(
      parts,
      settled.map((one) => (one as PromiseFulfilledResult<WriteAck>).value),
    );
  }

  /** `SchemaConflict` with `details.stale` when the client encoded for another version. */
  private current(collection: number, version: number): CollectionSchema {
    const schema = this.catalog.get(collection);
    if (!this.catalog.isCurrent(schema, version))
      throw new HeddleError(
        'SchemaConflict',
        `collection "${schema.name}" is at version ${schema.version}, the write was made for ${version}`,
        {
          hint: 'Open the collection again; the client does so by itself.',
          details: { stale: true, collection, version: schema.version },
        },
      );
    return schema;
  }

  /** A request id of the coordinator's own. */
  ownSequence(): number {
    return ++this.sequence;
  }

  writeOwn(call: WriteCall): Promise<WriteReply> {
    return this.write(this.self, call);
  }

  private send(client: Uint8Array, { sequence, atomic }: Pick<WriteCall, 'sequence' | 'atomic'>, part: BatchPart): Promise<WriteAck> {
    const request = { client, sequence };
    // The engine takes the bytes away; the whole batch belongs to the caller's frame and may be wanted for the change event.
    const batch = part.batch.slice();
    return this.catalog.engine(part.shard).run((host) => host.write({ shard: part.shard, request, batch, atomic }));
  }

  private merge(parts: readonly BatchPart[], acks: readonly WriteAck[]): WriteReply {
    const failures = acks.flatMap((ack, i) => ack.failures.map(({ index, error }) => ({ index: parts[i].indexes[index], error })));
    return {
      durability: acks.every((ack) => ack.durability === 'power') ? 'power' : 'process',
      written: acks.reduce((sum, ack) => sum + ack.written, 0),
      failures: failures.sort((a, b) => a.index - b.index),
    };
  }

  /** Deletes or patches every object that matches; `onUuids` is told which, batch by batch. */
  async writeMatching(call: MatchCall, context: CallContext, onUuids: (uuids: string[]) => void): Promise<MatchReply> {
    const before = this.gates.get(call.collection) ?? Promise.resolve();
    const turn = before.then(() => this.writeMatchingNow(call, context, onUuids));
    const gate = turn.catch(() => undefined);
    this.gates.set(call.collection, gate);
    void gate.then(() => {
      if (this.gates.get(call.collection) === gate) this.gates.delete(call.collection);
    });
    return turn;
  }

  private async writeMatchingNow(call: MatchCall, context: CallContext, onUuids: (uuids: string[]) => void): Promise<MatchReply> {
    checkOptions(call);
    const found = await this.catalog.consistently(
      () => this.current(call.collection, call.version),
      ({ shards }) =>
        Promise.all(
          shards.map(async (shard) => ({
            shard,
            uuids: await this.catalog.engine(shard).run((host) => host.match(shard, call.filter, MATCH_MAX)),
          })),
        ),
    );
    const reply = {
      matched: 0,
      written: 0,
      durability: 'power' as MatchReply['durability'],
      failures: [] as MatchReply['failures'][number][],
    };
    for (const { shard, uuids } of found) {
      reply.matched += uuids.length / 16;
      for (let at = 0; at < uuids.length; at += MATCH_BATCH * 16) {
        if (context.signal.aborted) return reply;
        const some = uuids.subarray(at, at + MATCH_BATCH * 16);
        const ack = await this.send(
          this.self,
          { sequence: this.ownSequence(), atomic: false },
          { shard, batch: batchOver(some, call.patch), indexes: [] },
        );
        const texts = Array.from({ length: some.length / 16 }, (_, i) => uuidText(some, i * 16));
        onUuids(texts);
        reply.written += ack.written;
        if (ack.durability === 'process') reply.durability = 'process';
        for (const { index, error } of ack.failures) if (error.code !== 'NotFound') reply.failures.push({ uuid: texts[index], error });
        context.progress({ done: reply.written, total: reply.matched });
      }
    }
    return reply;
  }
}

const EMPTY = new Uint8Array(0);

function batchOver(uuids: Uint8Array, patch: Uint8Array | null): Uint8Array {
  const writer = new ByteWriter(uuids.length * 2);
  for (let at = 0; at < uuids.length; at += 16) {
    const uuid = uuids.subarray(at, at + 16);
    const kind = patch === null ? WriteKind.delete : WriteKind.update;
    writeEntry(writer, { kind, uuid, properties: patch ?? EMPTY, vectors: [], expectedDocID: 0 });
  }
  return writer.finish().slice();
}
