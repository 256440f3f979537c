/** One segment of a shard's store: its container and, loaded at first use, the sections of its buckets. */
import { HeddleError } from '../core/errors.ts';
import { ContainerReader, type ReadContext } from './container-reader.ts';
import type { ContainerRef } from './manifest.ts';
import { SectionReader } from './section-reader.ts';
import { decodeSegmentFooter } from './segment-footer.ts';

export class Segment {
  readonly container: ContainerReader;
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

  /** Everything that is wrong with this segment, after reading all of it. */
  verify(): string[] {
    try {
      this.container.readHeader();
      return [...this.sections().values()].flatMap((section) => section.verify());
    } catch (error) {
      const typed = HeddleError.from(error);
      if (typed.code !== 'Corruption') throw typed;
      return [typed.message];
    }
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
