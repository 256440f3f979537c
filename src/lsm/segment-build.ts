/**
 * Writes a segment from sorted sections, in slices: a flush (from memtables) or a merge (from segments).
 * `step` stops near its deadline; nothing is visible before the caller puts the finished container into the manifest.
 */
import type { Clock } from '../core/clock.ts';
import type { SortedEntries } from './bucket.ts';
import type { ContainerRef } from './manifest.ts';
import type { SegmentWriter } from './segment-writer.ts';

export interface BuildSection {
  readonly bucket: number;
  readonly bloom: boolean;
  /** Called when the section's turn comes. */
  open(): SortedEntries;
}

/** The clock is asked after this many bytes or entries. */
const BYTES_PER_LOOK = 64 << 10;
const ENTRIES_PER_LOOK = 256;

export class SegmentBuild {
  private readonly writer: SegmentWriter;
  private readonly sections: readonly BuildSection[];
  private readonly clock: Clock;
  private at = -1;
  private entries: SortedEntries | null = null;
  /** All entries of the section are with the writer. */
  private isEnding = false;
  /** The container once `step` returned true; null when there was nothing to write. */
  result: ContainerRef | null = null;

  constructor(writer: SegmentWriter, sections: readonly BuildSection[], clock: Clock) {
    this.writer = writer;
    this.sections = [...sections].sort((a, b) => a.bucket - b.bucket);
    this.clock = clock;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.writer.offset;
  }

  /** True when the container is written and durable. Throws what the file system threw, after giving the space back. */
  step(deadlineMs: number): boolean {
    try {
      while (this.entries !== null || this.nextSection()) {
        if (!this.isEnding && !this.copy(deadlineMs)) return false;
        this.isEnding = true;
        while (!this.writer.end()) if (this.isPast(deadlineMs)) return false;
        this.isEnding = false;
        this.entries = null;
      }
      this.result = this.writer.finish();
      return true;
    } catch (error) {
      this.writer.abort();
      throw error;
    }
  }

  abort(): void {
    this.writer.abort();
  }

  private nextSection(): boolean {
    const section = this.sections[++this.at];
    if (section === undefined) return false;
    this.writer.begin(section.bucket, section.bloom);
    this.entries = section.open();
    return true;
  }

  /** False when the deadline came first. */
  private copy(deadlineMs: number): boolean {
    const writer = this.writer;
    const entries = this.entries!;
    for (;;) {
      const lookAt = writer.offset + BYTES_PER_LOOK;
      for (let count = 0; count < ENTRIES_PER_LOOK && writer.offset < lookAt; count++) {
        const entry = entries.next();
        if (entry === null) return true;
        writer.add(entry.key, entry.value);
      }
      if (this.isPast(deadlineMs)) return false;
    }
  }

  private isPast(deadlineMs: number): boolean {
    return deadlineMs !== Infinity && this.clock.monotonic() >= deadlineMs;
  }
}
