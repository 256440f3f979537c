/** The sections of a backup stream: `docs/format/backup.md`. Written and checked one at a time. */
import { ByteReader, ByteWriter, equalBytes, utf8 } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';

const MAGIC = utf8('HDLBAK\0\0');
const VERSION = 1;
export const HEADER_BYTES = MAGIC.length + 4;
export const SECTION_HEADER_BYTES = 9;
/** Bounds what a damaged length can make a reader wait for. */
const SECTION_BYTES_MAX = 64 * 1024 * 1024;

/** Reach the stream: never renumber. */
export const SectionKind = { collection: 1, objects: 2, end: 3 } as const;

export const backupHeader = (): Uint8Array<ArrayBuffer> => new ByteWriter(HEADER_BYTES).bytes(MAGIC).u32(VERSION).finish().slice();

export function backupSection(kind: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(SECTION_HEADER_BYTES + payload.length);
  return writer.u8(kind).u32(payload.length).u32(checksum(kind, payload)).bytes(payload).finish().slice();
}

function checksum(kind: number, payload: Uint8Array): number {
  return crc32c(payload, crc32c(new ByteWriter(5).u8(kind).u32(payload.length).finish()));
}

export interface Section {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Takes a stream's bytes as they come and gives whole sections; `Corruption` or `Unsupported` where it can't. */
export class SectionReader {
  private held: Uint8Array = new Uint8Array(0);
  private begun = false;

  *feed(bytes: Uint8Array): IterableIterator<Section> {
    const joined = new Uint8Array(this.held.length + bytes.length);
    joined.set(this.held);
    joined.set(bytes, this.held.length);
    this.held = joined;
    if (!this.begun && this.held.length >= HEADER_BYTES) this.begin();
    for (let section = this.next(); section !== null; section = this.next()) yield section;
  }

  private begin(): void {
    if (!equalBytes(this.held.subarray(0, MAGIC.length), MAGIC)) throw damagedBackup('it does not begin as a backup does');
    const version = new ByteReader(this.held, MAGIC.length).u32();
    if (version !== VERSION)
      throw new HeddleError('Unsupported', `restore: the backup has version ${version}, this build reads ${VERSION}`, {
        hint: 'Use a newer build.',
      });
    this.held = this.held.subarray(HEADER_BYTES);
    this.begun = true;
  }

  private next(): Section | null {
    if (!this.begun || this.held.length < SECTION_HEADER_BYTES) return null;
    const reader = new ByteReader(this.held);
    const kind = reader.u8();
    const length = reader.u32();
    const sum = reader.u32();
    if (kind < SectionKind.collection || kind > SectionKind.end || length > SECTION_BYTES_MAX)
      throw damagedBackup(`a section of kind ${kind} with ${length} bytes`);
    if (reader.remaining < length) return null;
    const payload = reader.bytes(length);
    if (checksum(kind, payload) !== sum) throw damagedBackup(`a section of kind ${kind} fails its checksum`);
    this.held = this.held.subarray(SECTION_HEADER_BYTES + length);
    return { kind, payload };
  }
}

export function damagedBackup(what: string): HeddleError {
  return new HeddleError('Corruption', `restore: the backup is damaged: ${what}`, {
    hint: 'Take another backup; what was restored before the damage is named in details.',
  });
}
