/** One step of Lloyd's k-means for each segment of the dimensions, in plain code. */

export interface KmeansShape {
  readonly rows: number;
  readonly dimensions: number;
  readonly segments: number;
  /** Centroids of each segment. */
  readonly centroids: number;
}

/** The nearest centroid of each row and segment, `[rows × segments]`; of equally near ones the first. */
export function assignCentroids(shape: KmeansShape, rows: Float32Array, centroids: Float32Array): Uint32Array {
  const width = shape.dimensions / shape.segments;
  const assigned = new Uint32Array(shape.rows * shape.segments);
  for (let row = 0; row < shape.rows; row++) {
    for (let segment = 0; segment < shape.segments; segment++) {
      const at = row * shape.dimensions + segment * width;
      let nearest = 0;
      let least = Infinity;
      for (let c = 0; c < shape.centroids; c++) {
        const first = (segment * shape.centroids + c) * width;
        let sum = 0;
        for (let d = 0; d < width; d++) sum += (rows[at + d] - centroids[first + d]) ** 2;
        if (sum < least) {
          least = sum;
          nearest = c;
        }
      }
      assigned[row * shape.segments + segment] = nearest;
    }
  }
  return assigned;
}

/** Moves each centroid to the mean of its rows, in place; one without rows stays. Returns how many are empty. */
export function moveCentroids(shape: KmeansShape, rows: Float32Array, assigned: Uint32Array, centroids: Float32Array): number {
  const width = shape.dimensions / shape.segments;
  const sums = new Float64Array(centroids.length);
  const counts = new Uint32Array(shape.segments * shape.centroids);
  for (let row = 0; row < shape.rows; row++) {
    for (let segment = 0; segment < shape.segments; segment++) {
      const c = segment * shape.centroids + assigned[row * shape.segments + segment];
      counts[c]++;
      const at = row * shape.dimensions + segment * width;
      for (let d = 0; d < width; d++) sums[c * width + d] += rows[at + d];
    }
  }
  let empty = 0;
  for (let c = 0; c < counts.length; c++) {
    if (counts[c] === 0) empty++;
    else for (let d = 0; d < width; d++) centroids[c * width + d] = sums[c * width + d] / counts[c];
  }
  return empty;
}
