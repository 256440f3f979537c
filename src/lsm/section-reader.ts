/**
 * Reads one bucket's section of a segment: point lookups through filter, index and block cache, and ordered cursors.
 *
 * Invariants:
 * - The index and the filter are loaded at first use and stay; blocks go through the cache, scans read around it.
 * - A block's checksum is verified the first time this session looks into it; `verify` checks every one again.
 * - Index search compares the eight bytes after those that all keys of the section share as two numbers (a virtual shard and the
 *   time of a UUID fit), and falls back to whole keys on ties.
 */
import { ByteReader, compareBytes } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { HeddleError } from '../core/errors.ts';
import { BlockWalker, NO_BYTES, TAG_APART, TAG_INLINE, TAG_TOMBSTONE, checkBlock, findInBlock, found } from './block.ts';
import { HashedKey, bloomMayHave } from './bloom.ts';
import type { Entry } from './bucket.ts';
import type { ContainerReader } from './container-reader.ts';
import type { SectionInfo } from './segment-footer.ts';

/** A cursor reads this much at a time. */
const READ_AHEAD_BYTES = 128 << 10;
/** But this much at first, for short ranges. */
const FIRST_READ_BYTES = 16 << 10;
/** Blocks that are looked up one after another come this much at a time. */
const CACHED_AHEAD_BYTES = 64 << 10;

interface SectionIndex {
  /** The bytes of each block's separator after those that all keys share: four as a number, and the next four. */
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  /** The index as it is stored, and where in it each separator ends: no key of a block is below its own, none of the block before is at or above it. */
  readonly bytes: Uint8Array;
  readonly separatorAt: Uint32Array;
  readonly separatorEnd: Uint32Array;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly memoryBytes: number;
}

export class SectionReader {
  readonly info: SectionInfo;
  readonly container: ContainerReader;
  /** Cache slots, one a block; see `BlockCache`. */
  readonly slots: Uint32Array;
  private readonly verified: Uint8Array;
  private index: SectionIndex | null = null;
  private filter: Uint8Array | null = null;
  /** The block behind the last that was read into the cache. */
  private following = 0;
  /** Bytes that every key of the section starts with. */
  private readonly skip: number;

  constructor(container: ContainerReader, info: SectionInfo) {
    this.container = container;
    this.info = info;
    this.skip = sharedBytes(info.firstKey, info.lastKey);
    this.slots = new Uint32Array(info.blocks);
    this.verified = new Uint8Array(info.blocks);
  }

  /** The value, null for a tombstone, undefined when the key is not in this section. Borrowed. */
  get(key: Uint8Array, hashed: HashedKey): Uint8Array | null | undefined {
    if (!this.isInRange(key)) return undefined;
    if (this.info.bloomBytes > 0 && !bloomMayHave(this.loadFilter(), hashed)) return undefined;
    const number = blockOf(this.loadIndex(), key, this.skip);
    const block = this.block(number);
    if (!findInBlock(block, key)) return undefined;
    return this.valueAt(block, found.tag, found.valueAt);
  }

  /** Whether the filter and the key range allow the key; for tests of the false positive rate. */
  mayHave(key: Uint8Array): boolean {
    if (!this.isInRange(key)) return false;
    return this.info.bloomBytes === 0 || bloomMayHave(this.loadFilter(), new HashedKey().of(key));
  }

  /** `cached`: see `BucketReader.scan`. */
  cursor(from: Uint8Array | null, to: Uint8Array | null, cached = false): SectionCursor {
    return new SectionCursor(this, this.loadIndex(), from, to, cached);
  }

  /** Number of the block that `key`, which is within the section's range, would be in. */
  blockOf(key: Uint8Array): number {
    return blockOf(this.loadIndex(), key, this.skip);
  }

  private isInRange(key: Uint8Array): boolean {
    const { firstKey, lastKey } = this.info;
    for (let i = 0; i < this.skip; i++) if (key[i] !== firstKey[i]) return false;
    const high = prefixOf(key, this.skip);
    const first = prefixOf(firstKey, this.skip);
    const last = prefixOf(lastKey, this.skip);
    if (high > first && high < last) return true;
    return compareBytes(key, firstKey) >= 0 && compareBytes(key, lastKey) <= 0;
  }

  /** Reads and checks every byte of the section, a piece at a time; yields what is wrong with the piece, or null. */
  *check(): IterableIterator<string | null> {
    yield this.checkFilter();
    yield* this.checkBlocks();
  }

  /** The same but for the filter, without which reads go on. */
  *checkBlocks(): IterableIterator<string | null> {
    const wrong = lossIn(() => this.loadIndex(true));
    yield wrong;
    if (wrong !== null) return;
    const index = this.index!;
    for (let number = 0; number < this.info.blocks; number++)
      yield lossIn(() => {
        const bytes = this.container.read(index.offsets[number], index.lengths[number]);
        this.checkBytes(bytes, index.offsets[number]);
        const walker = new BlockWalker();
        walker.open(bytes);
        while (walker.next()) if (walker.tag === TAG_APART) this.apart(bytes, walker.valueAt);
      });
  }

