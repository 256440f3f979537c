/**
 * From token states to one vector a text: the mean over a window's tokens, scaled to unit length, as the model was trained
 * (Reimers & Gurevych 2019, section 3); several windows of one text are averaged by their number of tokens.
 */

/**
 * Adds one window to a text's sum: the mean of its token states as a unit vector, weighted by its tokens.
 *
 * @param sum `[dimensions]`, changed
 * @param states row-major `[≥ tokens × dimensions]` starting at `at`; rows past `tokens` are padding
 */
export function addWindow(sum: Float32Array, states: Float32Array, at: number, tokens: number): void {
  const dimensions = sum.length;
  const mean = new Float32Array(dimensions);
  for (let token = 0; token < tokens; token++)
    for (let d = 0, from = at + token * dimensions; d < dimensions; d++) mean[d] += states[from + d];
  toUnitLength(mean);
  for (let d = 0; d < dimensions; d++) sum[d] += mean[d] * tokens;
}

/** Scales a vector in place; the zero vector stays as it is. */
export function toUnitLength(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return;
  const scale = 1 / Math.sqrt(squares);
  for (let d = 0; d < vector.length; d++) vector[d] *= scale;
}
