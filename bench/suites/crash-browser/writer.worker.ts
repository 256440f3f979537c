/**
 * Opens the engine on OPFS, tells the witness what is there, then writes numbered records for ever and tells the witness of
 * each acknowledgement before the next write, synchronously, so that what the witness knows is what was promised.
 */
import { silentLogger, systemClock, systemRandom } from '../../../src/core/clock.ts';
import { ShardHost } from '../../../src/shard/engine-host.ts';
import { batchOf, contentOf, entry, testSchema } from '../../../src/shard/testing.ts';
import { openIdbMirror } from '../../../src/vfs/mirror-idb.ts';
import { opfsVfs } from '../../../src/vfs/opfs.ts';
import type { Mirror, Vfs, VfsFile } from '../../../src/vfs/vfs.ts';
import { WriteKind } from '../../../src/protocol/write-batch.ts';
import type { Found, Order } from './witness.ts';

const SHARD = 1;
const BATCH = 5;
const TEXT = 'the quick brown fox jumps over the lazy dog '.repeat(10);

let witness = '';
/** Tells this page from another of the same site. */
const page = crypto.randomUUID();

/** Synchronous: returns when the witness has heard. */
function tell(path: string, body: string): string {
  const request = new XMLHttpRequest();
  request.open('POST', `${witness}${path}?page=${page}`, false);
  request.send(body);
  return request.responseText;
}

function uuidOfNumber(n: number): Uint8Array {
  const uuid = new Uint8Array(16);
  uuid[6] = 0x70;
  uuid[8] = 0x80;
  new DataView(uuid.buffer).setUint32(12, n);
  return uuid;
}
const valuesOf = (n: number): unknown[] => [`${TEXT}${n}`, `tag${n % 7}`, n];
const vectorOf = (n: number): number[] => [n % 11, n % 13, n % 17, 1];

/** The same vfs with flushes that do nothing: the control that shows the test can see a loss. */
function withoutFlush(vfs: Vfs): Vfs {
  return {
    kind: vfs.kind,
    list: () => vfs.list(),
    directories: () => vfs.directories(),
    remove: (name) => vfs.remove(name),
    directory: (name) => withoutFlush(vfs.directory(name)),
    destroy: () => vfs.destroy(),
    alive: () => vfs.alive(),
    async open(name, options): Promise<VfsFile> {
      const file = await vfs.open(name, options);
      return {
        name: file.name,
        read: (into, at) => file.read(into, at),
        write: (bytes, at) => file.write(bytes, at),
        flush: () => undefined,
        size: () => file.size(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        close: () => file.close(),
      };
    },
  };
}
const forgetful = (mirror: Mirror): Mirror => ({
  append: async () => undefined,
  read: (stream) => mirror.read(stream),
  streams: () => mirror.streams(),
  clear: () => mirror.clear(),
  close: () => mirror.close(),
});

/** Kept beside the engine's own: says whether the browser still knows the origin at all. */
const CANARY = 'heddle-crash-canary';

/** Looks, before anything is made, whether the origin has any storage; then leaves a trace there. */
async function isOriginEmpty(): Promise<boolean> {
  const root = await navigator.storage.getDirectory();
  let entries = 0;
  for await (const name of root.keys()) if (name !== '') entries++;
  const databases = await indexedDB.databases();
  const canary = await openIdbMirror(CANARY, '');
  const known = await canary.streams();
  if (known.length === 0) await canary.append('canary', [new Uint8Array([1])]);
  canary.close();
  return entries === 0 && databases.length === 0 && known.length === 0;
}

async function look(host: ShardHost, originIsEmpty: boolean): Promise<Found> {
  const wrong: string[] = [];
  const numbers: number[] = [];
  const { settled } = await host.stats();
  if (!(await host.shards()).some(({ shard }) => shard === SHARD)) return { numbers, wrong, settled, originIsEmpty };
  for (const [uuid, { values, vector }] of await contentOf(host, SHARD)) {
    const n = Number(values[2]);
    if (JSON.stringify(values) !== JSON.stringify(valuesOf(n)) || JSON.stringify(vector) !== JSON.stringify(vectorOf(n)))
      wrong.push(`${uuid}: ${JSON.stringify(values).slice(-60)} ${JSON.stringify(vector)}`);
    numbers.push(n);
  }
  if ((await host.count(SHARD)) !== numbers.length) wrong.push(`count says ${await host.count(SHARD)}, the scan found ${numbers.length}`);
  return { numbers, wrong, settled, originIsEmpty };
}

async function write(host: ShardHost, first: number): Promise<never> {
  const client = systemRandom.fill(new Uint8Array(16));
  for (let n = first, sequence = 1; ; sequence++) {
    const count = sequence % 4 === 0 ? BATCH : 1;
    const entries = Array.from({ length: count }, (_, i) => entry(WriteKind.upsert, uuidOfNumber(n + i), valuesOf(n + i), vectorOf(n + i)));
    const ack = await host.write({ shard: SHARD, request: { client, sequence }, batch: batchOf(entries), atomic: true });
    tell('/ack', `${n} ${n + count - 1} ${ack.durability}`);
    n += count;
    if (sequence % 40 === 0) await host.flush();
    if (sequence % 10 === 0) await host.maintain(5);
  }
}

async function main(): Promise<void> {
  const order = JSON.parse(tell('/order', '')) as Order;
  const originIsEmpty = await isOriginEmpty();
  const vfs = opfsVfs(['heddle-crash']);
  const mirror = await openIdbMirror('heddle-crash', 'host0');
  const host = await ShardHost.open({
    vfs: order.noFlush ? withoutFlush(vfs) : vfs,
    mirror: order.noFlush ? forgetful(mirror) : mirror,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    durability: 'strict',
    defer: (run) => setTimeout(run, 0),
  });
  const found = await look(host, originIsEmpty);
  tell('/found', JSON.stringify(found));
  if (order.mode === 'look') return;
  await host.putShard(SHARD, testSchema());
  void host.settled().then(() => tell('/settled', ''));
  await write(host, found.numbers.reduce((most, n) => Math.max(most, n), -1) + 1);
}

self.onmessage = (event: MessageEvent<{ witness: string }>) => {
  witness = event.data.witness;
  main().catch((thrown: unknown) =>
    tell(
      '/error',
      thrown instanceof Error ? `${thrown.name} ${(thrown as { code?: string }).code ?? ''}: ${thrown.message}` : String(thrown),
    ),
  );
};