  /** Bytes of memory that the index and filter take. */
  get memoryBytes(): number {
    return (this.index?.memoryBytes ?? 0) + (this.filter?.length ?? 0) + this.info.blocks * 5;
  }

  valueAt(block: Uint8Array, tag: number, at: number): Uint8Array | null {
    if (tag >= TAG_INLINE) return block.subarray(at, at + tag - TAG_INLINE);
    return tag === TAG_TOMBSTONE ? null : this.apart(block, at);
  }

  /** Checks a block unless this session has done so before. */
  checkOnce(number: number, bytes: Uint8Array, at: number): void {
    if (this.verified[number] === 1) return;
    this.checkBytes(bytes, at);
    this.verified[number] = 1;
  }

  private apart(block: Uint8Array, at: number): Uint8Array {
    const view = new DataView(block.buffer, block.byteOffset + at, 12);
    return this.container.readChecked(view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), 'large value');
  }

  /** A block through the cache; the index is loaded. */
  block(number: number): Uint8Array {
    const bytes = this.container.context.cache.get(this, number) ?? this.load(number);
    this.checkOnce(number, bytes, this.index!.offsets[number]);
    return bytes;
  }

  /** Reads a block into the cache, with those behind it when it follows what was read last: then someone reads them all in order. */
  private load(number: number): Uint8Array {
    const { cache } = this.container.context;
    const { offsets, lengths } = this.index!;
    const at = offsets[number];
    let end = at + lengths[number];
    let next = number + 1;
    if (number === this.following)
      for (; offsets[next] === end && end + lengths[next] - at <= CACHED_AHEAD_BYTES && cache.get(this, next) === null; next++)
        end += lengths[next];
    this.following = next;
    const run = cache.arena.allocate(end - at);
    this.container.readInto(run, at);
    for (let n = number; n < next; n++) cache.put(this, n, run.subarray(offsets[n] - at, offsets[n] - at + lengths[n]));
    return run.subarray(0, lengths[number]);
  }

  private checkBytes(bytes: Uint8Array, at: number): void {
    try {
      checkBlock(bytes, this.container.seedAt(at), () => `block at ${at}`);
    } catch (error) {
      this.container.fail(HeddleError.from(error).message);
    }
  }

  /** A damaged filter is derived data: it is reported, lets everything through, and the next merge makes it anew. */
  private loadFilter(): Uint8Array {
    if (this.filter !== null) return this.filter;
    const bytes = this.container.read(this.info.bloomAt, this.info.bloomBytes);
    this.filter = this.isFilter(bytes) ? bytes : bytes.fill(0xff);
    return this.filter;
  }

  private checkFilter(): string | null {
    if (this.info.bloomBytes === 0) return null;
    let isSound = true;
    const wrong = lossIn(() => (isSound = this.isFilter(this.container.read(this.info.bloomAt, this.info.bloomBytes))));
    return isSound ? wrong : `segment ${this.container.ref.id}: filter at ${this.info.bloomAt} fails its checksum`;
  }

  private isFilter(bytes: Uint8Array): boolean {
    const { bloomAt, bloomCrc } = this.info;
    if (crc32c(bytes, this.container.seedAt(bloomAt)) === bloomCrc) return true;
    this.container.losesFilter = true;
    this.container.context.damaged(this.container.ref.id, `filter at ${bloomAt} fails its checksum; reads go on without it`);
    return false;
  }

  private loadIndex(again = false): SectionIndex {
    if (this.index !== null && !again) return this.index;
    const { indexAt, indexBytes, indexCrc } = this.info;
    this.index = decodeIndex(this.container.readChecked(indexAt, indexBytes, indexCrc, 'index'), this.info, this.skip);
    return this.index;
  }
}

/** Runs a check: null when it held, else what was wrong. */
export function lossIn(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    const typed = HeddleError.from(error);
    if (typed.code !== 'Corruption') throw typed;
    return typed.message;
  }
}

function sharedBytes(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < most && a[shared] === b[shared]) shared++;
  return shared;
}

/** Gaps in the index count from where the section began; the last block ends where the index starts. */
function decodeIndex(bytes: Uint8Array, info: SectionInfo, skip: number): SectionIndex {
  const r = new ByteReader(bytes);
  const { blocks } = info;
  const [highs, lows, separatorAt, separatorEnd] = [0, 1, 2, 3].map(() => new Uint32Array(blocks));
  const [offsets, lengths] = [0, 1].map(() => new Uint32Array(blocks));
  let at = 0;
  for (let i = 0; i < blocks; i++) {
    const separatorBytes = r.varint();
    separatorAt[i] = r.at;
    separatorEnd[i] = r.at + separatorBytes;
    r.at = separatorEnd[i];
    at += r.varint();
    offsets[i] = at;
    lengths[i] = r.varint();
    at += lengths[i];
    highs[i] = prefixOf(bytes, separatorAt[i] + skip, separatorEnd[i]);
    lows[i] = prefixOf(bytes, separatorAt[i] + skip + 4, separatorEnd[i]);
  }
  const start = info.indexAt - at;
  for (let i = 0; i < blocks; i++) offsets[i] += start;
  return { highs, lows, bytes, separatorAt, separatorEnd, offsets, lengths, memoryBytes: bytes.length + blocks * 24 };
}

