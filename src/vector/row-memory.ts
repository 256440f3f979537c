/**
 * The f32 rows that an index keeps in memory for rescoring: as long as its memory limit leaves room. An index that has outgrown
 * that gives them up for good, and reads rows from their column instead.
 */
import type { Engine } from '../kernels/wasm/engine.ts';

/** Share of the memory limit up to which rows are kept. */
const ROWS_SHARE = 0.75;
/** Share of the memory limit from which they are dropped, to leave the rest to codes and links. */
const LEAN_SHARE = 0.9;

export class RowMemory {
  private readonly engine: Engine;
  private readonly dimensions: number;
  private readonly memoryBytesMax: number;
  private lean: boolean;

  constructor(engine: Engine, dimensions: number, memoryBytesMax: number, keep: boolean) {
    this.engine = engine;
    this.dimensions = dimensions;
    this.memoryBytesMax = memoryBytesMax;
    this.lean = !keep;
  }

  private get bytesInUse(): number {
    return this.engine.exports.bytesInUse() >>> 0;
  }

  /** Whether one more row is to be kept. */
  get keeps(): boolean {
    if (this.lean) return false;
    const more = this.dimensions * 4 * 1024;
    return this.bytesInUse < this.memoryBytesMax * ROWS_SHARE - more;
  }

  giveUp(): void {
    this.lean = true;
    this.engine.exports.dropRows();
  }

  /** After memory was taken: gives the rows up when little is left. */
  spare(): void {
    if (!this.lean && this.bytesInUse > this.memoryBytesMax * LEAN_SHARE) this.giveUp();
  }
}
