/**
 * Background vectorizing. The queue is the store itself: an object whose vector is missing waits, so nothing is lost when a tab
 * dies. Any tab that has registered the vectorizer takes part: it borrows some objects from the owner, embeds them, attaches the
 * vectors, and asks for more. `Vectorizer` work of a tab runs one batch at a time.
 *
 * - A vector is attached only to the version of the object whose text was embedded; a newer version waits on its own.
 * - A failing vectorizer is asked again after a while, longer each time.
 * - Nothing runs, and no timer is set, while nothing waits.
 */
import { ByteWriter } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { PendingObject } from '../protocol/coordinator-api.ts';
import { WriteKind, writeEntry } from '../protocol/write-batch.ts';
import type { CollectionSchema, VectorSchema } from '../schema/collection-schema.ts';
import { decodeProperties } from '../schema/decode-object.ts';
import type { Connection } from './connection.ts';
import { embed, textOf } from './embed.ts';

/** Objects borrowed at a time: small, so that pausing and closing are prompt. */
const LEASE_OBJECTS = 32;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

export class VectorizingWorker {
  private readonly connection: Connection;
  private running = false;
  private wanted = false;
  private closed = false;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly abort = new AbortController();
  /** The last failure of a vectorizer, null after a success. */
  lastError: HeddleError | null = null;
  /** Told after every batch. */
  readonly listeners = new Set<(collection: number) => void>();

  constructor(connection: Connection) {
    this.connection = connection;
    connection.on('pending', () => this.wake());
    connection.on('schema', () => this.wake());
    connection.on('owner', () => this.wake());
  }

  /** Something may wait, or a vectorizer was registered. */
  wake(): void {
    this.wanted = true;
    if (this.running || this.closed || this.timer !== null || this.connection.vectorizers.size === 0) return;
    this.running = true;
    void this.work();
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.abort.abort();
  }

  private async work(): Promise<void> {
    try {
      while (this.wanted && !this.closed) {
        this.wanted = false;
        while (await this.round());
      }
      this.failures = 0;
      this.lastError = null;
    } catch (thrown) {
      this.retryLater(HeddleError.from(thrown));
    } finally {
      this.running = false;
    }
  }

  private retryLater(error: HeddleError): void {
    if (this.closed || error.code === 'Closed') return;
    this.lastError = error;
    const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.failures++);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.wake();
    }, delayMs);
    (this.timer as { unref?: () => void }).unref?.();
  }

  /** One batch for every queue this tab can serve; false when nothing waits for it. */
  private async round(): Promise<boolean> {
    let any = false;
    for (const schema of this.connection.schemas) {
      for (const vector of schema.vectors) {
        if (this.closed) return false;
        if (vector.vectorizer === null || !this.connection.vectorizers.has(vector.vectorizer.id)) continue;
        any = (await this.batch(schema, vector)) || any;
      }
    }
    return any;
  }

  private async batch(schema: CollectionSchema, vector: VectorSchema): Promise<boolean> {
    const { connection } = this;
    const objects = await connection.call('leasePending', [schema.id, vector.ordinal, LEASE_OBJECTS]);
    if (objects.length === 0) return false;
    const uuids = new Uint8Array(objects.length * 16);
    objects.forEach(({ uuid }, i) => uuids.set(uuid, i * 16));
    try {
      const texts = objects.map(({ properties }) => textOf(vector, decodeProperties(schema.properties, properties)));
      const vectors = await embed(connection, schema, vector, texts, 'document', this.abort.signal);
      await this.attach(schema, vector, objects, vectors);
    } finally {
      // A closed connection has given its leases back already.
      await connection.call('returnPending', [schema.id, vector.ordinal, uuids]).catch(() => undefined);
    }
    for (const listener of this.listeners) listener(schema.id);
    return true;
  }

  private async attach(
    schema: CollectionSchema,
    vector: VectorSchema,
    objects: readonly PendingObject[],
    vectors: readonly Float32Array[],
  ): Promise<void> {
    const writer = new ByteWriter(objects.length * (vector.dimensions * 4 + 64));
    objects.forEach(({ uuid, docID }, i) =>
      writeEntry(writer, {
        kind: WriteKind.attach,
        uuid,
        properties: new Uint8Array(0),
        vectors: [{ ordinal: vector.ordinal, values: vectors[i] }],
        expectedDocID: docID,
      }),
    );
    const batch = writer.finish().slice();
    const { version } = this.connection.schema(schema.id) ?? schema;
    const call = { collection: schema.id, version, sequence: this.connection.nextSequence(), batch, atomic: false };
    await this.connection.call('write', [call], { bytes: batch.length }).catch((thrown: unknown) => {
      // The schema moved on meanwhile; the objects still wait, and are borrowed again under the new one.
      if (!(thrown instanceof HeddleError) || thrown.details.stale !== true) throw thrown;
    });
  }
}
