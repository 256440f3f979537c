/**
 * Turns the entries a client sent into the operations that are logged: conflicts found, patches merged into whole new
 * versions, docIDs given out. Reads the shard, writes nothing.
 *
 * - Entries of a batch see each other: the second insert of a UUID in one batch is a Conflict.
 * - `insert` of an existing UUID is a Conflict, `replace` and `update` of a missing one NotFound, `delete` of a missing one
 *   counts as not written, `upsert` always writes.
 * - A background vector follows its text: when a property it is made from changes and the entry brings no new vector, the
 *   old one is dropped and the object waits for vectorizing again; otherwise vectors the entry does not name are handed on
 *   by `update`, and by `upsert` and `replace` for background vectors only.
 */
import { equalBytes, fromUtf8, utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { decodeObject } from '../protocol/object-record.ts';
import { WriteKind, type NamedVector, type WriteEntry } from '../protocol/write-batch.ts';
import type { CollectionSchema, VectorSchema } from '../schema/collection-schema.ts';
import type { WriteFailure } from './host-api.ts';
import { OperationKind, type Operation } from './write-record.ts';

/** What resolving needs to see of the shard. */
export interface ShardView {
  readonly schema: CollectionSchema;
  find(uuid: Uint8Array): number | null;
  record(docID: number): Uint8Array;
  isLive(docID: number): boolean;
  hasVector(ordinal: number, docID: number): boolean;
  /** Throws `InvalidInput` for a vector of the wrong size or an unknown ordinal, `StorageFull` when it and `ahead` others don't fit. */
  checkVector(vector: NamedVector, ahead: number): void;
}

export interface Resolution {
  readonly operations: readonly Operation[];
  readonly failures: readonly WriteFailure[];
  /** Entries that took effect or were already so. */
  readonly written: number;
  readonly nextDocID: number;
}

interface Version {
  readonly docID: number;
  readonly createdMs: number;
  readonly properties: Uint8Array;
  /** Ordinals of vectors it has. */
  readonly vectors: readonly number[];
}

const NONE: readonly never[] = [];

export function resolveBatch(
  shard: ShardView,
  entries: Iterable<WriteEntry>,
  nextDocID: number,
  nowMs: number,
  atomic: boolean,
): Resolution {
  const batch = new BatchResolver(shard, nextDocID, nowMs);
  const failures: WriteFailure[] = [];
  let written = 0;
  let index = 0;
  for (const entry of entries) {
    try {
      if (batch.resolve(entry)) written++;
    } catch (thrown) {
      const error = HeddleError.from(thrown);
      if (atomic) throw new HeddleError(error.code, error.message, { ...error, details: { ...error.details, index } });
      failures.push({ index, error: error.toPlain() });
    }
    index++;
  }
  return { operations: batch.operations, failures, written, nextDocID: batch.nextDocID };
}

class BatchResolver {
  readonly operations: Operation[] = [];
  nextDocID: number;
  /** Vectors of the entries before. */
  private vectors = 0;
  /** Versions this batch made, by UUID; null: deleted. */
  private readonly overlay = new Map<string, Version | null>();
  private readonly shard: ShardView;
  private readonly nowMs: number;

  constructor(shard: ShardView, nextDocID: number, nowMs: number) {
    this.shard = shard;
    this.nextDocID = nextDocID;
    this.nowMs = nowMs;
  }

  /** True when the entry takes effect or already holds. */
  resolve(entry: WriteEntry): boolean {
    for (const vector of entry.vectors) if (vector.values.length > 0) this.shard.checkVector(vector, this.vectors++);
    const key = mapKeyOf(entry.uuid);
    if (entry.kind === WriteKind.attach) return this.attach(entry, key);
    const before = this.find(entry.uuid, key);
    switch (entry.kind) {
      case WriteKind.insert:
        if (before) throw conflict(entry.uuid);
        return this.put(entry, key, null, entry.properties);
      case WriteKind.upsert:
        return this.put(entry, key, before, entry.properties);
      case WriteKind.replace:
        if (!before) throw notFound('replace', entry.uuid);
        return this.put(entry, key, before, entry.properties);
      case WriteKind.update:
        if (!before) throw notFound('update', entry.uuid);
        return this.put(entry, key, before, patched(before.properties, entry.properties));
      case WriteKind.delete:
        return this.delete(entry.uuid, key, before);
    }
  }

  private find(uuid: Uint8Array, key: string): Version | null {
    const own = this.overlay.get(key);
    if (own !== undefined) return own;
    const docID = this.shard.find(uuid);
    if (docID === null) return null;
    const record = decodeObject(this.shard.record(docID));
    const vectors = this.shard.schema.vectors.map((v) => v.ordinal).filter((ordinal) => this.shard.hasVector(ordinal, docID));
    return { docID, createdMs: record.createdMs, properties: record.properties, vectors };
  }

  private put(entry: WriteEntry, key: string, before: Version | null, properties: Uint8Array): boolean {
    const given = entry.vectors.length === 0 ? NONE : entry.vectors.filter((vector) => vector.values.length > 0);
    const carried = before ? this.carried(before, properties, entry) : NONE;
    if (before && given.length === 0 && carried.length === before.vectors.length && equalBytes(before.properties, properties)) return true;
    const docID = this.nextDocID++;
    const createdMs = before?.createdMs ?? this.nowMs;
    this.operations.push({
      kind: OperationKind.put,
      uuid: entry.uuid,
      docID,
      previous: before?.docID ?? null,
      ageMs: Math.max(0, this.nowMs - createdMs),
      properties,
      carried,
      vectors: given,
    });
    const vectors = given.length === 0 ? carried : [...carried, ...given.map((v) => v.ordinal)];
    this.overlay.set(key, { docID, createdMs, properties, vectors });
    return true;
  }

  /** Vectors of the old version that go on unchanged. */
  private carried(before: Version, properties: Uint8Array, entry: WriteEntry): readonly number[] {
    if (before.vectors.length === 0) return NONE;
    const changed = changedOrdinals(before.properties, properties);
    const isUpdate = entry.kind === WriteKind.update;
    return this.shard.schema.vectors
      .filter(({ ordinal }) => before.vectors.includes(ordinal) && !entry.vectors.some((named) => named.ordinal === ordinal))
      .filter((vector) => (isUpdate || vector.when === 'background') && !(vector.when === 'background' && this.madeFrom(vector, changed)))
      .map((vector) => vector.ordinal);
  }

  private madeFrom(vector: VectorSchema, changed: ReadonlySet<number>): boolean {
    return this.shard.schema.properties.some((property) => changed.has(property.ordinal) && vector.from.includes(property.name));
  }

  private delete(uuid: Uint8Array, key: string, before: Version | null): boolean {
    if (!before) return false;
    this.operations.push({ kind: OperationKind.delete, uuid, docID: before.docID });
    this.overlay.set(key, null);
    return true;
  }

  /** A vector for a version that is gone, or that has one by now, is dropped: it was computed from an older text. */
  private attach(entry: WriteEntry, key: string): boolean {
    const docID = entry.expectedDocID;
    if (this.overlay.has(key)) return false;
    if (!this.shard.isLive(docID) || this.shard.find(entry.uuid) !== docID) return false;
    const vectors = entry.vectors.filter((vector) => !this.shard.hasVector(vector.ordinal, docID));
    if (vectors.length === 0) return false;
    this.operations.push({ kind: OperationKind.attach, docID, vectors });
    return true;
  }
}

/** The 16 bytes as a string of eight code units: a cheap Map key. */
function mapKeyOf(u: Uint8Array): string {
  return String.fromCharCode(
    u[0] | (u[1] << 8),
    u[2] | (u[3] << 8),
    u[4] | (u[5] << 8),
    u[6] | (u[7] << 8),
    u[8] | (u[9] << 8),
    u[10] | (u[11] << 8),
    u[12] | (u[13] << 8),
    u[14] | (u[15] << 8),
  );
}

function conflict(uuid: Uint8Array): HeddleError {
  const text = uuidText(uuid);
  return new HeddleError('Conflict', `insert: object ${text} exists already`, {
    hint: 'Use upsert to replace it.',
    details: { uuid: text },
  });
}

function notFound(verb: string, uuid: Uint8Array): HeddleError {
  const text = uuidText(uuid);
  return new HeddleError('NotFound', `${verb}: no object ${text}`, { hint: 'Use upsert to create it.', details: { uuid: text } });
}

/** The property array with a patch (ordinal → value, null: unset) merged in. */
function patched(properties: Uint8Array, patch: Uint8Array): Uint8Array {
  const values = JSON.parse(fromUtf8(properties)) as unknown[];
  for (const [ordinal, value] of Object.entries(JSON.parse(fromUtf8(patch)) as Record<string, unknown>)) {
    const at = Number(ordinal);
    while (values.length < at) values.push(null);
    values[at] = value;
  }
  while (values.length > 0 && values[values.length - 1] === null) values.pop();
  return utf8(JSON.stringify(values));
}

function changedOrdinals(before: Uint8Array, after: Uint8Array): Set<number> {
  const changed = new Set<number>();
  if (equalBytes(before, after)) return changed;
  const old = JSON.parse(fromUtf8(before)) as unknown[];
  const now = JSON.parse(fromUtf8(after)) as unknown[];
  for (let i = 0; i < Math.max(old.length, now.length); i++)
    if (JSON.stringify(old[i] ?? null) !== JSON.stringify(now[i] ?? null)) changed.add(i);
  return changed;
}
