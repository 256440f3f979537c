/**
 * Who embeds what: objects that wait for a background vector are lent to one client at a time, so that two tabs with the same
 * model don't embed the same text. A lease ends when it is returned, when its client leaves, or after `LEASE_MS`.
 */
import type { Clock } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import type { PendingObject } from '../protocol/coordinator-api.ts';

export const LEASE_MS = 120_000;
export const LEASED_MAX = 1_024;

interface Lease {
  readonly client: string;
  readonly docID: number;
  readonly until: number;
}

export class Leases {
  private readonly clock: Clock;
  /** Collection and vector ordinal → object UUID → lease. */
  private readonly queues = new Map<string, Map<string, Lease>>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** How many objects of this queue are lent out; that many more have to be looked at to find free ones. */
  count(collection: number, vector: number): number {
    return this.queue(collection, vector).size;
  }

  /** Lends those of `waiting` that are free, at most `limit`. */
  take(client: string, collection: number, vector: number, waiting: readonly PendingObject[], limit: number): PendingObject[] {
    const queue = this.queue(collection, vector);
    const now = this.clock.monotonic();
    const taken: PendingObject[] = [];
    for (const object of waiting) {
      if (taken.length >= limit || queue.size >= LEASED_MAX) break;
      const uuid = uuidText(object.uuid);
      const lease = queue.get(uuid);
      // A newer version of the object waits on its own account: its text is another.
      if (lease !== undefined && lease.until > now && lease.docID === object.docID) continue;
      queue.set(uuid, { client, docID: object.docID, until: now + LEASE_MS });
      taken.push(object);
    }
    return taken;
  }

  giveBack(collection: number, vector: number, uuids: readonly string[]): void {
    const queue = this.queue(collection, vector);
    for (const uuid of uuids) queue.delete(uuid);
  }

  /** The client left: its objects are free again. True when there were any. */
  release(client: string): boolean {
    let any = false;
    for (const queue of this.queues.values()) {
      for (const [uuid, lease] of queue) {
        if (lease.client !== client) continue;
        queue.delete(uuid);
        any = true;
      }
    }
    return any;
  }

  private queue(collection: number, vector: number): Map<string, Lease> {
    const name = `${collection}/${vector}`;
    const queue = this.queues.get(name) ?? new Map<string, Lease>();
    this.queues.set(name, queue);
    return queue;
  }
}
