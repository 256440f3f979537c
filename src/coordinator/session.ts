/**
 * One client of the coordinator: a tab, or the program itself in Node. Names each method of `CoordinatorApi` and says who does it.
 */
import { assert, HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { ApiArgs, ApiMethod, ApiReply, CoordinatorApi } from '../protocol/coordinator-api.ts';
import { PROTOCOL_VERSION, type FramePort } from '../protocol/frames.ts';
import { Server, type CallContext } from '../protocol/server.ts';
import type { Coordinator } from './coordinator.ts';

type Methods = {
  [M in ApiMethod]: (session: Session, args: ApiArgs<M>, context: CallContext) => ApiReply<M> | Promise<ApiReply<M>>;
};

const METHODS: Methods = {
  hello: (session, [client, version]) => session.hello(client, version),
  ping: async ({ owner }) => {
    await owner.engines[0].ping();
    return null;
  },
  createCollection: ({ owner }, [name, config], { resent }) =>
    resent ? owner.catalog.ensure(name, config) : owner.catalog.create(name, config),
  ensureCollection: ({ owner }, [name, config]) => owner.catalog.ensure(name, config),
  changeCollection: ({ owner }, [collection, change]) => owner.catalog.change(collection, change),
  describeCollection: ({ owner }, [collection]) => owner.catalog.get(collection),
  reindexed: ({ owner }, [collection], context) => owner.reindexes.finished(collection, context),
  dropCollection: ({ owner }, [name]) => owner.catalog.drop(name),
  write: (session, [call]) => session.owner.write(session.client, call),
  writeMatching: ({ owner }, [call], context) => owner.writeMatching(call, context),
  get: ({ owner }, [collection, uuids, projection]) => owner.reads.get(collection, uuids, projection),
  exists: ({ owner }, [collection, uuids]) => owner.reads.exists(collection, uuids),
  scan: ({ owner }, [collection, cursor, limit, projection]) => owner.reads.scan(collection, cursor, limit, projection),
  count: ({ owner }, [collection]) => owner.reads.count(collection),
  match: ({ owner }, [collection, filter, limit]) => owner.reads.match(collection, filter, limit),
  search: ({ owner }, [request]) => owner.searches.search(request),
  aggregate: ({ owner }, [query]) => owner.searches.aggregate(query),
  leasePending: (session, [collection, vector, limit]) => session.owner.leasePending(session.name, collection, vector, limit),
  returnPending: ({ owner }, [collection, vector, uuids]) => owner.returnPending(collection, vector, uuids),
  vectorizing: ({ owner }, [collection, vector]) => owner.vectorizing(collection, vector),
  pauseVectorizing: ({ owner }, [collection, paused]) => owner.pauseVectorizing(collection, paused),
  backupPart: ({ owner }, [collections, cursor, salvaging]) => owner.backups.part(collections, cursor, salvaging),
  restoreBegin: ({ owner }) => owner.backups.begin(),
  restoreFeed: ({ owner }, [restore, bytes]) => owner.backups.feed(restore, bytes),
  watch: (session, [watching]) => {
    session.watching = watching;
    return null;
  },
  stats: ({ owner }) => owner.stats(),
  health: ({ owner }, [collection, vector]) => owner.reads.health(collection, vector),
  flush: ({ owner }) => owner.everywhere((host) => host.flush()),
  compact: ({ owner }) => owner.everywhere((host) => host.compact()),
  verify: ({ owner }) => owner.verify(),
  settled: ({ owner }) => owner.settled(),
  goodbye: (session) => {
    queueMicrotask(() => session.close());
    return null;
  },
};

export class Session {
  /** Known once the database is open; calls that come before wait for it. */
  private coordinator: Coordinator | null = null;
  private readonly server: Server;
  /** The client's UUID, 16 bytes; zeros until `hello`. */
  client: Uint8Array = new Uint8Array(16);
  name = '';
  watching = false;
  private greeted = false;
  onClosed: () => void = () => undefined;

  constructor(owner: Coordinator | Promise<Coordinator>, port: FramePort) {
    if (owner instanceof Promise) owner.then((coordinator) => this.adopt(coordinator)).catch(() => undefined); // each call gets the error
    else this.adopt(owner);
    const ready = owner;
    this.server = new Server(port, (method, args, context) =>
      this.coordinator !== null
        ? this.handle(method, args, context)
        : Promise.resolve(ready).then(() => this.handle(method, args, context)),
    );
  }

  get owner(): Coordinator {
    assert(this.coordinator !== null, 'a session is used once its database is open');
    return this.coordinator;
  }

  private adopt(coordinator: Coordinator): void {
    this.coordinator = coordinator;
    coordinator.joined(this);
  }

  emit<E extends 'changed' | 'schema' | 'pending' | 'log'>(event: E, value: unknown): void {
    if (this.greeted) this.server.emit(event, value);
  }

  hello(client: Uint8Array, version: number): ApiReply<'hello'> {
    if (version !== PROTOCOL_VERSION)
      throw new HeddleError('ReloadRequired', `this tab speaks protocol ${version}, the database's owner ${PROTOCOL_VERSION}`, {
        hint: 'Another tab runs another version of the app: reload both.',
        details: { client: version, owner: PROTOCOL_VERSION },
      });
    this.client = client.slice();
    this.name = uuidText(this.client);
    this.greeted = true;
    this.owner.greeted(this);
    const { ownerId, durability, evicted } = this.owner;
    return { ownerId, durability, evicted, schemas: this.owner.catalog.all };
  }

  private handle(method: string, args: readonly unknown[], context: CallContext): unknown {
    if (!Object.hasOwn(METHODS, method)) throw new HeddleError('Unsupported', `the coordinator has no method ${JSON.stringify(method)}`);
    if (!this.greeted && method !== 'hello') throw new HeddleError('Unsupported', `${method} came before hello`);
    const run = METHODS[method as keyof CoordinatorApi] as (session: Session, args: readonly unknown[], context: CallContext) => unknown;
    return run(this, args, context);
  }

  close(): void {
    this.server.close();
    this.coordinator?.left(this);
    this.onClosed();
  }
}
