/**
 * Which requests were applied, so that a resend after a lost acknowledgement is answered, not applied again.
 *
 * A window of the last `REQUESTS_PER_CLIENT` requests of the last `CLIENTS_MAX` clients. Between two flushes it is rebuilt from
 * the log; at a flush it goes into the manifest, so it outlives the log. A client sends at most a window's worth of requests
 * without an acknowledgement, so nothing it may resend has left the window.
 */
import { ByteReader, ByteWriter } from '../core/bytes.ts';
import { uuidText } from '../core/ids.ts';
import type { RequestId, WriteFailure } from './host-api.ts';

export const REQUESTS_PER_CLIENT = 1_024;
const CLIENTS_MAX = 64;
const VERSION = 1;

export interface AppliedRequest {
  /** Sequence number of the record. */
  readonly sequence: number;
  readonly written: number;
  readonly failures: readonly WriteFailure[];
}

export class RequestTable {
  /** Client UUID → request and shard → outcome, both in order of use. */
  private readonly clients = new Map<string, Map<string, AppliedRequest>>();

  find(shard: number, request: RequestId): AppliedRequest | null {
    return this.clients.get(uuidText(request.client))?.get(`${request.sequence}/${shard}`) ?? null;
  }

  add(shard: number, request: RequestId, outcome: AppliedRequest): void {
    const client = uuidText(request.client);
    const window = this.clients.get(client) ?? new Map<string, AppliedRequest>();
    this.clients.delete(client);
    this.clients.set(client, window);
    window.set(`${request.sequence}/${shard}`, outcome);
    dropOldest(window, REQUESTS_PER_CLIENT);
    dropOldest(this.clients, CLIENTS_MAX);
  }

  /** For the manifest; layout: version u8, clients varint, each: uuid text, requests varint, each: key text, sequence, written, failures JSON text. */
  encode(): Uint8Array {
    const writer = new ByteWriter(1_024);
    writer.u8(VERSION).varint(this.clients.size);
    for (const [client, window] of this.clients) {
      writer.text(client).varint(window.size);
      for (const [key, { sequence, written, failures }] of window)
        writer
          .text(key)
          .varint(sequence)
          .varint(written)
          .text(failures.length === 0 ? '' : JSON.stringify(failures));
    }
    return writer.finish().slice();
  }

  static decode(bytes: Uint8Array): RequestTable {
    const table = new RequestTable();
    if (bytes.length === 0) return table;
    const reader = new ByteReader(bytes);
    reader.u8();
    for (let clients = reader.varint(); clients > 0; clients--) {
      const window = new Map<string, AppliedRequest>();
      table.clients.set(reader.text(), window);
      for (let rest = reader.varint(); rest > 0; rest--) {
        const key = reader.text();
        const sequence = reader.varint();
        const written = reader.varint();
        const failures = reader.text();
        window.set(key, { sequence, written, failures: failures === '' ? [] : (JSON.parse(failures) as WriteFailure[]) });
      }
    }
    return table;
  }
}

function dropOldest<K, V>(map: Map<K, V>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
