/**
 * The owner of a database: catalog, routing, scatter-gather, background budget, the clients' sessions. One per database, in the
 * worker that holds the Web Lock, or in the program's own thread in Node. Single-threaded; holds no data of its own.
 */
import type { Clock, Logger, Random } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import type {
  ChangeEvent,
  DatabaseStats,
  MatchCall,
  MatchReply,
  PendingObject,
  VectorizingReply,
  WriteCall,
  WriteReply,
} from '../protocol/coordinator-api.ts';
import type { FramePort } from '../protocol/frames.ts';
import type { CallContext } from '../protocol/server.ts';
import type { EngineHost, HostStats } from '../shard/host-api.ts';
import { Backups } from './backups.ts';
import { Background } from './background.ts';
import { Catalog } from './catalog.ts';
import { Engine, type EngineProcess } from './engine.ts';
import { LEASED_MAX, Leases } from './leases.ts';
import { Reads } from './reads.ts';
import { Reindexes } from './reindexes.ts';
import { uuidsOfBatch } from './routing.ts';
import { Searches } from './searches.ts';
import { Session } from './session.ts';
import { databaseStats } from './stats.ts';
import { Writes } from './writes.ts';

/** UUIDs listed in one change event. */
export const CHANGED_UUIDS_MAX = 1_000;

