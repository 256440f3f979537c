/**
 * Reads a container's bytes and vouches for them: every damage found here is reported to the host, then thrown as
 * `Corruption`, so that nothing unreadable is ever taken for missing.
 */
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import type { BlockCache } from './block-cache.ts';
import { blockSeed } from './block.ts';
import { CONTAINER_HEADER_BYTES } from './container-writer.ts';
import { readExtents } from './extent-io.ts';
import type { ContainerRef } from './manifest.ts';
import type { Space } from './space.ts';

/** What readers share on one host. */
export interface ReadContext {
  readonly space: Space;
  readonly hostSeed: number;
  readonly cache: BlockCache;
  /** Called once for every damage that is met. */
  damaged(container: number, reason: string): void;
}

export class ContainerReader {
  readonly ref: ContainerRef;
  readonly context: ReadContext;
  /** Readers that must still see this container after the store has let go of it. */
  pins = 0;
  /** Set when the store has let go of it. */
  retired = false;
  isDamaged = false;
  /** A Bloom filter in it is damaged: merging makes it anew. */
  losesFilter = false;

  constructor(ref: ContainerRef, context: ReadContext) {
    this.ref = ref;
    this.context = context;
  }

  /** `length` bytes at logical offset `at`, freshly allocated, unchecked. */
  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    if (at + length > this.ref.byteLength) return this.fail(`${length} bytes at ${at} lie past its end`);
    const bytes = new Uint8Array(length);
    this.readInto(bytes, at);
    return bytes;
  }

  readInto(into: Uint8Array, at: number): void {
    try {
      readExtents(this.context.space, this.ref.extents, into, at);
    } catch (error) {
      const typed = HeddleError.from(error);
      if (typed.code === 'Corruption') this.note(typed.message);
      throw typed;
    }
  }

  /** As `read`, then compared with the checksum that was kept elsewhere. */
  readChecked(at: number, length: number, crc: number, what: string): Uint8Array<ArrayBuffer> {
    const bytes = this.read(at, length);
    if (crc32c(bytes, this.seedAt(at)) !== crc) return this.fail(`${what} at ${at} fails its checksum`);
    return bytes;
  }

  seedAt(at: number): number {
    return blockSeed(this.context.hostSeed, this.ref.id, at);
  }

  readFooter(): Uint8Array<ArrayBuffer> {
    const { byteLength, footerBytes, footerCrc } = this.ref;
    return this.readChecked(byteLength - footerBytes, footerBytes, footerCrc, 'footer');
  }

  /** The shard named in the header; `Corruption` when the header is not this container's. */
  readHeader(): { readonly magic: number; readonly shard: number } {
    const bytes = this.read(0, CONTAINER_HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    const sound = view.getUint32(12, true) === crc32c(bytes, this.context.hostSeed, 0, 12) && view.getUint32(4, true) === this.ref.id;
    if (!sound) return this.fail('header fails its checksum');
    return { magic: view.getUint32(0, true), shard: view.getUint32(8, true) };
  }

  /** Reports the damage and throws. */
  fail(reason: string): never {
    this.note(reason);
    throw new HeddleError('Corruption', `segment ${this.ref.id}: ${reason}`, {
      hint: 'run db.verify(); db.salvage() writes out what can still be read',
      details: { container: this.ref.id, reason },
    });
  }

  private note(reason: string): void {
    this.isDamaged = true;
    this.context.damaged(this.ref.id, reason);
  }
}