/** The four bytes from `at` on of a key that ends at `end`, as a number; zeros past its end. */
function prefixOf(bytes: Uint8Array, at: number, end = bytes.length): number {
  if (at + 4 <= end) return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  const a = at < end ? bytes[at] : 0;
  const b = at + 1 < end ? bytes[at + 1] : 0;
  const c = at + 2 < end ? bytes[at + 2] : 0;
  return ((a << 24) | (b << 16) | (c << 8)) >>> 0;
}

/** Number of the last block whose separator is at or below `key`; the key is within the section's range. */
function blockOf(index: SectionIndex, key: Uint8Array, skip: number): number {
  const keyHigh = prefixOf(key, skip);
  const keyLow = prefixOf(key, skip + 4);
  const { highs, lows } = index;
  let from = 0;
  let to = highs.length - 1;
  while (from < to) {
    const middle = (from + to + 1) >>> 1;
    let order = highs[middle] - keyHigh;
    if (order === 0) order = lows[middle] - keyLow;
    if (order === 0) order = compareBytes(index.bytes.subarray(index.separatorAt[middle], index.separatorEnd[middle]), key);
    if (order <= 0) from = middle;
    else to = middle - 1;
  }
  return from;
}

/** Entries of one section in key order, tombstones as null; the entry is borrowed until the next call. */
export class SectionCursor {
  private readonly section: SectionReader;
  private readonly index: SectionIndex;
  private readonly to: Uint8Array | null;
  private readonly cached: boolean;
  private readonly walker = new BlockWalker();
  private readonly entry: { key: Uint8Array; value: Uint8Array | null } = { key: NO_BYTES, value: null };
  private block: Uint8Array = NO_BYTES;
  private next_: number;
  private seekTo: Uint8Array | null;
  private ahead: Uint8Array = NO_BYTES;
  private aheadAt = 0;
  private aheadLength = 0;
  private started = false;

  constructor(section: SectionReader, index: SectionIndex, from: Uint8Array | null, to: Uint8Array | null, cached: boolean) {
    this.section = section;
    this.index = index;
    this.cached = cached;
    this.to = to;
    const info = section.info;
    const isPast = (from !== null && compareBytes(from, info.lastKey) > 0) || (to !== null && compareBytes(to, info.firstKey) <= 0);
    const seeks = from !== null && compareBytes(from, info.firstKey) > 0;
    this.seekTo = seeks ? from : null;
    this.next_ = isPast ? info.blocks : seeks ? section.blockOf(from) : 0;
  }

  next(): Entry | null {
    const walker = this.walker;
    while (!(this.started && walker.next())) {
      if (this.next_ >= this.section.info.blocks) return null;
      this.started = true;
      this.block = this.load(this.next_++);
      walker.open(this.block);
      if (this.seekTo === null) continue;
      const isThere = walker.seek(this.seekTo);
      this.seekTo = null;
      if (isThere) break;
    }
    const key = this.keyOf(walker);
    if (this.to !== null && compareBytes(key, this.to) >= 0) {
      this.next_ = this.section.info.blocks;
      this.started = false;
      return null;
    }
    this.entry.key = key;
    this.entry.value = this.section.valueAt(this.block, walker.tag, walker.valueAt);
    return this.entry;
  }

  /** The walker's key; the view of the entry before when it has the same length. */
  private keyOf({ key, keyLength }: BlockWalker): Uint8Array {
    const last = this.entry.key;
    return last.length === keyLength && last.buffer === key.buffer ? last : key.subarray(0, keyLength);
  }

  /** A block from the bytes read ahead, which are read anew, into the same buffer, where they end. */
  private load(number: number): Uint8Array {
    if (this.cached) return this.section.block(number);
    const at = this.index.offsets[number];
    const length = this.index.lengths[number];
    if (at < this.aheadAt || at + length > this.aheadAt + this.aheadLength) this.readAhead(at, length);
    const bytes = this.ahead.subarray(at - this.aheadAt, at - this.aheadAt + length);
    this.section.checkOnce(number, bytes, at);
    return bytes;
  }

  private readAhead(at: number, length: number): void {
    const wanted = this.aheadAt > 0 ? READ_AHEAD_BYTES : FIRST_READ_BYTES;
    this.aheadLength = Math.max(length, Math.min(wanted, this.section.info.indexAt - at));
    if (this.ahead.length < this.aheadLength) this.ahead = new Uint8Array(this.aheadLength);
    this.section.container.readInto(this.ahead.subarray(0, this.aheadLength), at);
    this.aheadAt = at;
  }
}
