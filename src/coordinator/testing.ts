/** For the coordinator's tests: engines in this thread over a memory vfs that survive being killed, and a client's end of a connection. */
import { ByteWriter, utf8 } from '../core/bytes.ts';
import { SeededRandom, systemClock, systemRandom, silentLogger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { Caller } from '../protocol/caller.ts';
import type { ApiArgs, ApiMethod, ApiReply } from '../protocol/coordinator-api.ts';
import { PROTOCOL_VERSION } from '../protocol/frames.ts';
import { localChannel } from '../protocol/local-port.ts';
import { WriteKind, writeEntry } from '../protocol/write-batch.ts';
import type { CollectionConfig } from '../schema/collection-config.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { ShardHost } from '../shard/engine-host.ts';
import type { EngineHost } from '../shard/host-api.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import { Coordinator } from './coordinator.ts';
import { engineDirectory } from './engine-directories.ts';
import type { EngineProcess } from './engine.ts';

/** Called before a method reaches the host; may throw, or return a promise to wait for. */
export type Interference = (engine: number, method: string, args: readonly unknown[], after: boolean) => unknown;

export class TestEngines {
  readonly storage = new MemoryDirectory();
  readonly count: number;
  interfere: Interference = () => undefined;
  /** How often each engine was started. */
  readonly starts: number[] = [];
  private readonly deaths: ((reason: HeddleError) => void)[] = [];

  constructor(count: number) {
    this.count = count;
  }

  open(): Promise<Coordinator> {
    return Coordinator.open({
      startEngine: (index) => this.start(index),
      engineCount: this.count,
      durability: 'strict',
      evicted: false,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
  }

  /** The engine's thread is gone: what is with it is not answered by it any more. */
  die(index: number): void {
    this.deaths[index](new HeddleError('StorageUnavailable', 'killed by the test'));
  }

  private async start(index: number): Promise<EngineProcess> {
    this.starts[index] = (this.starts[index] ?? 0) + 1;
    const vfs = memoryVfs(this.storage).directory(engineDirectory(index));
    const host = await ShardHost.open({
      vfs,
      mirror: null,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      durability: 'strict',
      defer: (run) => setImmediate(run),
    });
    let dead: HeddleError | null = null;
    const lost = new Set<(error: HeddleError) => void>();
    const died = new Promise<HeddleError>((resolve) => {
      this.deaths[index] = (reason) => {
        dead = new HeddleError('LeaderChanged', reason.message);
        // The thread's handles are released with it, without a flush.
        void host.close().catch(() => undefined);
        for (const reject of lost) reject(dead);
        resolve(reason);
      };
    });
    const proxied = new Proxy<EngineHost>(host, {
      get: (target, method: string) => {
        const run = (target as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method];
        if (typeof run !== 'function') return run;
        return (...args: unknown[]): Promise<unknown> =>
          new Promise((resolve, reject) => {
            if (dead !== null) return reject(dead);
            lost.add(reject);
            const work = async (): Promise<unknown> => {
              await this.interfere(index, method, args, false);
              const result = await run.apply(target, args);
              await this.interfere(index, method, args, true);
              return result;
            };
            work()
              .then(resolve, reject)
              .finally(() => lost.delete(reject));
          });
      },
    });
    return { host: proxied, died, ping: () => Promise.resolve(null), kill: async () => this.die(index) };
  }
}

/** Opens coordinators and closes them after each test of the file that asks; `afterEach` is the test runner's. */
export function coordinatorOpener(afterEach: (close: () => Promise<void>) => void): (engines: TestEngines) => Promise<Coordinator> {
  const opened: Coordinator[] = [];
  afterEach(async () => {
    for (const coordinator of opened.splice(0)) await coordinator.close().catch(() => undefined);
  });
  return async (engines) => {
    const coordinator = await engines.open();
    opened.push(coordinator);
    return coordinator;
  };
}

export interface TestClient {
  readonly caller: Caller;
  readonly id: Uint8Array;
  call<M extends ApiMethod>(method: M, args: ApiArgs<M>): Promise<ApiReply<M>>;
  /** Goes over to another owner, with what is unanswered. */
  attach(coordinator: Coordinator): Promise<unknown>;
}

export async function testClient(coordinator: Coordinator): Promise<TestClient> {
  const caller = new Caller();
  const id = systemRandom.fill(new Uint8Array(16));
  const client: TestClient = {
    caller,
    id,
    call: (method, args) => caller.call(method, args),
    attach: (owner) => {
      const [here, there] = localChannel();
      owner.connect(there);
      return caller.attach(here, 'hello', [id, PROTOCOL_VERSION]);
    },
  };
  await client.attach(coordinator);
  return client;
}

/** A collection `Note` in two shards, of `objects` objects with the values that `valuesOf` gives each. */
export async function filledNotes(
  client: TestClient,
  properties: CollectionConfig['properties'],
  objects: number,
  valuesOf: (n: number) => readonly unknown[],
): Promise<CollectionSchema> {
  const schema = await client.call('ensureCollection', ['Note', { properties, shards: 2 }]);
  const random = new SeededRandom(3);
  const writer = new ByteWriter();
  for (let n = 0; n < objects; n++)
    writeEntry(writer, {
      kind: WriteKind.insert,
      uuid: random.fill(new Uint8Array(16)),
      properties: utf8(JSON.stringify(valuesOf(n))),
      vectors: [],
      expectedDocID: 0,
    });
  await client.call('write', [
    { collection: schema.id, version: schema.version, sequence: 1, batch: writer.finish().slice(), atomic: false },
  ]);
  return schema;
}
