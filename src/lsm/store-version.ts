/**
 * One state of a shard's store: which segments and columns are read, newest first. Immutable; a flush or merge makes the
 * next one. Containers that the next one lacks stay on disk while a pin still reads them.
 */
import { HashedKey } from './bloom.ts';
import type { BucketCursor, BucketReader, Entry, MergeOperator } from './bucket.ts';
import type { ColumnReader } from './column-format.ts';
import type { ContainerReader } from './container-reader.ts';
import { MergeCursor } from './merge-cursor.ts';
import type { SectionReader } from './section-reader.ts';
import type { Segment } from './segment.ts';

const NO_COLUMNS: readonly ColumnReader[] = [];

export class StoreVersion {
  readonly segments: readonly Segment[];
  readonly columns: readonly ColumnReader[];
  private readonly byBucket = new Map<number, readonly SectionReader[]>();
  private readonly byOrdinal = new Map<number, readonly ColumnReader[]>();

  constructor(segments: readonly Segment[], columns: readonly ColumnReader[]) {
    this.segments = segments;
    this.columns = columns;
  }

  /** Sections of a bucket, newest first. `Corruption` when a segment's footer can't be read. */
  sections(bucket: number): readonly SectionReader[] {
    let sections = this.byBucket.get(bucket);
    if (sections === undefined) {
      const found: SectionReader[] = [];
      for (const segment of this.segments) {
        const section = segment.sections().get(bucket);
        if (section !== undefined) found.push(section);
      }
      sections = found;
      this.byBucket.set(bucket, sections);
    }
    return sections;
  }

  columnsOf(ordinal: number): readonly ColumnReader[] {
    let columns = this.byOrdinal.get(ordinal);
    if (columns === undefined) {
      columns = this.columns.some((column) => column.ordinal === ordinal)
        ? this.columns.filter((column) => column.ordinal === ordinal)
        : NO_COLUMNS;
      this.byOrdinal.set(ordinal, columns);
    }
    return columns;
  }

  containers(): ContainerReader[] {
    return [...this.segments.map((segment) => segment.container), ...this.columns.map((column) => column.container)];
  }
}

/** What a reader needs to know of its store. */
export interface VersionSource {
  /** The version to read now. */
  readonly version: StoreVersion;
  pinVersion(version: StoreVersion): void;
  unpinVersion(version: StoreVersion): void;
}

/** Reads one bucket through whatever version its source names at the time of the call. */
export class StoreBucket implements BucketReader {
  private readonly source: VersionSource;
  private readonly id: number;
  private readonly operator: MergeOperator;
  private readonly hashed = new HashedKey();

  constructor(source: VersionSource, id: number, operator: MergeOperator) {
    this.source = source;
    this.id = id;
    this.operator = operator;
  }

  get(key: Uint8Array): Uint8Array | null | undefined {
    const sections = this.source.version.sections(this.id);
    const hashed = this.hashed.of(key);
    for (let i = 0; i < sections.length; i++) {
      const value = sections[i].get(key, hashed);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  getAll(key: Uint8Array): Uint8Array[] {
    const values: Uint8Array[] = [];
    const hashed = this.hashed.of(key);
    for (const section of this.source.version.sections(this.id)) {
      const value = section.get(key, hashed);
      if (value !== undefined && value !== null) values.push(value);
    }
    return values;
  }

  scan(from: Uint8Array | null, to: Uint8Array | null, operator = this.operator, cached = false): BucketCursor {
    const version = this.source.version;
    const inputs = version.sections(this.id).map((section) => section.cursor(from, to, cached));
    return new StoreCursor(this.source, version, new MergeCursor(inputs, operator, { mayBeOlder: null, dropsUnwanted: false }));
  }
}

class StoreCursor implements BucketCursor {
  private readonly source: VersionSource;
  private readonly version: StoreVersion;
  private readonly merged: MergeCursor;
  private isClosed = false;

  constructor(source: VersionSource, version: StoreVersion, merged: MergeCursor) {
    this.source = source;
    this.version = version;
    this.merged = merged;
    source.pinVersion(version);
  }

  next(): Entry | null {
    return this.merged.next();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.source.unpinVersion(this.version);
  }
}
