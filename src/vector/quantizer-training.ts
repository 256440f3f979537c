/**
 * Training the 7-bit scalar quantizer: a center for every dimension (the mean) and one scale for all, the one that loses
 * least on the sample. The range is not the sample's extremes: clipping a few outliers buys finer steps for all others.
 * Codes are `clamp(round((x − center) / scale) + 64, 0, 127)`; see `kernels/wasm/assembly/codec.ts`.
 */
export interface ScalarParameters {
  /** One per dimension. */
  readonly center: Float32Array;
  readonly scale: number;
}

/** Shares of the values that lie inside the range, to choose from. */
const COVERAGES = [1, 0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99];
const VALUES_MAX = 65_536;

/** Trains on a sample of prepared rows (normalised for cosine), row-major `[count × dimensions]`, borrowed. */
export function trainScalar(sample: Float32Array, dimensions: number): ScalarParameters {
  const center = meanOf(sample, dimensions);
  const gaps = sampleOfGaps(sample, dimensions, center);
  const sorted = gaps.slice().sort();
  let best = 0;
  let bestLoss = Infinity;
  for (const coverage of COVERAGES) {
    const scale = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * coverage) - 1)] / 63;
    if (!(scale > 0)) continue;
    const loss = lossAt(gaps, scale);
    if (loss < bestLoss) {
      bestLoss = loss;
      best = scale;
    }
  }
  return { center, scale: best > 0 ? best : 1 };
}

/** The mean of each dimension. */
export function meanOf(sample: Float32Array, dimensions: number): Float32Array<ArrayBuffer> {
  const count = sample.length / dimensions;
  const sums = new Float64Array(dimensions);
  for (let row = 0, at = 0; row < count; row++) for (let d = 0; d < dimensions; d++) sums[d] += sample[at++];
  return Float32Array.from(sums, (sum) => (count === 0 ? 0 : sum / count));
}

/** |x − center| of values spread over the sample. */
function sampleOfGaps(sample: Float32Array, dimensions: number, center: Float32Array): Float32Array {
  const step = Math.max(1, Math.floor(sample.length / VALUES_MAX)) | 1;
  const gaps = new Float32Array(Math.ceil(sample.length / step));
  for (let at = 0, n = 0; at < sample.length; at += step) gaps[n++] = Math.abs(sample[at] - center[at % dimensions]);
  return gaps;
}

/** Mean squared error of coding a sample with these parameters. */
export function scalarLoss(sample: Float32Array, dimensions: number, { center, scale }: ScalarParameters): number {
  return lossAt(sampleOfGaps(sample, dimensions, center), scale);
}

/** Mean squared error of coding those gaps with that scale. */
function lossAt(gaps: Float32Array, scale: number): number {
  let loss = 0;
  for (const gap of gaps) {
    const code = Math.min(63, Math.round(gap / scale));
    const off = gap - code * scale;
    loss += off * off;
  }
  return gaps.length === 0 ? 0 : loss / gaps.length;
}
