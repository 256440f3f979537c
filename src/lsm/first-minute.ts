/**
 * The first minute's mirror: until the names of a new database's files are power-safe, everything that is acknowledged is
 * also put into the `Mirror` (IndexedDB, strict), in one stream in order. Layout: `docs/format/mirror.md`.
 *
 * Invariants: the mirror holds a prefix of what happened since creation; once it could not take a record (limit, failure)
 * it takes no more, and acknowledgements say `process` until the files have settled.
 */
import { ByteReader, ByteWriter } from '../core/bytes.ts';
import type { Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import type { Mirror } from '../vfs/vfs.ts';

/** Reaches the disk. */
const Kind = { shard: 1, drop: 2, meta: 3, blob: 4, records: 5, gap: 6 } as const;

export type MirrorRecord =
  | { readonly kind: 'shard'; readonly shard: number; readonly meta: Uint8Array }
  | { readonly kind: 'drop'; readonly shard: number }
  | { readonly kind: 'meta'; readonly shard: number; readonly meta: Uint8Array }
  | { readonly kind: 'blob'; readonly blob: Uint8Array }
  /** Encoded log records of one commit. */
  | { readonly kind: 'records'; readonly payload: Uint8Array }
  /** What came after was not taken: where the files can be read, they know more. */
  | { readonly kind: 'gap' };

const STREAM = 'host';

export async function readMirror(mirror: Mirror): Promise<MirrorRecord[]> {
  return (await mirror.read(STREAM)).map(decode);
}

export class FirstMinute {
  private readonly mirror: Mirror;
  private readonly bytesMax: number;
  private readonly logger: Logger;
  private queue: Uint8Array[] = [];
  private tail: Promise<void> = Promise.resolve();
  private bytes: number;
  private isBroken = false;
  private hasFailed = false;

  constructor(mirror: Mirror, bytesMax: number, bytesHeld: number, logger: Logger) {
    this.mirror = mirror;
    this.bytesMax = bytesMax;
    this.bytes = bytesHeld;
    this.logger = logger;
  }

  /** Whether everything so far has been taken. */
  get isWhole(): boolean {
    return !this.isBroken;
  }

  get bytesHeld(): number {
    return this.bytes;
  }

  /** Takes a copy; it is written by the next `sync`. */
  put(record: MirrorRecord): void {
    if (this.isBroken) return;
    const bytes = encode(record);
    if (this.bytes + bytes.length > this.bytesMax) {
      this.logger.log('info', 'the first minute mirror is full; acknowledgements say process until the files settle', {
        bytes: this.bytes,
      });
      this.giveUp();
      return;
    }
    this.bytes += bytes.length;
    this.queue.push(bytes);
  }

  /** The mirror can't take what comes: it is told so, as the last thing it takes. */
  giveUp(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.queue.push(encode({ kind: 'gap' }));
  }

  /** Resolves when what was put is power-safe; true when that holds for everything so far. */
  async sync(): Promise<boolean> {
    const records = this.queue;
    this.queue = [];
    const before = this.tail;
    this.tail = before.then(() => this.write(records));
    await this.tail;
    return !this.isBroken;
  }

  /** Drops the mirror: the files have settled. */
  async clear(): Promise<void> {
    await this.tail;
    await this.mirror.clear();
    this.bytes = 0;
  }

  private async write(records: readonly Uint8Array[]): Promise<void> {
    if (records.length === 0 || this.hasFailed) return;
    try {
      await this.mirror.append(STREAM, records);
    } catch (error) {
      this.isBroken = true;
      this.hasFailed = true;
      this.logger.log('warn', `the first minute mirror failed: ${HeddleError.from(error).message}`);
    }
  }
}

function encode(record: MirrorRecord): Uint8Array {
  const w = new ByteWriter(64);
  if (record.kind === 'records') return w.u8(Kind.records).bytes(record.payload).finish();
  if (record.kind === 'blob') return w.u8(Kind.blob).bytes(record.blob).finish();
  if (record.kind === 'gap') return w.u8(Kind.gap).finish();
  w.u8(Kind[record.kind]).varint(record.shard);
  if (record.kind !== 'drop') w.bytes(record.meta);
  return w.finish();
}

function decode(bytes: Uint8Array): MirrorRecord {
  const r = new ByteReader(bytes);
  const kind = r.u8();
  if (kind === Kind.records) return { kind: 'records', payload: r.bytes(r.remaining) };
  if (kind === Kind.blob) return { kind: 'blob', blob: r.bytes(r.remaining) };
  if (kind === Kind.gap) return { kind: 'gap' };
  const shard = r.varint();
  if (kind === Kind.drop) return { kind: 'drop', shard };
  const meta = r.bytes(r.remaining);
  if (kind === Kind.shard) return { kind: 'shard', shard, meta };
  if (kind === Kind.meta) return { kind: 'meta', shard, meta };
  throw new HeddleError('Corruption', `mirror record of unknown kind ${kind}`);
}
