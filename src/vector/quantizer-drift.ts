/**
 * Whether the 7-bit quantizer still fits the rows: it was trained on the first thousand, and those that came later may be
 * spread otherwise. Looked at when the index has grown fourfold, and when the rows of late lose more than those before.
 */
import { scalarLoss, trainScalar, type ScalarParameters } from './quantizer-training.ts';
import type { Distance } from '../schema/collection-schema.ts';
import type { DocSet } from '../core/doc-set.ts';
import { preparedRow } from '../kernels/scalar/distances.ts';
import type { VectorRows } from './vector-index.ts';

const SAMPLE_FLOATS = 400_000;
const ROWS_MAX = 2_000;
/** A new quantizer has to lose this much less, as a share of what the old one loses. */
const GAIN_MIN = 0.05;

/** Where the old quantizer lost more than this many times as much, links made by its codes are not to be trusted. */
const GRAPH_LOSS_MAX = 4;

export interface Retrained {
  readonly better: ScalarParameters;
  /** The graph is to be linked anew as well. */
  readonly relink: boolean;
}

/** Watches what the rows coded of late lose, in windows. */
export class ResidualWatch {
  private count = 0;
  private usual = 0;

  /** Notes one coded row; `take` gives the sum of residuals when a window is full. True when the rows of late lose much more than usual. */
  note(take: () => number): boolean {
    if (++this.count < WINDOW_ROWS) return false;
    this.count = 0;
    const mean = take() / WINDOW_ROWS;
    const drifted = this.usual > 0 && mean > this.usual * WINDOW_GROWTH;
    if (this.usual === 0 || drifted) this.usual = mean;
    return drifted;
  }

  reset(): void {
    this.usual = 0;
    this.count = 0;
  }
}
const WINDOW_ROWS = 256;
const WINDOW_GROWTH = 1.3;

/** Better parameters for the rows there are now; null when the present ones are about as good. */
export function retrained(rows: VectorRows, stored: DocSet, distance: Distance, present: Float32Array): Retrained | null {
  const { dimensions } = rows;
  const sample = sampleOf(rows, stored, distance);
  if (sample.length === 0) return null;
  const now = { center: present.subarray(0, dimensions), scale: present[dimensions] };
  const better = trainScalar(sample, dimensions);
  const loss = scalarLoss(sample, dimensions, better);
  const lossNow = scalarLoss(sample, dimensions, now);
  return loss < (1 - GAIN_MIN) * lossNow ? { better, relink: lossNow > GRAPH_LOSS_MAX * loss } : null;
}

/** Prepared rows spread evenly over the docIDs, row-major. */
function sampleOf(rows: VectorRows, stored: DocSet, distance: Distance): Float32Array {
  const docIDs = stored.toArray();
  const count = Math.min(docIDs.length, ROWS_MAX, Math.ceil(SAMPLE_FLOATS / rows.dimensions));
  const sample = new Float32Array(count * rows.dimensions);
  const row = new Float32Array(rows.dimensions);
  let taken = 0;
  for (let i = 0; i < count; i++) {
    if (!rows.read(docIDs[Math.floor(((i + 0.5) * docIDs.length) / count)], row)) continue;
    sample.set(preparedRow(distance, row), taken++ * rows.dimensions);
  }
  return sample.subarray(0, taken * rows.dimensions);
}
