/** The footer of a segment container: what each bucket's section holds and where. Layout: `docs/format/segment.md`. */
import { ByteReader, ByteWriter } from '../core/bytes.ts';

export interface SectionInfo {
  readonly bucket: number;
  /** Tombstones included. */
  readonly entries: number;
  readonly tombstones: number;
  readonly blocks: number;
  readonly firstKey: Uint8Array;
  readonly lastKey: Uint8Array;
  readonly indexAt: number;
  readonly indexBytes: number;
  readonly indexCrc: number;
  readonly bloomAt: number;
  /** 0: the section has no filter. */
  readonly bloomBytes: number;
  readonly bloomCrc: number;
}

export function encodeSegmentFooter(sections: readonly SectionInfo[]): Uint8Array {
  const w = new ByteWriter(256);
  w.varint(sections.length);
  for (const s of sections) {
    w.varint(s.bucket).varint(s.entries).varint(s.tombstones).varint(s.blocks).blob(s.firstKey).blob(s.lastKey);
    w.varint(s.indexAt).varint(s.indexBytes).u32(s.indexCrc).varint(s.bloomAt).varint(s.bloomBytes).u32(s.bloomCrc);
  }
  return w.finish();
}

/** `bytes` have passed the checksum that the manifest keeps. */
export function decodeSegmentFooter(bytes: Uint8Array): SectionInfo[] {
  const r = new ByteReader(bytes);
  const sections: SectionInfo[] = [];
  for (let rest = r.varint(); rest > 0; rest--)
    sections.push({
      bucket: r.varint(),
      entries: r.varint(),
      tombstones: r.varint(),
      blocks: r.varint(),
      firstKey: r.blob().slice(),
      lastKey: r.blob().slice(),
      indexAt: r.varint(),
      indexBytes: r.varint(),
      indexCrc: r.u32(),
      bloomAt: r.varint(),
      bloomBytes: r.varint(),
      bloomCrc: r.u32(),
    });
  return sections;
}