export interface CoordinatorOptions {
  /** Starts engine `index`; called again when it died. */
  readonly startEngine: (index: number) => Promise<EngineProcess>;
  readonly engineCount: number;
  readonly durability: 'strict' | 'relaxed';
  /** The browser had deleted the database, and this opens an empty one. */
  readonly evicted: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class Coordinator {
  readonly ownerId: string;
  readonly durability: 'strict' | 'relaxed';
  readonly evicted: boolean;
  readonly engines: readonly Engine[];
  readonly catalog: Catalog;
  readonly reads: Reads;
  readonly searches: Searches;
  readonly backups: Backups;
  readonly reindexes: Reindexes;
  private readonly writes: Writes;
  private readonly leases: Leases;
  private readonly backgrounds: readonly Background[];
  private readonly sessions = new Set<Session>();
  private readonly paused = new Set<number>();
  /** Told of every client that was greeted. */
  onGreeted: (session: Session) => void = () => undefined;

  private constructor(options: CoordinatorOptions) {
    const { clock, random, logger, startEngine, engineCount } = options;
    this.ownerId = uuidText(random.fill(new Uint8Array(16)));
    this.durability = options.durability;
    this.evicted = options.evicted;
    this.engines = Array.from({ length: engineCount }, (_, index) => new Engine(index, () => startEngine(index), clock, logger));
    this.backgrounds = this.engines.map((engine) => new Background(engine, logger));
    this.catalog = new Catalog(this.engines, clock);
    this.reads = new Reads(this.catalog);
    this.searches = new Searches(this.catalog);
    this.writes = new Writes(this.catalog, random);
    this.backups = new Backups(this.catalog, this.reads, this.writes);
    this.leases = new Leases(clock);
    this.reindexes = new Reindexes(this.catalog, () => this.hostStats(), clock, logger);
    const metDamage = new Set<number>();
    this.backgrounds.forEach((background, index) => {
      background.onIdle = () =>
        void this.reindexes
          .look(metDamage.delete(index))
          .catch((thrown) => logger.log('warn', 'indexes were not put to use', { cause: String(thrown) }));
    });
    this.catalog.onChange = (id, schema) => this.schemaChanged(id, schema);
    this.engines.forEach((engine, index) => {
      engine.onRestart = () => this.backgrounds[index].wake();
      engine.onDamage = () => {
        metDamage.add(index);
        this.backgrounds[index].wake();
      };
    });
  }

  /** Starts every engine, recovers, and puts the catalog right. Rejects with the first engine's error. */
  static async open(options: CoordinatorOptions): Promise<Coordinator> {
    const coordinator = new Coordinator(options);
    try {
      await Promise.all(coordinator.engines.map((engine) => engine.open()));
      await coordinator.catalog.load();
    } catch (thrown) {
      await Promise.allSettled(coordinator.engines.map((engine) => engine.close()));
      throw thrown;
    }
    const settled = coordinator.settled();
    for (const background of coordinator.backgrounds) background.wakeAfterOpening(settled);
    return coordinator;
  }

  /** Serves a client on `port`. */
  connect(port: FramePort): Session {
    return new Session(this, port);
  }

  joined(session: Session): void {
    this.sessions.add(session);
  }

  /** A client came back on another port: its old session ends, what it still runs is answered there, to nobody. */
  greeted(session: Session): void {
    for (const other of this.sessions) if (other !== session && other.name === session.name) this.sessions.delete(other);
    this.onGreeted(session);
  }

  /** A message for the logs of all tabs. */
  log(level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
    for (const session of this.sessions) session.emit('log', { level, message, fields });
  }

  left(session: Session): void {
    this.sessions.delete(session);
    this.leases.release(session.name);
    this.emitPending();
  }

  /** The client with this UUID is gone (its lock was released). */
  clientGone(name: string): void {
    for (const session of this.sessions) if (session.name === name) session.close();
  }

  async write(client: Uint8Array, call: WriteCall): Promise<WriteReply> {
    const watched = this.watched();
    const uuids = watched ? uuidsOfBatch(call.batch, CHANGED_UUIDS_MAX + 1) : [];
    const reply = await this.writes.write(client, call);
    this.wake(call.collection);
    if (watched) this.emitChange(call.collection, uuids);
    return reply;
  }

  writeMatching(call: MatchCall, context: CallContext): Promise<MatchReply> {
    return this.writes.writeMatching(call, context, (uuids) => {
      this.wake(call.collection);
      if (this.watched()) this.emitChange(call.collection, uuids);
    });
  }

  // --- background vectors

  async leasePending(client: string, collection: number, vector: number, limit: number): Promise<PendingObject[]> {
    if (this.paused.has(collection)) return [];
    const { shards } = this.catalog.get(collection);
    const lent = this.leases.count(collection, vector);
    const taken: PendingObject[] = [];
    for (const shard of shards) {
      const wanted = limit - taken.length;
      if (wanted <= 0) break;
      const look = Math.min(wanted + lent, LEASED_MAX + limit);
      const waiting = await this.catalog.engine(shard).run((host) => host.pendingVectors(shard, vector, look));
      taken.push(...this.leases.take(client, collection, vector, waiting, wanted));
    }
    return taken;
  }

  returnPending(collection: number, vector: number, uuids: Uint8Array): null {
    const texts = Array.from({ length: uuids.length / 16 }, (_, i) => uuidText(uuids, i * 16));
    this.leases.giveBack(collection, vector, texts);
    return null;
  }

  async vectorizing(collection: number, vector: number): Promise<VectorizingReply> {
    const { shards } = this.catalog.get(collection);
    let rows = 0;
    let pending = 0;
    for (const { shards: stats } of await this.hostStats())
      for (const shard of stats) {
        if (!shards.includes(shard.shard)) continue;
        const of = shard.vectors.find(({ ordinal }) => ordinal === vector);
        rows += of?.rows ?? 0;
        pending += of?.pending ?? 0;
      }
    return { rows, pending, paused: this.paused.has(collection) };
  }

  pauseVectorizing(collection: number, paused: boolean): null {
    if (paused) this.paused.add(collection);
    else if (this.paused.delete(collection)) this.emitPending();
    return null;
  }

  // --- the whole database

  private hostStats(): Promise<HostStats[]> {
    return Promise.all(this.engines.map((engine) => engine.run((host) => host.stats())));
  }

  async stats(): Promise<DatabaseStats> {
    const restarts = this.engines.reduce((sum, engine) => sum + engine.restarts, 0);
    return { ...databaseStats(await this.hostStats(), this.catalog.all), engineRestarts: restarts, clients: this.sessions.size };
  }

  async verify(): Promise<string[]> {
    const found = await Promise.all(this.engines.map((engine) => engine.run((host) => host.verify())));
    return found.flat();
  }

  async everywhere(action: (host: EngineHost) => Promise<void>): Promise<null> {
    await Promise.all(this.engines.map((engine) => engine.run(action)));
    this.backgrounds.forEach((background) => background.wake());
    return null;
  }

  async settled(): Promise<null> {
    await Promise.all(this.engines.map((engine) => engine.wait((host) => host.settled())));
    return null;
  }

  /** Orderly: engines flush, clients are let go. */
  async close(): Promise<void> {
    this.backgrounds.forEach((background) => background.stop());
    await Promise.all(this.engines.map((engine) => engine.close()));
    for (const session of this.sessions) session.close();
  }

  private wake(collection: number): void {
    const schema = this.catalog.all.find(({ id }) => id === collection);
    for (const shard of schema?.shards ?? []) this.backgrounds[this.catalog.engine(shard).index].wake();
    if (schema?.vectors.some(({ when }) => when === 'background') === true) this.emitPending(collection);
  }

  private watched(): boolean {
    for (const session of this.sessions) if (session.watching) return true;
    return false;
  }

  private emitChange(collection: number, uuids: readonly string[]): void {
    const event: ChangeEvent = {
      collection,
      kind: 'write',
      uuids: uuids.slice(0, CHANGED_UUIDS_MAX),
      truncated: uuids.length > CHANGED_UUIDS_MAX,
    };
    for (const session of this.sessions) if (session.watching) session.emit('changed', event);
  }

  private emitPending(collection: number | null = null): void {
    for (const session of this.sessions) session.emit('pending', { collection });
  }

  private schemaChanged(id: number, schema: unknown): void {
    for (const session of this.sessions) {
      session.emit('schema', { collection: id, schema });
      if (schema === null && session.watching)
        session.emit('changed', { collection: id, kind: 'drop', uuids: [], truncated: true } satisfies ChangeEvent);
    }
    this.backgrounds.forEach((background) => background.wake());
  }
}
