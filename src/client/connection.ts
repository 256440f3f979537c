/**
 * A client's connection to the database's owner: typed calls, the schemas as last heard, the registered vectorizers, events.
 * It outlives the owner: when another one takes over, `attach` greets it and everything unanswered is sent again.
 */
import { systemClock, systemRandom } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { UuidV7 } from '../core/ids.ts';
import { Caller, type CallOptions } from '../protocol/caller.ts';
import type { ApiArgs, ApiMethod, ApiReply, ChangeEvent, HelloReply } from '../protocol/coordinator-api.ts';
import { PROTOCOL_VERSION, type FramePort } from '../protocol/frames.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { Vectorizer } from './vectorizer.ts';

export interface ConnectionEvents {
  changed: ChangeEvent;
  schema: { readonly collection: number; readonly schema: CollectionSchema | null };
  pending: { readonly collection: number | null };
  log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string; readonly fields?: Record<string, unknown> };
  /** Another owner answered; also the first. */
  owner: HelloReply;
}

type Listener<E extends keyof ConnectionEvents> = (event: ConnectionEvents[E]) => void;

export class Connection {
  readonly name: string;
  /** 16 random bytes: with a write's sequence number they name the request for ever. */
  readonly clientId = systemRandom.fill(new Uint8Array(16));
  readonly caller = new Caller();
  readonly vectorizers = new Map<string, Vectorizer>();
  /** Collections whose vectorizing this tab holds; told to every new owner. */
  readonly paused = new Set<number>();
  private readonly uuids = new UuidV7(systemClock, systemRandom);
  private readonly byId = new Map<number, CollectionSchema>();
  private readonly listeners: { [E in keyof ConnectionEvents]: Set<Listener<E>> } = {
    changed: new Set(),
    schema: new Set(),
    pending: new Set(),
    log: new Set(),
    owner: new Set(),
  };
  private writes = 0;
  private watchers = 0;

  constructor(name: string) {
    this.name = name;
    this.caller.onEvent = (event, value) => this.receive(event, value);
  }

  /** Greets the owner on `port`. Resolves when it has answered; rejects when it could not open the database. */
  async attach(port: FramePort): Promise<HelloReply> {
    const hello = this.caller.attach(port, 'hello', [this.clientId, PROTOCOL_VERSION]) as Promise<HelloReply>;
    if (this.watchers > 0) this.caller.call('watch', [true]).catch(() => undefined);
    const reply = await hello;
    this.byId.clear();
    for (const schema of reply.schemas) this.byId.set(schema.id, schema);
    for (const collection of this.paused) this.call('pauseVectorizing', [collection, true]).catch(() => undefined); // it was dropped
    this.dispatch('owner', reply);
    return reply;
  }

  call<M extends ApiMethod>(method: M, args: ApiArgs<M>, options?: CallOptions): Promise<ApiReply<M>> {
    return this.caller.call<ApiReply<M>>(method, args, options);
  }

  get schemas(): CollectionSchema[] {
    return [...this.byId.values()];
  }

  schema(id: number): CollectionSchema | undefined {
    return this.byId.get(id);
  }

  find(name: string): CollectionSchema | undefined {
    return this.schemas.find((schema) => schema.name === name);
  }

  /** Takes a schema unless a newer one is known. */
  learn(schema: CollectionSchema): CollectionSchema {
    const known = this.byId.get(schema.id);
    if (known !== undefined && known.version > schema.version) return known;
    this.byId.set(schema.id, schema);
    return schema;
  }

  nextSequence(): number {
    return ++this.writes;
  }

  nextUuid(): string {
    return this.uuids.next();
  }

  /** Returns how to stop listening. */
  on<E extends keyof ConnectionEvents>(event: E, listener: Listener<E>): () => void {
    this.listeners[event].add(listener);
    if (event === 'changed' && ++this.watchers === 1) this.watch(true);
    return () => {
      if (!this.listeners[event].delete(listener)) return;
      if (event === 'changed' && --this.watchers === 0) this.watch(false);
    };
  }

  private watch(watching: boolean): void {
    this.call('watch', [watching]).catch(() => undefined); // a closed database has no changes to tell
  }

  private receive(name: string, value: unknown): void {
    if (!(name in this.listeners)) return;
    if (name === 'schema') {
      const { collection, schema } = value as ConnectionEvents['schema'];
      if (schema === null) this.byId.delete(collection);
      else this.learn(schema);
    }
    this.dispatch(name as keyof ConnectionEvents, value as never);
  }

  private dispatch<E extends keyof ConnectionEvents>(event: E, value: ConnectionEvents[E]): void {
    for (const listener of this.listeners[event]) listener(value);
  }

  close(): void {
    this.caller.close(new HeddleError('Closed', `database "${this.name}" is closed`, { hint: 'Open it again with connect().' }));
  }
}
