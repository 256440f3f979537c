/**
 * Level 0 of an engine's graph in GPU memory, patched as the graph changes: for each row of a table one list of links. The
 * graph's row numbers are the engine's slots.
 *
 * A cache like the table: a slot that the engine has filled since the last patch is not in it, and whoever asks for a walk adds
 * such slots to what it found.
 */
import { withBatch } from './command-batch.ts';
import type { GpuDevice } from './gpu-device.ts';
import { GpuUnavailable } from './gpu-unavailable.ts';
import { spreadSeeds, type GpuGraph } from './graph-search.ts';
import { forEachRun } from './row-table.ts';

/** What has changed since the patch before; the first one holds everything. */
export interface GraphPatch {
  /** Links of a row. */
  readonly degree: number;
  /** Rows with new contents, rising: their words in the table's format, and one term each where they are coded. */
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly words: Uint8Array<ArrayBuffer>;
  readonly terms: Float32Array<ArrayBuffer>;
  /** Rows with new links, rising, and these: `[linked × degree]`, padded with EMPTY. A new row is always among them. */
  readonly linked: Uint32Array<ArrayBuffer>;
  readonly links: Uint32Array<ArrayBuffer>;
  /** Rows that walks start from: nodes of the upper levels. */
  readonly seeds: Uint32Array<ArrayBuffer>;
}

export class GraphCopy implements GpuGraph {
  readonly degree: number;
  links: GPUBuffer;
  seeds: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  private readonly gpu: GpuDevice;
  /** Rows that there is room for. */
  private capacity: number;

  constructor(gpu: GpuDevice, degree: number, rows: number) {
    this.gpu = gpu;
    this.degree = degree;
    this.capacity = Math.max(1, rows);
    this.links = this.take(this.capacity);
  }

  private take(rows: number): GPUBuffer {
    const bytes = rows * this.degree * 4;
    if (bytes > this.gpu.facts.bindingBytesMax)
      throw new GpuUnavailable('limit', `links of ${bytes} bytes pass the device's binding limit`);
    return this.gpu.pool.take('storage', bytes);
  }

  async patch({ linked, links, seeds }: GraphPatch): Promise<void> {
    if (linked.length > 0) await this.reserve(linked[linked.length - 1] + 1);
    const pitch = this.degree * 4;
    forEachRun(linked, (at, length) => {
      this.gpu.device.queue.writeBuffer(this.links, linked[at] * pitch, links, at * this.degree, length * this.degree);
    });
    this.seeds = spreadSeeds(seeds);
  }

  private async reserve(rows: number): Promise<void> {
    if (rows <= this.capacity) return;
    const capacity = Math.max(rows, Math.ceil(this.capacity * 1.5));
    const grown = this.take(capacity);
    await withBatch(this.gpu, async (batch) => batch.copy(this.links, 0, grown, 0, this.capacity * this.degree * 4));
    this.gpu.pool.give(this.links);
    this.links = grown;
    this.capacity = capacity;
  }

  drop(): void {
    this.gpu.pool.destroy(this.links);
  }
}
