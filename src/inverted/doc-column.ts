/**
 * UUID, creation and update time by docID: what ties, cursors, time filters and sorts need of a great many objects without
 * reading them. Chunks of 256 docIDs, read when first asked for and kept, the oldest given up beyond `CHUNKS_MAX`.
 * Layout: `docs/format/doc-column.md`.
 *
 * Invariants: a docID's entry never changes; entries of dead docIDs are dropped by merges.
 * Called by the inverted index and by queries, single-threaded.
 */
import { ByteWriter, ByteReader, keyOfU32 } from '../core/bytes.ts';
import type { DocSet } from '../core/doc-set.ts';
import type { BucketReader, MergeOperator, SortedEntries } from '../lsm/bucket.ts';

const CHUNK_DOCS = 256;
/** An entry without its age, which takes a byte or more. */
const ENTRY_BYTES = 1 + 16 + 6;
/** 10 KiB each: half a million objects. */
const CHUNKS_MAX = 2_048;

interface Chunk {
  readonly uuids: Uint8Array;
  readonly created: Float64Array;
  readonly updated: Float64Array;
}

export class DocColumn {
  private readonly chunks = new Map<number, Chunk>();
  /** docIDs added since the last freeze, rising. */
  private pending: number[] = [];
  private frozen: readonly number[] = [];
  private readonly reader: BucketReader;

  constructor(reader: BucketReader) {
    this.reader = reader;
  }

  get bytes(): number {
    return this.pending.length * ENTRY_BYTES;
  }

  add(docID: number, uuid: Uint8Array, createdMs: number, updatedMs: number): void {
    const at = docID % CHUNK_DOCS;
    const chunk = at === 0 ? this.newChunk(docID / CHUNK_DOCS) : this.chunkOf(docID);
    chunk.uuids.set(uuid, at * 16);
    chunk.created[at] = createdMs;
    chunk.updated[at] = updatedMs;
    this.pending.push(docID);
  }

  /** 16 bytes, borrowed. */
  uuid(docID: number): Uint8Array {
    const at = (docID % CHUNK_DOCS) * 16;
    return this.chunkOf(docID).uuids.subarray(at, at + 16);
  }
  createdMs(docID: number): number {
    return this.chunkOf(docID).created[docID % CHUNK_DOCS];
  }
  updatedMs(docID: number): number {
    return this.chunkOf(docID).updated[docID % CHUNK_DOCS];
  }

  /** Order of two objects by UUID. */
  compare(a: number, b: number): number {
    const x = this.chunkOf(a).uuids;
    const y = this.chunkOf(b).uuids;
    const i = (a % CHUNK_DOCS) * 16;
    const j = (b % CHUNK_DOCS) * 16;
    for (let n = 0; n < 16; n++) if (x[i + n] !== y[j + n]) return x[i + n] - y[j + n];
    return 0;
  }

  private chunkOf(docID: number): Chunk {
    const number = (docID / CHUNK_DOCS) >>> 0;
    return this.chunks.get(number) ?? this.load(number);
  }

  private load(number: number): Chunk {
    const chunk = this.newChunk(number);
    for (const value of this.reader.getAll(keyOfU32(number))) readInto(value, chunk);
    return chunk;
  }

  private newChunk(number: number): Chunk {
    if (this.chunks.size >= CHUNKS_MAX) this.giveUpOldest();
    const chunk = { uuids: new Uint8Array(CHUNK_DOCS * 16), created: new Float64Array(CHUNK_DOCS), updated: new Float64Array(CHUNK_DOCS) };
    this.chunks.set(number, chunk);
    return chunk;
  }

  /** Chunks that hold what no segment has yet stay. */
  private giveUpOldest(): void {
    const kept = Math.floor(Math.min(this.frozen[0] ?? Infinity, this.pending[0] ?? Infinity) / CHUNK_DOCS);
    for (const number of this.chunks.keys()) {
      if (number >= kept) continue;
      this.chunks.delete(number);
      return;
    }
  }

  /** Entries added since the last freeze, without those that died, or null when there are none. */
  freeze(live: DocSet): SortedEntries | null {
    this.frozen = [...this.frozen, ...this.pending];
    this.pending = [];
    const docIDs = this.frozen.filter((docID) => live.has(docID));
    if (docIDs.length === 0) return null;
    const writer = new ByteWriter(CHUNK_DOCS * (ENTRY_BYTES + 2));
    let at = 0;
    return {
      next: () => {
        if (at >= docIDs.length) return null;
        const number = Math.floor(docIDs[at] / CHUNK_DOCS);
        writer.clear();
        for (; at < docIDs.length && docIDs[at] < (number + 1) * CHUNK_DOCS; at++) {
          const docID = docIDs[at];
          writeEntry(writer, docID % CHUNK_DOCS, this.uuid(docID), this.createdMs(docID), this.updatedMs(docID));
        }
        return { key: keyOfU32(number), value: writer.finish() };
      },
    };
  }

  flushed(): void {
    this.frozen = [];
  }
}

function writeEntry(writer: ByteWriter, at: number, uuid: Uint8Array, createdMs: number, updatedMs: number): void {
  const updated = Math.floor(Math.max(0, updatedMs));
  writer
    .u8(at)
    .bytes(uuid)
    .u32(updated % 0x1_0000_0000)
    .u16(Math.floor(updated / 0x1_0000_0000))
    .varint(Math.max(0, updated - Math.floor(createdMs)));
}

function readInto(value: Uint8Array, chunk: Chunk): void {
  const reader = new ByteReader(value);
  while (reader.remaining > 0) {
    const at = reader.u8();
    chunk.uuids.set(reader.bytes(16), at * 16);
    const updated = reader.u32() + reader.u16() * 0x1_0000_0000;
    chunk.updated[at] = updated;
    chunk.created[at] = updated - reader.varint();
  }
}

/** Entries of several segments one after the other, oldest first, without those of dead docIDs. */
export function docColumnMerge(live: DocSet): MergeOperator {
  const writer = new ByteWriter(CHUNK_DOCS * (ENTRY_BYTES + 2));
  return {
    kind: 'merge',
    merge(key, newestFirst) {
      const base = new DataView(key.buffer, key.byteOffset).getUint32(0) * CHUNK_DOCS;
      writer.clear();
      for (let i = newestFirst.length - 1; i >= 0; i--) {
        const value = newestFirst[i];
        for (let at = 0; at < value.length;) {
          let end = at + ENTRY_BYTES;
          while (value[end] >= 0x80) end++;
          end++;
          if (live.has(base + value[at])) writer.bytes(value.subarray(at, end));
          at = end;
        }
      }
      return writer.length === 0 ? null : writer.finish();
    },
  };
}
