/**
 * Heddle at the shard: an engine worker's host on OPFS, as in the product, but for the settle time, which is skipped because
 * the bench measures a database that is older than a minute. No property is indexed: the peers have no index either.
 */
import { silentLogger, systemClock, systemRandom } from '../../../src/core/clock.ts';
import { ByteWriter, fromUtf8, utf8 } from '../../../src/core/bytes.ts';
import { readObjectPage } from '../../../src/protocol/object-page.ts';
import { WriteKind, writeEntry } from '../../../src/protocol/write-batch.ts';
import { normalize } from '../../../src/schema/normalize.ts';
import type { CollectionSchema } from '../../../src/schema/collection-schema.ts';
import type { HostStats } from '../../../src/shard/host-api.ts';
import { ShardHost } from '../../../src/shard/engine-host.ts';
import { opfsVfs } from '../../../src/vfs/opfs.ts';
import { type Subject, valuesOf } from './subject.ts';

const SHARD = 1;
const SLICE_MS = 6;
const PAUSE_BUSY_MS = 12;
const PLAIN = { indexFilterable: false, indexSearchable: false } as const;
const WHOLE = { properties: null, vectors: [] };

function schema(): CollectionSchema {
  return normalize('Note', {
    properties: { title: { type: 'text', ...PLAIN }, body: { type: 'text', ...PLAIN }, stars: { type: 'int', indexFilterable: false } },
  });
}

/** UUIDs of version 7 form that rise with `n`, as the client makes them. Kept: whoever asks for an object has its UUID already. */
class Uuids {
  private bytes = new Uint8Array(16 * 1024);
  private made = 0;

  of(n: number): Uint8Array {
    while (this.made <= n) this.make(this.made++);
    return this.bytes.subarray(n * 16, n * 16 + 16);
  }

  private make(n: number): void {
    const at = n * 16;
    if (at === this.bytes.length) {
      const grown = new Uint8Array(at * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    const view = new DataView(this.bytes.buffer, at);
    view.setUint32(0, n);
    view.setUint32(8, Math.imul(n, 2654435761) >>> 0);
    view.setUint32(12, Math.imul(n, 2246822519) >>> 0);
    this.bytes[at + 6] = 0x70;
    this.bytes[at + 8] = 0x80 | (this.bytes[at + 8] & 0x3f);
  }
}

/** Resolves in a macrotask of its own, without the 4 ms that timers cost. */
function macrotasks(): (run: () => void) => void {
  const channel = new MessageChannel();
  const queue: (() => void)[] = [];
  channel.port1.onmessage = () => queue.shift()!();
  return (run) => {
    queue.push(run);
    channel.port2.postMessage(null);
  };
}

export class Ours implements Subject {
  private host!: ShardHost;
  private sequence = 0;
  private readonly uuids = new Uuids();
  private readonly client = systemRandom.fill(new Uint8Array(16));
  private readonly directory: string;
  private readonly durability: 'strict' | 'relaxed';
  /** Longest single slice of background work, in ms. */
  private sliceMaxMs = 0;
  private maintaining = false;
  private puts = 0;
  /** `puts` when the last slice began. */
  private putsSeen = 0;
  private readonly defer = macrotasks();

  constructor(directory = 'ours', durability: 'strict' | 'relaxed' = 'strict') {
    this.directory = directory;
    this.durability = durability;
  }

  async open(): Promise<void> {
    this.host = await ShardHost.open({
      vfs: opfsVfs([this.directory]),
      mirror: null,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      durability: this.durability,
      storageLimits: { settleMs: 0 },
      defer: this.defer,
    });
    await this.host.putShard(SHARD, schema());
  }

  async put(from: number, count: number): Promise<void> {
    this.puts++;
    await this.write(from, count);
    this.maintain();
  }

  async putInFlight(from: number, count: number, inFlight: number): Promise<void> {
    let next = from;
    const lane = async (): Promise<void> => {
      while (next < from + count) await this.put(next++, 1);
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
  }

  async get(n: number): Promise<string> {
    const page = await this.host.get(SHARD, this.uuids.of(n), WHOLE);
    for (const { record } of readObjectPage(page.bytes)) return fromUtf8(record.properties);
    throw new Error(`object ${n} is missing`);
  }

  async scan(): Promise<number> {
    let count = 0;
    let after: Uint8Array | null = null;
    do {
      const page = await this.host.scan(SHARD, after, 1000, WHOLE);
      for (const { record } of readObjectPage(page.bytes)) if (fromUtf8(record.properties).length > 0) count++;
      after = page.last;
    } while (after !== null);
    return count;
  }

  async rest(): Promise<void> {
    while (this.maintaining) await new Promise<void>((resolve) => this.defer(resolve));
  }

  async compact(): Promise<void> {
    await this.host.compact();
  }

  async close(): Promise<void> {
    await this.host.close();
  }

  async facts(): Promise<Record<string, number>> {
    const stats: HostStats = await this.host.stats();
    const segmentBytes = stats.shards.reduce((sum, shard) => sum + shard.segmentBytes, 0);
    return {
      flushes: stats.flushes,
      commits: stats.commits,
      segmentBytes,
      diskBytes: stats.diskBytes,
      logBytes: stats.logBytes,
      freeBytes: stats.freeBytes,
      sliceMaxMs: this.sliceMaxMs,
    };
  }

  private async write(from: number, count: number): Promise<void> {
    const writer = new ByteWriter(count * 1100);
    for (let n = from; n < from + count; n++)
      writeEntry(writer, {
        kind: WriteKind.upsert,
        uuid: this.uuids.of(n),
        properties: utf8(JSON.stringify(valuesOf(n))),
        vectors: [],
        expectedDocID: 0,
      });
    const ack = await this.host.write({
      shard: SHARD,
      request: { client: this.client, sequence: ++this.sequence },
      batch: writer.finish(),
      atomic: true,
    });
    if (ack.written !== count) throw new Error(`wrote ${ack.written} of ${count}`);
  }

  /** Background work as `src/coordinator/background.ts` gives it: slice after slice while idle, with pauses while writes wait. */
  private maintain(): void {
    if (this.maintaining) return;
    this.maintaining = true;
    const slice = async (): Promise<void> => {
      const isBusy = this.puts > this.putsSeen;
      this.putsSeen = this.puts;
      const started = performance.now();
      const isMore = await this.host.maintain(SLICE_MS);
      this.sliceMaxMs = Math.max(this.sliceMaxMs, performance.now() - started);
      if (!isMore) this.maintaining = false;
      else if (isBusy) setTimeout(() => void slice(), PAUSE_BUSY_MS);
      else this.defer(() => void slice());
    };
    this.defer(() => void slice());
  }
}
