/** One segment of a shard's store: its container and, loaded at first use, the sections of its buckets. */
import { ContainerReader, type ReadContext } from './container-reader.ts';
import type { ContainerRef } from './manifest.ts';
import { SectionReader, lossIn } from './section-reader.ts';
import { decodeSegmentFooter } from './segment-footer.ts';

/** Stands for the buckets of a segment of which it is not known which are damaged. */
export const ANY_BUCKET = -1;

export class Segment {
  readonly container: ContainerReader;
  /** The buckets whose sections are damaged; null until `examine` is through. */
  damagedBuckets: ReadonlySet<number> | null = null;
  private examination: IterableIterator<unknown> | null = null;
  private loaded: Map<number, SectionReader> | null = null;

  constructor(ref: ContainerRef, context: ReadContext) {
    this.container = new ContainerReader(ref, context);
  }

  get bytes(): number {
    return this.container.ref.byteLength;
  }

  /** Sections by bucket. `Corruption` when the footer is damaged. */
  sections(): ReadonlyMap<number, SectionReader> {
    if (this.loaded === null) {
      const sections = new Map<number, SectionReader>();
      for (const info of decodeSegmentFooter(this.container.readFooter()))
        sections.set(info.bucket, new SectionReader(this.container, info));
      this.loaded = sections;
    }
    return this.loaded;
  }

  /** Reads and checks all of it, a piece at a time; yields what is wrong with the piece, or null. */
  *check(): IterableIterator<string | null> {
    const wrong = lossIn(() => {
      this.container.readHeader();
      this.sections();
    });
    yield wrong;
    if (wrong === null) for (const section of this.sections().values()) yield* section.check();
  }

  /** One piece of finding out which buckets are damaged; true when that is known. */
  examine(): boolean {
    this.examination ??= this.findDamaged();
    return this.examination.next().done === true;
  }

  private *findDamaged(): IterableIterator<unknown> {
    const damaged = new Set<number>();
    if (lossIn(() => this.sections()) !== null) damaged.add(ANY_BUCKET);
    else
      for (const [bucket, section] of this.sections())
        for (const wrong of section.checkBlocks()) {
          if (wrong !== null) damaged.add(bucket);
          yield;
        }
    this.damagedBuckets = damaged;
  }

  /** Some bucket is damaged, or may be, that is not in `dropped`: a merge can't read all that it needs. */
  isLostTo(dropped: ReadonlySet<number>): boolean {
    const { damagedBuckets } = this;
    return this.container.isDamaged && (damagedBuckets === null || [...damagedBuckets].some((bucket) => !dropped.has(bucket)));
  }

  /** Drops its blocks from the cache. */
  forget(): void {
    for (const section of this.loaded?.values() ?? []) this.container.context.cache.forget(section);
  }

  get memoryBytes(): number {
    let sum = 0;
    for (const section of this.loaded?.values() ?? []) sum += section.memoryBytes;
    return sum;
  }
}
