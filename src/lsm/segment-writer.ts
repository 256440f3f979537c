/**
 * Writes the sections of a segment container, bucket by bucket, from sorted entries.
 *
 * Invariants: buckets rise, keys within one rise strictly; a value above `inlineValueBytesMax` is written before the block
 * that points to it. Layout: `docs/format/segment.md`.
 */
import { ByteWriter } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { APART_BYTES, BlockBuilder, TAG_APART, TAG_INLINE, TAG_TOMBSTONE } from './block.ts';
import { BloomBuilder } from './bloom.ts';
import { type ContainerWriter } from './container-writer.ts';
import type { ContainerRef } from './manifest.ts';
import { type SectionInfo, encodeSegmentFooter } from './segment-footer.ts';

export interface SegmentWriterOptions {
  readonly blockBytes: number;
  readonly inlineValueBytesMax: number;
}

export class SegmentWriter {
  private readonly out: ContainerWriter;
  private readonly options: SegmentWriterOptions;
  private readonly sections: SectionInfo[] = [];
  private readonly block = new BlockBuilder();
  private readonly apart = new Uint8Array(APART_BYTES);
  private readonly apartView = new DataView(this.apart.buffer);
  private index = new ByteWriter(4096);
  private bloom: BloomBuilder | null = null;
  private bucket = -1;
  private entries = 0;
  private tombstones = 0;
  private blocks = 0;
  private previousEnd = 0;
  private firstKey: Uint8Array = new Uint8Array(0);
  private lastKey: Uint8Array = new Uint8Array(0);
  private separator: Uint8Array = new Uint8Array(0);

  constructor(out: ContainerWriter, options: SegmentWriterOptions) {
    this.out = out;
    this.options = options;
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.out.offset;
  }

  /** Starts the section of a bucket; ids rise. */
  begin(bucket: number, withBloom: boolean): void {
    this.bucket = bucket;
    this.bloom = withBloom ? new BloomBuilder() : null;
    this.index = new ByteWriter(4096);
    this.entries = 0;
    this.tombstones = 0;
    this.blocks = 0;
    this.previousEnd = this.out.offset;
  }

  /** Adds an entry, copied; null is a tombstone. */
  add(key: Uint8Array, value: Uint8Array | null): void {
    const block = this.block;
    if (block.entries === 0) this.separator = this.entries === 0 ? key.slice() : separatorOf(this.lastKey, key);
    if (this.entries === 0) this.firstKey = key.slice();
    if (value === null) {
      block.add(key, TAG_TOMBSTONE, null);
      this.tombstones++;
    } else if (value.length <= this.options.inlineValueBytesMax) {
      block.add(key, value.length + TAG_INLINE, value);
    } else {
      this.apartView.setUint32(0, this.out.offset, true);
      this.apartView.setUint32(4, value.length, true);
      this.apartView.setUint32(8, crc32c(value, this.out.seedHere()), true);
      this.out.append(value);
      block.add(key, TAG_APART, this.apart);
    }
    this.bloom?.add(key);
    this.entries++;
    if (block.length >= this.options.blockBytes) this.endBlock();
  }

  /** Goes on ending the section, which may take a while; true when done. One without entries leaves no trace. */
  end(): boolean {
    if (this.entries === 0) return true;
    if (this.block.entries > 0) this.endBlock();
    const bloom = this.bloom === null ? new Uint8Array(0) : this.bloom.step();
    if (bloom === null) return false;
    const index = this.index.finish();
    const indexAt = this.out.offset;
    const indexCrc = crc32c(index, this.out.seedHere());
    this.out.append(index);
    const bloomAt = this.out.offset;
    const bloomCrc = crc32c(bloom, this.out.seedHere());
    this.out.append(bloom);
    this.sections.push({
      bucket: this.bucket,
      entries: this.entries,
      tombstones: this.tombstones,
      blocks: this.blocks,
      firstKey: this.firstKey,
      lastKey: this.lastKey,
      indexAt,
      indexBytes: index.length,
      indexCrc,
      bloomAt,
      bloomBytes: bloom.length,
      bloomCrc,
    });
    return true;
  }

  /** Null when no section had an entry: then the container is given back. */
  finish(): ContainerRef | null {
    if (this.sections.length === 0) {
      this.out.abort();
      return null;
    }
    return this.out.finish(encodeSegmentFooter(this.sections));
  }

  abort(): void {
    this.out.abort();
  }

  private endBlock(): void {
    this.lastKey = this.block.lastKey.slice();
    const at = this.out.offset;
    const bytes = this.block.finish(this.out.seedHere());
    this.out.append(bytes);
    this.index
      .blob(this.separator)
      .varint(at - this.previousEnd)
      .varint(bytes.length);
    this.previousEnd = at + bytes.length;
    this.blocks++;
  }
}

/** The shortest prefix of `next` that is above `last`. */
function separatorOf(last: Uint8Array, next: Uint8Array): Uint8Array {
  const most = Math.min(last.length, next.length);
  let shared = 0;
  while (shared < most && last[shared] === next[shared]) shared++;
  return next.slice(0, shared + 1);
}
